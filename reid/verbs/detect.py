"""`reid detect`: boxes of the animals on a folder of photos, as a table and as MegaDetector's JSON."""

from __future__ import annotations

from dataclasses import dataclass, field

from reid.cluster import ExecutorSettings, is_url
from reid.detect import DetectorSettings, detect, write_megadetector
from reid.detect.drawing import draw_photos, draw_sheets
from reid.errors import ConfigError, choices
from reid.photos import ScanSettings
from reid.tables import DETECTIONS, PROBLEMS
from reid.verbs.common import collect_problems, make_ahead, photo_root, run_folder, write_settings, write_table
from reid.verbs.season import scan_stage

__all__ = ["DetectConfig", "run"]


DRAWN = ("none", "sheets", "photos")


@dataclass(frozen=True)
class DetectConfig:
    photos: str
    output: str
    detections: str = ""
    draw: str = "none"
    """"sheets": contact sheets; "photos": each photo with boxes too; "none"."""
    scan: ScanSettings = field(default_factory=ScanSettings)
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    executor: ExecutorSettings = field(default_factory=ExecutorSettings)

    def __post_init__(self) -> None:
        if self.draw not in DRAWN:
            raise ConfigError(f"draw={self.draw!r} is unknown; choose one of {choices(DRAWN)}.")
        if self.draw != "none" and is_url(self.photos):
            raise ConfigError(f"draw={self.draw} needs photos on a file system of this machine, not {self.photos}.")


def run(config: DetectConfig) -> str:
    """Detect; returns the summary for the terminal."""
    root = photo_root(config.photos, "photos")
    what = {"photos": str(root.resolve()) if root else config.photos}
    with run_folder(config.output, "detect", what, root) as folder:
        ahead = make_ahead(config.photos, config.output, folder, config.executor)
        season = scan_stage(root, folder, config.scan, ahead, config.detector)
        root = season.root
        detections, problems = detect(season.photos, root, config.detector, folder / "cache" / "boxes")
        detections = write_table(detections, folder, DETECTIONS)
        write_megadetector(detections, season.photos, folder / "megadetector.json", problems)
        problems = write_table(collect_problems(season.problems, problems), folder, PROBLEMS, csv=True)
        if config.draw != "none":
            draw_sheets(season.photos, detections, root, folder / "drawn")
        if config.draw == "photos":
            draw_photos(season.photos, detections, root, folder / "drawn" / "photos")
        write_settings(config, folder)
    found = detections["image_id"].nunique()
    drawn = "" if config.draw == "none" else " Pictures in its folder drawn."
    return (
        f"{len(detections)} animals on {found} of {len(season.photos)} photos; {len(problems)} problems.\n"
        f"Tables, and megadetector.json for other programs, in {config.output}.{drawn}"
    )
