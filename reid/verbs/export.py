"""`reid export`: a network becomes a file for other engines."""

from __future__ import annotations

from dataclasses import dataclass

from reid.embed import load_network
from reid.train.export import export_finder, export_onnx, export_openvino
from reid.verbs.common import run_folder, write_settings

__all__ = ["ExportConfig", "run"]


@dataclass(frozen=True)
class ExportConfig:
    output: str
    model: str = ""


def run(config: ExportConfig) -> str:
    """Export; returns the summary for the terminal."""
    loaded = load_network(config.model)
    with run_folder(config.output, "export", {"fingerprint": loaded.fingerprint}) as folder:
        found = {"network.onnx": export_onnx(loaded, folder)}
        if loaded.spec.frame == "torso":
            found["torso.onnx"] = export_finder(folder)
        openvino = export_openvino(loaded, folder)
        if openvino:
            found["network.xml"] = openvino
        write_settings(config, folder)
    lines = [f"{loaded.name} (fingerprint {loaded.fingerprint}) for other engines in {config.output}:"]
    for name, differences in found.items():
        worst, sizes = max(differences.values()), ", ".join(differences)
        lines.append(f"{name}: differs from the original by at most {worst:.1g} at batches of {sizes}.")
    if not openvino:
        lines.append("OpenVINO is not installed, so there is no network.xml (pip install openvino).")
    return "\n".join(lines)
