"""The plan of a season: as many photos as asked for, at times and places that can be."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.synthetic import PictureSettings, SurveySettings, SynthesisSettings
from reid.synthetic.season import APART_S, plan_season

PLANS = st.builds(
    SynthesisSettings,
    individuals=st.integers(1, 12),
    photos=st.integers(1, 9),
    seed=st.integers(0, 2**63 - 1),
    coat=st.sampled_from(["rosettes", "mixed"]),
    survey=st.builds(
        SurveySettings,
        stations=st.integers(1, 9),
        cameras=st.integers(1, 2),
        burst=st.integers(1, 5),
        days=st.integers(1, 5),
    ),
    picture=st.builds(
        PictureSettings, lights=st.sampled_from([("day",), ("infrared", "flash"), ("day", "flash", "infrared")])
    ),
)


@settings(max_examples=30, deadline=None)
@given(PLANS)
def test_every_plan_can_be(wanted: SynthesisSettings) -> None:
    season = plan_season(wanted)
    assert Counter(shot.animal for shot in season.shots) == dict.fromkeys(range(wanted.individuals), wanted.photos)
    assert len({shot.path for shot in season.shots}) == len(season.shots)
    assert len(season.cameras) == wanted.survey.stations * wanted.survey.cameras
    visits: dict[int, list] = {}
    for shot in season.shots:
        visits.setdefault(shot.visit, []).append(shot)
        assert shot.light in wanted.picture.lights
        hour = shot.date.hour + shot.date.minute / 60
        if len(season.shots) < 30:
            assert (6.4 < hour < 18.5) == (shot.light == "day") or wanted.picture.lights == ("day",)
    ends = []
    for shots in visits.values():
        assert len({(shot.animal, shot.encounter, season.cameras[shot.camera].station) for shot in shots}) == 1
        assert len(shots) <= wanted.survey.burst
        # one camera sees one side of a visit
        assert len({(shot.camera, shot.orientation) for shot in shots}) == len({shot.camera for shot in shots})
        if wanted.survey.cameras == 2 and len(shots) > 1:
            assert {shot.orientation for shot in shots} == {"left", "right"}
        ends.append((season.cameras[shots[0].camera].station, shots[0].date, shots[-1].date))
    ends.sort()
    for (station, _, end), (other, start, _) in itertools.pairwise(ends):
        assert station != other or start - end >= timedelta(seconds=APART_S)
    assert plan_season(wanted) == season


def test_animals_keep_to_their_range() -> None:
    wanted = SynthesisSettings(individuals=60, photos=12, seed=1, survey=SurveySettings(stations=49, burst=1))
    season = plan_season(wanted)
    away, any_two = [], []
    for shot in season.shots:
        animal, camera = season.animals[shot.animal], season.cameras[shot.camera]
        place = np.array([camera.longitude, camera.latitude]) * 111
        away.append(np.hypot(*(place - (animal.east_km, animal.north_km))))
        other = season.animals[(shot.animal + 7) % 60]
        any_two.append(np.hypot(*(place - (other.east_km, other.north_km))))
    assert np.median(away) < 0.8 * np.median(any_two)


def test_a_place_that_allows_one_light_gets_it() -> None:
    wanted = SynthesisSettings(individuals=10, survey=SurveySettings(stations=2))
    for shot in plan_season(wanted, ["infrared", ""]).shots:
        assert shot.camera == 1 or shot.light == "infrared"


def test_one_more_animal_changes_no_other() -> None:
    few, more = (plan_season(SynthesisSettings(individuals=n, survey=SurveySettings(days=3650))) for n in (8, 9))
    cut = ("animal", "camera", "frame", "light", "orientation", "date")
    assert [[getattr(shot, name) for name in cut] for shot in few.shots] == [
        [getattr(shot, name) for name in cut] for shot in more.shots if shot.animal < 8
    ]
