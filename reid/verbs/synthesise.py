"""`reid synthesise`: photos of individuals that do not exist, with labels and the truth of their season."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from reid.synthetic import PictureSettings, SurveySettings, SynthesisSettings, synthesise
from reid.verbs.common import write_settings

__all__ = ["SynthesiseConfig", "run"]


@dataclass(frozen=True)
class SynthesiseConfig:
    output: str
    individuals: int = 50
    photos: int = 6
    seed: int = 0
    coat: str = "rosettes"
    backgrounds: str = ""
    survey: SurveySettings = field(default_factory=SurveySettings)
    picture: PictureSettings = field(default_factory=PictureSettings)


def run(config: SynthesiseConfig) -> str:
    """Make the photos; returns the summary for the terminal."""
    settings = SynthesisSettings(
        config.individuals, config.photos, config.seed, config.coat, config.backgrounds, config.survey, config.picture
    )
    made = synthesise(config.output, settings)
    folder = Path(config.output).expanduser()
    write_settings(config, folder)
    table = made.annotations
    lines = [
        f"{len(table)} photos of {table['identity'].nunique()} individuals at {table['station'].nunique()} stations in "
        f"{table['encounter'].nunique()} encounters; {made.made} made now, {len(table) - made.made} were there.",
        f"Labels: {folder / 'annotations.csv'}   Truth: {folder / 'truth.json'}",
        f"A census of them: reid census photos={folder} detections={folder / 'megadetector.json'} output=...",
    ]
    if len(made.problems):
        first = made.problems.iloc[0]
        lines.insert(
            1, f"{len(made.problems)} backgrounds were passed over, the first {first['path']}: {first['reason']}."
        )
    return "\n".join(lines)
