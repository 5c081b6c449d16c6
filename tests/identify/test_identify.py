"""Encounters, links, grouping and decisions on worked examples, and properties that always hold."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.errors import ConfigError
from reid.identify import (
    DecisionSettings,
    Group,
    assign_encounters,
    cannot_links,
    decide,
    group_encounters,
    link_encounters,
    unfit_encounters,
)
from reid.tables import CROPS, LINKS, MATCHES, from_rows


def crop(crop_id: str, image: str, sequence: str | None, flank: str = "left", side: float = 100) -> dict[str, object]:
    return {
        "crop_id": crop_id,
        "image_id": image,
        "path": image,
        "content_hash": "00",
        "bbox": [0, 0, side, side],
        "orientation": flank,
        "sequence": sequence,
    }


def links_of(*rows: tuple[str, str, float]) -> pd.DataFrame:
    made = [
        {
            "encounter": a,
            "other": b,
            "kind": "individual" if b.isupper() else "encounter",
            "probability": p,
            "query": f"{a}-crop",
            "candidate": f"{b}-crop",
        }
        for a, b, p in rows
    ]
    return from_rows(made, LINKS)


def groups_of(encounters: str, *rows: tuple[str, str, float], **options: object) -> list[str]:
    found = group_encounters(list(encounters), links_of(*rows), 0.95, **options)  # type: ignore[arg-type]
    return ["".join(group.encounters) + (group.individual or "") for group in found]


def test_a_sequence_is_one_encounter_unless_two_stand_in_a_frame() -> None:
    crops = assign_encounters(
        from_rows(
            [
                crop("1", "a.jpg", "s1"),
                crop("2", "b.jpg", "s1"),
                crop("3", "c.jpg", "s2"),
                crop("4", "d.jpg", "s2"),
                crop("5", "d.jpg", "s2"),
                crop("6", "e.jpg", None),
            ],
            CROPS,
        )
    )
    assert crops["encounter"].tolist() == ["s1", "s1", "s2#1", "s2#2", "s2#3", "6"]
    assert cannot_links(crops) == {frozenset(("s2#2", "s2#3"))}


def test_links_keep_the_best_evidence_of_a_pair() -> None:
    rows = [("1", "3", 0.4), ("4", "2", 0.9), ("1", "2", 0.99), ("3", "cat", 0.7)]
    matches = from_rows(
        [{"query": a, "candidate": b, "similarity": 0.5, "probability": p} for a, b, p in rows], MATCHES
    )
    links = link_encounters(matches, {"1": "e1", "2": "e1", "3": "e2", "4": "e2"}, {"cat": "ind-001"})
    assert links[["encounter", "other", "kind", "probability", "query", "candidate"]].to_numpy().tolist() == [
        ["e1", "e2", "encounter", 0.9, "2", "4"],
        ["e2", "ind-001", "individual", 0.7, "3", "cat"],
    ]


def test_sure_links_join_and_weak_ones_do_not() -> None:
    assert groups_of("abc", ("a", "b", 0.99), ("b", "c", 0.9)) == ["ab", "c"]
    assert groups_of("abc", ("a", "b", 0.99), ("b", "c", 0.96)) == ["abc"]
    assert groups_of("abc") == ["a", "b", "c"]


def test_one_link_does_not_chain_two_established_animals() -> None:
    left = [("a", "b", 0.99), ("b", "c", 0.99), ("a", "c", 0.99)]
    right = [("d", "e", 0.99), ("e", "f", 0.99), ("d", "f", 0.99)]
    assert groups_of("abcdef", *left, *right, ("c", "d", 0.97)) == ["abc", "def"]
    witnesses = [("c", "d", 0.99), ("b", "e", 0.98), ("a", "f", 0.98)]
    assert groups_of("abcdef", *left, *right, *witnesses) == ["abcdef"]


def test_two_animals_of_one_frame_stay_apart() -> None:
    rows = [("a", "b", 0.99), ("b", "c", 0.98)]
    assert groups_of("abc", *rows, cannot=[frozenset("ac")]) == ["ab", "c"]


def test_two_known_individuals_never_join() -> None:
    rows = [("a", "X", 0.99), ("a", "Y", 0.98), ("b", "Y", 0.97)]
    assert groups_of("ab", *rows, individuals=["X", "Y"]) == ["aX", "bY"]


link = st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdefXY"), st.floats(0, 1))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(link, max_size=14), st.sets(st.frozensets(st.sampled_from("abcdef"), min_size=2, max_size=2), max_size=4)
)
def test_every_encounter_in_one_group_and_nothing_forbidden(
    rows: list[tuple[str, str, float]], cannot: set[frozenset[str]]
) -> None:
    unique = {(min(a, b) if b.islower() else a, max(a, b) if b.islower() else b): p for a, b, p in rows if a != b}
    kept = [(a, b, p) for (a, b), p in unique.items()]
    found = group_encounters(list("abcdef"), links_of(*kept), 0.95, cannot, ["X", "Y"])
    assert sorted(itertools.chain.from_iterable(g.encounters for g in found)) == list("abcdef")
    for group in found:
        assert not any(pair <= set(group.encounters) for pair in cannot)
    names = [g.individual for g in found if g.individual]
    assert len(names) == len(set(names))
    shuffled = group_encounters(list("abcdef"), links_of(*kept[::-1]), 0.95, cannot, ["X", "Y"])
    assert shuffled == found


def test_decisions() -> None:
    links = links_of(("a", "b", 0.99), ("a", "X", 0.2), ("c", "X", 0.97), ("d", "a", 0.6), ("e", "a", 0.1))
    groups = [
        Group(("a", "b"), None),
        Group(("c",), "X"),
        Group(("d",), None),
        Group(("e",), None),
        Group(("f",), None),
    ]
    table = decide(groups, links, {"f": "shows no flank"}).set_index("encounter")
    assert table["decision"].to_dict() == {
        "a": "new",
        "b": "new",
        "c": "known",
        "d": "unsure",
        "e": "new",
        "f": "unsure",
    }
    assert table["identity"].to_dict() == {
        "a": "new-1", "b": "new-1", "c": "X", "d": "unknown", "e": "new-2", "f": "unknown",
    }  # fmt: skip
    assert table["probability"].to_dict() == pytest.approx(
        {"a": 0.99, "b": 0.99, "c": 0.97, "d": 0.6, "e": 0.9, "f": 0.0}
    )
    assert table.loc["d", ["query", "candidate"]].tolist() == ["d-crop", "a-crop"]
    assert table.loc["b", ["query", "candidate"]].tolist() == ["b-crop", "a-crop"]
    assert table.loc["f", "reason"] == "shows no flank"


def test_what_shows_too_little_founds_nobody_but_may_be_somebody() -> None:
    crops = from_rows(
        [
            {**crop("1", "a.jpg", "s1", "front"), "encounter": "e1"},
            {**crop("2", "b.jpg", "s2", "left", 40), "encounter": "e2"},
            {**crop("3", "c.jpg", "s3", "left"), "encounter": "e3"},
            {**crop("4", "d.jpg", "s3", "unknown", 20), "encounter": "e3"},
        ],
        CROPS,
    )
    unfit = unfit_encounters(crops, DecisionSettings())
    assert unfit == {"e1": "shows no flank", "e2": "too small to tell: 40 pixels, 64 are needed"}
    assert unfit_encounters(crops, DecisionSettings(needs_flank=False, min_side=30)) == {}
    known = decide([Group(("e1",), "X")], links_of(("e1", "X", 0.99)), unfit)
    assert known["decision"].tolist() == ["known"]


def test_thresholds_are_checked() -> None:
    with pytest.raises(ConfigError, match="0 < reject <= accept < 1"):
        DecisionSettings(accept=0.3, reject=0.5)
