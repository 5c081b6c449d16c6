"""Splits: the published one row for row, the promises of each rule, what leaks, and tables that do not fit."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given as sampled
from hypothesis import settings
from hypothesis import strategies as st

from reid.errors import ConfigError, InputError, TableError
from reid.evaluate import (
    ProtocolSettings,
    Split,
    closed_set,
    encounter_aware,
    given,
    identity_disjoint,
    make_split,
    open_set,
    time_aware,
    without_rows,
)

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = Path(__file__).parent / "files" / "friesian_cattle_2015.txt"
NYALA = ROOT.parent / "shared" / "data" / "nyala" / "annotations.csv"


def table(identities: list[str], **columns: object) -> pd.DataFrame:
    frame = pd.DataFrame({"identity": pd.array(identities, dtype="string"), **columns})
    if "date" in frame:
        frame["date"] = pd.to_datetime(frame["date"], format="ISO8601")
    return frame


def parts(split: Split) -> list[str | None]:
    return [None if pd.isna(part) else str(part) for part in split.frame["split"]]


def test_the_published_split_is_reproduced_row_for_row() -> None:
    words = [w for line in PUBLISHED.read_text().splitlines() if not line.startswith("#") for w in line.split()]
    assert len(words) == 377
    split = closed_set(table([word.rstrip("*") for word in words]), 0.8, seed=666)
    assert parts(split) == ["test" if word.endswith("*") else "train" for word in words]


def test_other_seeds_and_orders_of_names_give_other_rows() -> None:
    names = [f"{n % 12}" for n in range(60)]
    assert parts(closed_set(table(names))) != parts(closed_set(table(names), seed=667))
    # as texts, "10" comes before "2"
    assert parts(closed_set(table(names))) != parts(closed_set(table([f"a{name}" for name in names])))


def test_nyala_train_part_holds_counts_that_the_rule_can_leave() -> None:
    if not NYALA.is_file():
        pytest.skip("NyalaData is not beside the project")
    counts = pd.read_csv(NYALA)["identity"].value_counts()
    rounded = {n: round(0.8 * n) for n in range(1, 80)}
    possible = {max(1, train - (train == n and n > 1)) for n, train in rounded.items()}
    assert len(counts) == 237
    assert set(counts) <= possible


IDENTITIES = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "unknown"]), min_size=12, max_size=40)


@settings(max_examples=40, deadline=None)
@sampled(IDENTITIES, st.sampled_from([0.2, 0.5, 0.8]), st.integers(0, 5))
def test_closed_set_keeps_every_animal_in_the_gallery(names: list[str], ratio: float, seed: int) -> None:
    frame = table(names)
    if frame["identity"].value_counts().drop("unknown", errors="ignore").max() < 2:
        return
    split = closed_set(frame, ratio, seed)
    known = frame["identity"] != "unknown"
    assert split.frame["split"].notna().tolist() == known.tolist()
    for _, rows in split.frame[known].groupby("identity"):
        train = int((rows["split"] == "train").sum())
        assert 1 <= train <= max(1, len(rows) - 1)
        assert abs(train - ratio * len(rows)) <= 1
    assert set(split.gallery) | set(split.queries) == set(known[known].index)


@settings(max_examples=40, deadline=None)
@sampled(IDENTITIES, st.integers(0, 5))
def test_open_and_disjoint_keep_their_animals_apart(names: list[str], seed: int) -> None:
    frame = table(names)
    if (frame["identity"].value_counts().drop("unknown", errors="ignore") >= 2).sum() < 3:
        return
    disjoint = identity_disjoint(frame, 0.4, seed).frame.dropna(subset="split")
    sides = disjoint.groupby("identity")["split"].nunique()
    assert sides.max() == 1
    assert set(disjoint["split"]) == {"train", "test"}
    opened = open_set(frame, 0.5, 0.2, seed).frame.dropna(subset="split")
    new = set(opened["identity"]) - set(opened.loc[opened["split"] == "train", "identity"])
    assert new
    assert len(opened[opened["identity"].isin(new)]) >= 0.2 * len(opened)


def test_disjoint_test_photos_are_each_others_gallery() -> None:
    split = identity_disjoint(table(["a"] * 4 + ["b"] * 4), 0.5)
    assert split.gallery.tolist() == split.queries.tolist()
    assert len(split.queries) == 4


@settings(max_examples=40, deadline=None)
@sampled(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from([None, "1", "2", "3", "4", "5"])), min_size=6, max_size=30
    )
)
def test_an_encounter_is_never_on_both_sides(rows: list[tuple[str, str | None]]) -> None:
    frame = table([row[0] for row in rows], encounter=pd.array([row[1] for row in rows], dtype="string"))
    try:
        split = encounter_aware(frame, 0.5)
    except InputError:
        return
    named = split.frame.dropna(subset=["split", "encounter"])
    assert named.groupby("encounter")["split"].nunique().max() == 1
    assert any("0 of" in leak and "encounter" in leak for leak in split.leaks) or named.empty


def test_encounters_go_whole_and_single_ones_to_the_gallery() -> None:
    frame = table(["a"] * 5 + ["b"] * 2, encounter=["1", "1", "2", "3", "3", "9", "9"])
    split = encounter_aware(frame, 0.5)
    assert parts(split)[5:] == ["gallery", "gallery"]
    assert set(parts(split)[:5]) == {"gallery", "query"}


def test_time_asks_about_later_days() -> None:
    dates = ["2024-01-01 08:00", "2024-01-01 20:00", "2024-01-05", "2024-02-01", "2024-02-01", "2024-03-01", None]
    split = time_aware(table(["a", "a", "a", "a", "b", "b", "a"], date=dates))
    # a has three days, so two are early (1.5 rounds to even); b has two
    assert parts(split) == ["gallery", "gallery", "gallery", "query", "gallery", "query", None]
    cut = time_aware(table(["a", "a", "a", "a", "b", "b", "a"], date=dates), cutoff="2024-01-05")
    assert parts(cut) == ["gallery", "gallery", "query", "query", "query", "query", None]


def test_one_day_animals_are_gallery() -> None:
    split = time_aware(table(["a", "a", "b", "b"], date=["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-03 09:00"]))
    assert parts(split) == ["gallery", "query", "gallery", "gallery"]


def test_given_parts_are_taken_as_they_stand() -> None:
    split = given(table(["a", "a", "b", "unknown"], split=["Train", "test", "train", "test"]))
    assert parts(split) == ["train", "test", "train", None]
    apart = given(table(["a", "b", "b"], split=["train", "test", "test"]))
    assert apart.among_themselves
    assert apart.gallery.tolist() == [1, 2]
    with pytest.raises(TableError, match=r"'val'.*gallery, query, test, train"):
        given(table(["a", "a"], split=["train", "val"]))


def test_leaks_are_counted() -> None:
    frame = table(
        ["a", "a", "a", "b"],
        split=["gallery", "query", "query", "query"],
        encounter=["1", "1", "2", "3"],
        content_hash=["x", "y", "x", "z"],
        date=["2024-01-01 01:00", "2024-01-01 02:00", "2024-01-02", "2024-01-01"],
    )
    leaks = given(frame).leaks
    assert "1 of 3 queries have the same file in the gallery" in leaks
    assert "1 of 3 queries have a photo of the same encounter in the gallery" in leaks
    assert "1 of 3 queries have a photo of the same animal and day in the gallery" in leaks
    assert "1 of 3 queries show an animal that is not in the gallery" in leaks


def test_leaks_among_themselves_do_not_count_the_photo_itself() -> None:
    frame = table(["a", "a", "b", "b"], split=["test"] * 4, encounter=["1", "1", "2", "3"])
    assert "2 of 4 queries have a photo of the same encounter in the gallery" in given(frame).leaks


def test_rows_without_a_vector_leave_both_parts() -> None:
    split = closed_set(table(["a"] * 10))
    lost = split.frame.index == split.queries[0]
    fewer = without_rows(split, lost)
    assert len(fewer.queries) == len(split.queries) - 1
    assert fewer.gallery.tolist() == split.gallery.tolist()
    assert "1 photos could not be read and take no part" in fewer.leaks


@pytest.mark.parametrize(
    ("settings", "columns", "error", "words"),
    [
        (ProtocolSettings("closed"), {}, InputError, "leaves no queries"),
        (ProtocolSettings("time"), {}, TableError, "needs the column date"),
        (ProtocolSettings("time"), {"date": [None, None]}, InputError, "Fill the `date` column"),
        (ProtocolSettings("encounter"), {"encounter": [None, None]}, InputError, "missing or empty"),
        (ProtocolSettings("given"), {"split": [None, None]}, TableError, "holds nothing"),
    ],
)
def test_tables_that_do_not_fit_are_refused(
    settings: ProtocolSettings, columns: dict[str, list[None]], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        make_split(table(["a", "b"], **columns), settings)


def test_one_animal_cannot_be_split_by_animals() -> None:
    with pytest.raises(InputError, match="at least two identities, found 1"):
        identity_disjoint(table(["a", "a"]))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": "close"}, "atrw, closed, disjoint, encounter, given, open, time"),
        ({"ratio": 1.0}, "between 0 and 1"),
        ({"exclude": ("camera",)}, "encounter, flank"),
        ({"undefined": "zero"}, "miss, skip"),
        ({"name": "atrw"}, "belong together"),
        ({"truth": "gt.json"}, "belong together"),
    ],
)
def test_wrong_settings_name_the_right_ones(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ProtocolSettings(**wrong)  # type: ignore[arg-type]
