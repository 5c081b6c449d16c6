"""A small season of synthetic animals, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from reid.synthetic import PictureSettings, SurveySettings, Synthesised, SynthesisSettings, synthesise

SMALL = PictureSettings(width=320, height=240)


@pytest.fixture(scope="session")
def settings() -> SynthesisSettings:
    return SynthesisSettings(
        individuals=5, photos=4, seed=3, coat="mixed", survey=SurveySettings(stations=3, cameras=2), picture=SMALL
    )


@pytest.fixture(scope="session")
def made(settings: SynthesisSettings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Synthesised]:
    folder = tmp_path_factory.mktemp("synthetic") / "out"
    return folder, synthesise(folder, settings)
