"""`reid scan`: a folder of photos becomes the photos and stations tables."""

from __future__ import annotations

from dataclasses import dataclass, field

from reid.photos import ScanSettings
from reid.tables import PHOTOS, PROBLEMS, STATIONS, write_csv
from reid.verbs.common import input_path, run_folder, write_settings, write_table
from reid.verbs.season import scan_stage

__all__ = ["ScanConfig", "run"]


@dataclass(frozen=True)
class ScanConfig:
    photos: str
    output: str
    scan: ScanSettings = field(default_factory=ScanSettings)


def run(config: ScanConfig) -> str:
    """Scan; returns the summary for the terminal."""
    root = input_path(config.photos, "photos", "folder")
    with run_folder(config.output, "scan", {"photos": str(root.resolve())}, root) as folder:
        season = scan_stage(root, folder, config.scan)
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
