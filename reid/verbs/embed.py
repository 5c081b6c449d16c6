"""`reid embed`: a season of photos, or a labelled table, becomes vectors."""

from __future__ import annotations

from dataclasses import dataclass, field

from reid.cluster import ExecutorSettings
from reid.detect import DetectorSettings
from reid.embed import CropSettings, EngineSettings, load_network
from reid.photos import ScanSettings
from reid.tables import PROBLEMS
from reid.verbs.common import collect_problems, make_ahead, photo_root, run_folder, write_settings, write_table
from reid.verbs.season import detected_crops, embed_stage, labelled_crops, scan_stage, write_vectors

__all__ = ["EmbedConfig", "run"]


@dataclass(frozen=True)
class EmbedConfig:
    input: str
    output: str
    detections: str = ""
    model: str = ""
    scan: ScanSettings = field(default_factory=ScanSettings)
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    crop: CropSettings = field(default_factory=CropSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    executor: ExecutorSettings = field(default_factory=ExecutorSettings)


def run(config: EmbedConfig) -> str:
    """Embed; returns the summary for the terminal."""
    source = photo_root(config.input, "input", "folder or CSV")
    network = load_network(config.model, config.engine)
    what = {"input": str(source.resolve()) if source else config.input}
    with run_folder(config.output, "embed", what, source) as folder:
        if source is None or source.is_dir():
            ahead = make_ahead(config.input, config.output, folder, config.executor)
            season = scan_stage(source, folder, config.scan, ahead, config.detector)
            crops, problems = detected_crops(season, folder, config.detector, config.crop)
            root, problems = season.root, collect_problems(season.problems, problems)
        else:
            crops, problems = labelled_crops(source, folder, identity_required=False)
            root = source.parent
            ahead = make_ahead(str(root), config.output, folder, config.executor)
        done = embed_stage(root, crops, network, folder, ahead, config.model)
        write_vectors(done, network, folder)
        problems = write_table(collect_problems(problems, done.problems), folder, PROBLEMS, csv=True)
        write_settings(config, folder)
    return (
        f"{len(done.vectors)} crops to vectors of {network.network.size} with {network.name} "
        f"(fingerprint {network.fingerprint}); {len(problems)} problems.\n"
        f"embeddings.npy, crops.parquet and meta.json in {config.output}"
    )
