"""Which photo a listed name means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reid.detect.names import match_names


def by_name(listed: list[str], photos: list[str]) -> tuple[dict[str, str], list[tuple[set[str], set[str]]]]:
    matching = match_names(listed, photos)
    ties = [({listed[i] for i in tie.listed}, {photos[i] for i in tie.photos}) for tie in matching.ties]
    return {listed[i]: photos[j] for i, j in matching.photo_of.items()}, ties


@pytest.mark.parametrize(
    ("listed", "photos", "expected"),
    [
        ([], [], {}),
        ([], ["1.jpg"], {}),
        (["1.jpg"], [], {}),
        (["A/1.jpg"], ["A/1.jpg"], {"A/1.jpg": "A/1.jpg"}),
        (["./A/1.jpg"], ["A/1.jpg"], {"./A/1.jpg": "A/1.jpg"}),
        (["A\\1.jpg"], ["A/1.jpg"], {"A\\1.jpg": "A/1.jpg"}),
        (["C:\\season\\A\\1.jpg"], ["A/1.jpg"], {"C:\\season\\A\\1.jpg": "A/1.jpg"}),
        (["/mnt/card/A/1.jpg"], ["A/1.jpg"], {"/mnt/card/A/1.jpg": "A/1.jpg"}),
        (["1.jpg"], ["A/1.jpg"], {"1.jpg": "A/1.jpg"}),
        (["a/1.JPG"], ["A/1.jpg"], {"a/1.JPG": "A/1.jpg"}),
        (["old/A/1.jpg"], ["new/A/1.jpg"], {"old/A/1.jpg": "new/A/1.jpg"}),
        # The same letter written in two ways, spaces, and another alphabet.
        (["A/Jose\u0301  2.jpg"], ["A/Jos\u00e9  2.jpg"], {"A/Jose\u0301  2.jpg": "A/Jos\u00e9  2.jpg"}),
        (["Барс/снег.jpg"], ["барс/Снег.jpg"], {"Барс/снег.jpg": "барс/Снег.jpg"}),
        # The whole path goes before the end of a path.
        (["1.jpg"], ["1.jpg", "A/1.jpg"], {"1.jpg": "1.jpg"}),
        (
            ["A/1.jpg", "x/A/1.jpg"],
            ["A/1.jpg", "x/A/1.jpg"],
            {"A/1.jpg": "A/1.jpg", "x/A/1.jpg": "x/A/1.jpg"},
        ),
        # The longest end goes first, and what it takes is no rival of the next.
        (
            ["A/1.jpg", "x/A/1.jpg"],
            ["r/A/1.jpg", "r/x/A/1.jpg"],
            {"A/1.jpg": "r/A/1.jpg", "x/A/1.jpg": "r/x/A/1.jpg"},
        ),
        (["/r/A/1.jpg"], ["A/1.jpg", "x/A/1.jpg"], {"/r/A/1.jpg": "A/1.jpg"}),
        # The file was made from a folder below the photo folder, for one station.
        (["1.jpg", "B/2.jpg"], ["A/1.jpg", "B/2.jpg"], {"1.jpg": "A/1.jpg", "B/2.jpg": "B/2.jpg"}),
        # A file of the same name in another folder of the same season is another photo.
        (["A/1.jpg", "B/2.jpg"], ["A/1.jpg", "C/2.jpg"], {"A/1.jpg": "A/1.jpg"}),
        # As written goes before another letter case, which must fit one photo only.
        (["A/1.jpg", "A/1.JPG"], ["A/1.jpg", "A/1.JPG"], {"A/1.jpg": "A/1.jpg", "A/1.JPG": "A/1.JPG"}),
        (["A/1.jpg", "A/1.Jpg"], ["A/1.jpg"], {"A/1.jpg": "A/1.jpg"}),
        (["B/2.jpg"], ["A/1.jpg"], {}),
        (["1.jpg.bak", "x1.jpg"], ["1.jpg"], {}),
    ],
)
def test_matches(listed: list[str], photos: list[str], expected: dict[str, str]) -> None:
    assert by_name(listed, photos) == (expected, [])


@pytest.mark.parametrize(
    ("listed", "photos"),
    [
        (["1.jpg"], ["A/1.jpg", "B/1.jpg"]),
        (["A/1.jpg", "B/1.jpg"], ["1.jpg"]),
        (["x/1.jpg"], ["A/1.jpg", "B/1.jpg"]),
        (["A/1.JPG"], ["A/1.jpg", "a/1.jpg"]),
        (["A/1.JPG", "A/1.Jpg"], ["A/1.jpg"]),
    ],
)
def test_ties(listed: list[str], photos: list[str]) -> None:
    assert by_name(listed, photos) == ({}, [(set(listed), set(photos))])


def test_ignoring_case_a_photo_that_is_taken_is_a_reason_for_doubt() -> None:
    matched, ties = by_name(["A/1.jpg", "A/1.JPG"], ["A/1.jpg", "a/1.jpg"])
    assert matched == {"A/1.jpg": "A/1.jpg"}
    assert ties == [({"A/1.JPG"}, {"a/1.jpg"})]


def test_a_tie_leaves_the_others_alone() -> None:
    matched, ties = by_name(["1.jpg", "2.jpg"], ["A/1.jpg", "B/1.jpg", "B/2.jpg"])
    assert matched == {"2.jpg": "B/2.jpg"}
    assert ties == [({"1.jpg"}, {"A/1.jpg", "B/1.jpg"})]


folders = st.sampled_from(["A", "B", "a", "x"])
files = st.sampled_from(["1.jpg", "2.jpg", "1.JPG"])
paths = st.builds(lambda f, n: "/".join([*f, n]), st.lists(folders, max_size=3), files)
trees = st.lists(paths, unique=True, max_size=8)


@given(trees, st.sampled_from(["", "./", "/data/", "D:\\season 1\\", "r/s/t/"]), st.booleans(), st.randoms())
def test_a_season_with_another_root_is_matched_whole(tree: list[str], root: str, back: bool, random: object) -> None:
    listed = [root + (path.replace("/", "\\") if back else path) for path in tree]
    order = list(tree)
    random.shuffle(order)  # type: ignore[attr-defined]
    matched, ties = by_name(listed, order)
    assert matched == dict(zip(listed, tree, strict=True)) and ties == []


@given(trees, trees, st.randoms())
def test_order_does_not_matter_and_nothing_is_used_twice(listed: list[str], photos: list[str], random: object) -> None:
    matched, ties = by_name(listed, photos)
    used = [*matched.values(), *(photo for _, some in ties for photo in some)]
    named = [*matched, *(name for some, _ in ties for name in some)]
    assert len(used) == len(set(used)) and len(named) == len(set(named))
    for name, photo in matched.items():
        assert name.split("/")[-1].casefold() == photo.split("/")[-1].casefold()
    assert all(matched.get(name) == name for name in set(listed) & set(photos))
    shuffled, others = list(listed), list(photos)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    random.shuffle(others)  # type: ignore[attr-defined]
    again, again_ties = by_name(shuffled, others)
    assert again == matched
    assert {(frozenset(a), frozenset(b)) for a, b in again_ties} == {(frozenset(a), frozenset(b)) for a, b in ties}
