"""`reid scan`: a folder of photos becomes the photos and stations tables."""

from __future__ import annotations

from dataclasses import dataclass, field

from reid.cluster import ExecutorSettings
from reid.photos import ScanSettings
from reid.tables import PHOTOS, PROBLEMS, STATIONS, write_csv
from reid.verbs.common import make_ahead, photo_root, run_folder, write_settings, write_table
from reid.verbs.season import scan_stage

__all__ = ["ScanConfig", "run"]


@dataclass(frozen=True)
class ScanConfig:
    photos: str
    output: str
    scan: ScanSettings = field(default_factory=ScanSettings)
    executor: ExecutorSettings = field(default_factory=ExecutorSettings)


def run(config: ScanConfig) -> str:
    """Scan; returns the summary for the terminal."""
    root = photo_root(config.photos, "photos")
    what = {"photos": str(root.resolve()) if root else config.photos}
    with run_folder(config.output, "scan", what, root) as folder:
        season = scan_stage(
            root, folder, config.scan, make_ahead(config.photos, config.output, folder, config.executor)
        )
        write_settings(config, folder)
        write_csv(season.photos, folder / f"{PHOTOS.name}.csv")
        write_csv(season.stations, folder / f"{STATIONS.name}.csv")
        write_table(season.problems, folder, PROBLEMS, csv=True)
    photos, stations = season.photos, season.stations
    timed, pairs = photos["date"].notna().sum(), stations["station"].duplicated().sum()
    return (
        f"{len(photos)} photos of {len(stations)} cameras at {stations['station'].nunique()} stations ({pairs} pairs), "
        f"{photos['sequence'].nunique()} sequences; {timed} with a time, {len(season.problems)} unreadable.\n"
        f"Tables in {config.output}"
    )
