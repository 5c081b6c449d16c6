"""What is held out: nothing of it is trained on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.errors import ConfigError, InputError
from reid.evaluate.splits import closed_set, identity_disjoint
from reid.train.holdout import Parts, ValidationSettings
from reid.train.holdout import hold_out as divide


def hold_out(frame: pd.DataFrame, settings: ValidationSettings) -> Parts:
    return divide(frame, settings, frame)


def table(
    seed: int, animals: int = 12, photos: int = 80, dataset: str = "set", encounters: bool = True
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    identity = rng.integers(0, animals, photos).astype(str)
    flank = rng.choice(["left", "right"], photos)
    return pd.DataFrame(
        {
            "dataset": dataset,
            "identity": identity,
            "label": [f"{dataset}/{i}/{f}" for i, f in zip(identity, flank, strict=True)],
            "encounter": [
                f"{i}-{k}" if encounters else None for i, k in zip(identity, rng.integers(0, 4, photos), strict=True)
            ],
            "path": [f"{n}.jpg" for n in range(photos)],
            "content_hash": [f"{dataset}{seed}-{n}" for n in range(photos)],
            "bbox": [(0.0, 0.0, 9.0, 9.0)] * photos,
        }
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 0.6))
def test_held_out_individuals_are_strangers_to_training(seed: int, share: float) -> None:
    frame = table(seed)
    parts = hold_out(frame, ValidationSettings(share=share, seed=seed))
    assert not set(frame["identity"][parts.train]) & set(frame["identity"][parts.query])
    assert sorted([*parts.train, *parts.query]) == list(range(len(frame)))
    assert np.array_equal(parts.query, parts.gallery)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 0.6))
def test_held_out_encounters_are_strangers_whose_classes_stay(seed: int, share: float) -> None:
    frame = table(seed)
    parts = hold_out(frame, ValidationSettings(by="encounter", share=share, seed=seed))
    assert not set(frame["encounter"][parts.train]) & set(frame["encounter"][parts.query])
    assert set(frame["label"][parts.query]) <= set(frame["label"][parts.train])
    assert len(parts.query) and np.array_equal(parts.gallery, parts.train)


def test_held_out_photos_and_individuals_are_those_that_an_evaluation_asks_about() -> None:
    frame = table(5)
    closed, disjoint = closed_set(frame, 0.8, 7), identity_disjoint(frame, 0.2, 7)
    photos = hold_out(frame, ValidationSettings(by="photo", share=0.2, seed=7))
    individuals = hold_out(frame, ValidationSettings(by="identity", share=0.2, seed=7))
    assert np.array_equal(photos.query, closed.queries) and np.array_equal(photos.gallery, closed.gallery)
    assert np.array_equal(photos.train, closed.gallery)
    assert np.array_equal(individuals.query, disjoint.queries)


@pytest.mark.parametrize("rule", ["photo", "identity"])
def test_rows_that_are_left_out_do_not_let_a_query_into_training(rule: str) -> None:
    whole = table(6)
    whole.loc[[70, 75], ["identity", "content_hash"]] = whole.loc[[3, 8], ["identity", "content_hash"]].to_numpy()
    frame = whole.drop([0, 11, 40, 70, 75]).reset_index(drop=True)
    split = closed_set(whole, 0.8, 7) if rule == "photo" else identity_disjoint(whole, 0.2, 7)
    asked = set(whole["content_hash"].iloc[split.queries])
    parts = divide(frame, ValidationSettings(by=rule, share=0.2, seed=7), whole)
    assert not asked & set(frame["content_hash"].iloc[parts.train])
    assert asked >= set(frame["content_hash"].iloc[parts.query])


def test_each_data_set_can_have_its_own_rule() -> None:
    frame = pd.concat([table(0, dataset="b"), table(1, dataset="a")], ignore_index=True)
    parts = hold_out(frame, ValidationSettings(by=("photo", "identity")))
    train, query = frame.iloc[parts.train], frame.iloc[parts.query]
    b, a = (set(query["identity"][query["dataset"] == name]) for name in ("b", "a"))
    assert b <= set(train["identity"][train["dataset"] == "b"])
    assert a and not a & set(train["identity"][train["dataset"] == "a"])
    with pytest.raises(ConfigError, match="2 rules for 1 data sets"):
        hold_out(table(0), ValidationSettings(by=("photo", "identity")))


def test_auto_takes_encounters_where_they_are_named() -> None:
    frame = pd.concat([table(0, dataset="a"), table(1, dataset="b", encounters=False)], ignore_index=True)
    parts = hold_out(frame, ValidationSettings(by="auto"))
    train, query = frame.iloc[parts.train], frame.iloc[parts.query]
    a, b = ({*part["identity"][part["dataset"] == name]} for part, name in ((query, "a"), (query, "b")))
    assert a <= set(train["identity"][train["dataset"] == "a"])
    assert b and not b & set(train["identity"][train["dataset"] == "b"])


def test_another_data_set_changes_nothing_in_the_first() -> None:
    alone = hold_out(table(0, dataset="a"), ValidationSettings())
    both = hold_out(pd.concat([table(0, dataset="a"), table(1, dataset="b")], ignore_index=True), ValidationSettings())
    assert np.array_equal(alone.query, both.query[both.query < 80])


def test_too_little_to_hold_out_is_refused_and_none_can_be_chosen() -> None:
    with pytest.raises(InputError, match=r"validation\.share=0"):
        hold_out(table(0, animals=3), ValidationSettings())
    parts = hold_out(table(0, animals=3), ValidationSettings(share=0.0))
    assert len(parts.train) == 80 and not len(parts.query)


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": "station"},
        {"by": ("photo", "day")},
        {"share": 1.0},
        {"figure": "accuracy"},
        {"figure": "a/rank"},
        {"every": 0},
    ],
)
def test_wrong_settings_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"validation.{next(iter(wrong))}"):
        ValidationSettings(**wrong)  # type: ignore[arg-type]
