"""Batches: who is in them, how often, and that the same epoch gives the same ones."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from reid.errors import ConfigError
from reid.train.sampler import Batches, SamplerSettings

CLASSES = np.repeat(np.arange(12), [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 23])
SETS = (CLASSES >= 9).astype(int)


def rows(batches: Batches) -> list[list[int]]:
    return [[draw.row for draw in batch] for batch in batches]


def test_shuffled_takes_no_crop_twice_an_epoch() -> None:
    batches = Batches(CLASSES, SETS, SamplerSettings(batch=8))
    taken = [row for batch in rows(batches) for row in batch]
    assert len(batches) == len(CLASSES) // 8 == len(taken) // 8
    assert len(set(taken)) == len(taken)


def test_more_steps_than_crops_start_the_list_again() -> None:
    taken = [row for batch in rows(Batches(CLASSES, SETS, SamplerSettings(batch=10, steps=30))) for row in batch]
    assert len(taken) == 300 and set(Counter(taken).values()) == {3}


def test_pxk_has_k_of_each_of_p_classes_and_turns_through_all() -> None:
    batches = rows(Batches(CLASSES, SETS, SamplerSettings("pxk", batch=12, photos=3, steps=12)))
    seen: Counter[int] = Counter()
    for batch in batches:
        counts = Counter(CLASSES[batch].tolist())
        assert set(counts.values()) == {3} and len(counts) == 4
        seen.update(counts.keys())
    assert set(seen) == set(range(12)) and max(seen.values()) - min(seen.values()) <= 1
    big = [row for batch in batches for row in batch if CLASSES[row] == 11]
    assert all(len({row for row in batch if CLASSES[row] == 11}) in (0, 3) for batch in batches) and big


def test_pxk_apart_fills_a_batch_from_one_set_by_its_classes() -> None:
    settings = SamplerSettings("pxk", batch=12, photos=3, steps=400, apart=True)
    batches = rows(Batches(CLASSES, SETS, settings))
    sets = [set(SETS[batch].tolist()) for batch in batches]
    assert all(len(found) == 1 for found in sets)
    # 3 of 12 classes are of the second set; it has fewer than a batch holds, so one of them comes twice
    assert np.mean([found == {1} for found in sets]) == pytest.approx(3 / 12, abs=0.06)
    for batch, found in zip(batches, sets, strict=True):
        assert len(batch) == 12 and len(set(CLASSES[batch].tolist())) == (3 if found == {1} else 4)
    seen = Counter(CLASSES[row] for batch in batches for row in batch)
    assert set(seen) == set(range(12))


def test_pxk_takes_from_other_encounters_before_a_second_of_any() -> None:
    classes = np.repeat(np.arange(4), 6)
    encounters = np.array([0, 0, 0, 0, 1, 2, 3, 3, 3, 4, 4, 4, *range(5, 11), *[11] * 6])
    settings = SamplerSettings("pxk", batch=12, photos=3, steps=60, elsewhere=True)
    for batch in rows(Batches(classes, np.zeros(24, int), settings, encounters=encounters)):
        for label, most in enumerate((3, 2, 3, 1)):
            own = [row for row in batch if classes[row] == label]
            assert len(set(own)) == 3 and len(set(encounters[own])) == most


def test_pxk_puts_animals_of_one_photo_beside_those_with_company() -> None:
    classes = np.array([0, 0, 0, 1, 1, 2, 2, 3, 4, 5, 6, 6])
    settings = SamplerSettings("pxk", batch=9, photos=2, alone=5, steps=40)
    for batch in rows(Batches(classes, np.zeros(12, int), settings)):
        counts = Counter(classes[batch[:4]].tolist())
        assert set(counts.values()) == {2} and set(counts) <= {0, 1, 2, 6}
        rest = classes[batch[4:]].tolist()
        # the three with one photo, and of the others two that are not in the batch yet
        assert set(rest[:3]) == {3, 4, 5} and len(set(rest)) == 5 and not set(rest) & set(counts)
    with pytest.raises(ConfigError, match="3 classes of two or more photos, and the data has 2"):
        Batches([0, 0, 1, 1, 2, 3], [0] * 6, SamplerSettings("pxk", batch=7, photos=2, alone=1))


def test_pxk_by_the_root_draws_classes_by_the_root_of_their_photos() -> None:
    classes = np.repeat(np.arange(6), [1, 4, 9, 16, 25, 36])
    settings = SamplerSettings("pxk", batch=4, photos=2, steps=4000, root=True)
    batches = rows(Batches(classes, np.zeros(len(classes), int), settings))
    first = Counter(int(classes[batch[0]]) for batch in batches)
    assert [first[n] / 4000 for n in range(6)] == pytest.approx([n / 21 for n in range(1, 7)], abs=0.02)
    assert all(len(set(classes[batch].tolist())) == 2 for batch in batches)


def test_balanced_takes_sets_and_their_classes_equally() -> None:
    taken = np.concatenate(rows(Batches(CLASSES, SETS, SamplerSettings("balanced", batch=50, steps=200))))
    assert np.mean(SETS[taken] == 0) == pytest.approx(0.5, abs=0.02)
    small = np.bincount(CLASSES[taken][SETS[taken] == 0], minlength=9) / np.sum(SETS[taken] == 0)
    assert small == pytest.approx(np.full(9, 1 / 9), abs=0.02)


@pytest.mark.parametrize("name", ["shuffled", "pxk", "balanced"])
def test_an_epoch_is_the_same_each_time_and_not_the_next(name: str) -> None:
    settings = SamplerSettings(name, batch=8, photos=2)
    one, other = (Batches(CLASSES, SETS, settings, seed=5) for _ in range(2))
    list(one)  # what was drawn before does not matter
    one.set_epoch(3)
    other.set_epoch(3)
    assert list(one) == list(other)
    other.set_epoch(4)
    assert list(one) != list(other)


def test_an_epoch_can_see_a_share_of_each_data_set() -> None:
    counts = np.bincount(SETS)
    shares = tuple([1.0] + [0.25] * (len(counts) - 1))
    batches = Batches(CLASSES, SETS, SamplerSettings(batch=4, shares=shares), seed=1)
    wanted = [round(share * count) for share, count in zip(shares, counts, strict=True)]
    assert len(batches) == sum(wanted) // 4
    seen = set()
    for epoch in range(30):
        batches.set_epoch(epoch)
        rows = [draw.row for batch in batches for draw in batch]
        assert len(set(rows)) == len(rows)
        assert (np.bincount(SETS[rows], minlength=len(counts)) <= wanted).all()
        seen |= set(rows)
    assert len(seen) == len(CLASSES)  # others come in other epochs


def test_processes_share_an_epoch() -> None:
    settings = SamplerSettings(batch=8)
    parts = [Batches(CLASSES, SETS, settings, 0, rank, 2) for rank in range(2)]
    assert {len(part) for part in parts} == {6}
    taken = [draw.row for part in parts for batch in part for draw in batch]
    assert len(set(taken)) == len(taken) == 96


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": "random"}, "sampler.name='random'"),
        ({"batch": 1}, "sampler.batch=1"),
        ({"name": "pxk", "batch": 10, "photos": 4}, "sampler.photos=4"),
        ({"steps": -1}, "sampler.steps=-1"),
        ({"shares": (1.0, 0.0)}, "sampler.shares=.*above 0"),
        ({"name": "balanced", "shares": (1.0,)}, "needs sampler=shuffled"),
    ],
)
def test_wrong_settings_are_refused_by_name(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        SamplerSettings(**wrong)  # type: ignore[arg-type]


def test_more_classes_a_batch_than_there_are_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs 20 classes, and the data has 12"):
        Batches(CLASSES, SETS, SamplerSettings("pxk", batch=40, photos=2))


def test_shares_for_another_number_of_data_sets_are_refused() -> None:
    with pytest.raises(ConfigError, match="one share for each"):
        Batches(CLASSES, SETS, SamplerSettings(shares=(0.5,)))
