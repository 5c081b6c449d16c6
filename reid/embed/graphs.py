"""The networks on the way from a crop to its vector, each as one function from uint8 images to named arrays.

`Asked` puts it in torch's own operations, `Exported` in operations that every engine has.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reid._version import __version__
from reid.embed.flank import SMALL, flank_reader, reader_fingerprint
from reid.embed.heads import MIRRORED, FlankHead
from reid.embed.network import EmbeddingNetwork
from reid.embed.pooling import pooling_matrix
from reid.embed.torso import HEIGHT, WIDTH, finder_fingerprint, load_finder
from reid.embed.weights import LoadedNetwork
from reid.errors import MissingPartError
from reid.store import digest
from reid.tables import FLANKS, UNKNOWN

__all__ = ["OPSET", "Asked", "Exported", "Graph", "graphs", "outputs", "write_onnx"]

OPSET = 17


def outputs(network: EmbeddingNetwork) -> tuple[str, ...]:
    """What a network gives, in order; the quality only where it has a head for it."""
    return ("vectors", "flanks", "quality") if network.quality_head is not None else ("vectors", "flanks")


class Asked(nn.Module):
    """A network from uint8 images to the outputs asked for, with the same numbers as `EmbeddingNetwork.embed`.

    Args:
        network: In evaluation mode.
        asked: Some of `outputs`; what is not asked for is not worked out.
    """

    def __init__(self, network: EmbeddingNetwork, asked: tuple[str, ...]) -> None:
        super().__init__()
        self.network, self.asked = network, asked
        # an export gives the mode of the outermost module back to all inside, and what is inside is shared
        self.eval()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        if self.asked == ("flanks",):
            return (self.network.flanks(images),)
        told = None if "flanks" in self.asked else torch.zeros(len(images), len(FLANKS), device=images.device)
        found = self.network.embed(images, told)
        return tuple(getattr(found, name) for name in self.asked)


class Exported(nn.Module):
    """The same, in operations that every engine has.

    Args:
        network: In evaluation mode.
        asked: Some of `outputs`, all of them without it.
    """

    def __init__(self, network: EmbeddingNetwork, asked: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.network, self.asked = network, asked or outputs(network)
        self.rows = self.columns = torch.zeros(0)
        spec = network.spec
        # what the head for the flank sees may be a smaller picture
        self.shrink = [pooling_matrix(side, round(side * spec.flank_scale)) for side in (spec.height, spec.width)]
        if network.flank_head is not None:
            with torch.inference_mode():
                features = network.flank_map(torch.zeros(1, 3, spec.height, spec.width, dtype=torch.uint8))
            self.rows = pooling_matrix(features.shape[-2], network.flank_head.grid)
            self.columns = pooling_matrix(features.shape[-1], network.flank_head.grid)
        self.eval()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        network = self.network
        pictures = network.normalised(images)
        out: dict[str, Tensor] = {}
        features = None
        if self.asked != ("flanks",) or network.spec.flank_scale == 1:
            features = network.feature_map(pictures)
        if features is not None and self.asked != ("flanks",):
            vectors = network.vectors(features)
            out["vectors"] = F.normalize(vectors)
            if network.quality_head is not None and "quality" in self.asked:
                out["quality"] = network.quality_head(vectors).clamp(0, 1)
        if "flanks" in self.asked:
            out["flanks"] = self._flanks(pictures, features)
        return tuple(out[name] for name in self.asked)

    def _flanks(self, pictures: Tensor, features: Tensor | None) -> Tensor:
        head = self.network.flank_head
        if head is None:
            flanks = torch.zeros(len(FLANKS)).index_fill(0, torch.tensor([FLANKS.index(UNKNOWN)]), 1.0)
            return pictures[:, :1, 0, 0] * 0 + flanks
        if features is None or self.network.spec.flank_scale < 1:
            features = self.network.feature_map(self.shrink[0] @ pictures @ self.shrink[1].T)
        return self._flank_logits(head, features).softmax(1)

    def _flank_logits(self, head: FlankHead, features: Tensor) -> Tensor:
        """As `FlankHead.forward`, with its pooling as two products of matrices, since ONNX has no such pooling."""
        features = features / (features.pow(2).mean(1, keepdim=True).sqrt() + 0.25)
        x = self.rows @ F.relu(head.reduce(features)) @ self.columns.T
        mirrored = head.classify(x.flip(-1).flatten(1))
        return (head.classify(x.flatten(1)) + mirrored[:, MIRRORED]) / 2


class _Torsos(nn.Module):
    def __init__(self, finder: nn.Module) -> None:
        super().__init__()
        self.finder = finder
        self.eval()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return (self.finder(images.contiguous(memory_format=torch.channels_last)),)


@dataclass(frozen=True)
class Graph:
    """One network of the way.

    Attributes:
        name: `network`, `turns` (its flanks alone), `torsos` or `flanks` (the reader that comes with the package).
        mark: Of all that it is made of: weights, heads, settings, outputs, and this package's version.
        size: Height and width of its input.
        outputs: Names of what it gives, in order.
        asked: From uint8 images (B, 3, height, width) to the outputs, in torch's own operations.
        exported: Makes the same in operations that every engine has.
    """

    name: str
    mark: str
    size: tuple[int, int]
    outputs: tuple[str, ...]
    asked: nn.Module
    exported: Callable[[], nn.Module]


def graphs(loaded: LoadedNetwork) -> dict[str, Graph]:
    """The networks that crops pass through, by name; `network` comes last on the way and is always there."""
    spec = loaded.spec
    mark = digest(loaded.weights, loaded.flank_fingerprint, spec.to_dict())
    turned = spec.face == "left" and spec.frame == "whole"
    names = outputs(loaded.network)
    if spec.frame == "torso" or turned:
        names = tuple(name for name in names if name != "flanks")
    found = [_of_network("network", loaded.network, mark, names)]
    if turned:
        found.append(_of_network("turns", loaded.network, mark, ("flanks",)))
    if spec.frame == "torso":
        finder = _Torsos(load_finder()[0])
        found.append(Graph("torsos", _mark(finder_fingerprint()), (HEIGHT, WIDTH), ("torsos",), finder, lambda: finder))
        reader = _of_network("flanks", flank_reader(), reader_fingerprint(), ("flanks",))
        found.append(reader)
        if reader.size != SMALL:
            raise MissingPartError("the head for the flank does not fit its input; install the package anew.")
    return {graph.name: graph for graph in found}


def _mark(*parts: str) -> str:
    return digest(__version__, *parts)


def _of_network(name: str, network: EmbeddingNetwork, mark: str, asked: tuple[str, ...]) -> Graph:
    size = network.spec.height, network.spec.width
    return Graph(
        name, _mark(mark, *asked), size, asked, Asked(network, asked).eval(), lambda: Exported(network, asked).eval()
    )


def write_onnx(module: nn.Module, size: tuple[int, int], names: tuple[str, ...], path: Path) -> None:
    """Write a module as ONNX, whole or not at all: uint8 `images` (batch, 3, *size), any number at a time, to `names`.

    Raises:
        MissingPartError: the package onnx is not installed.
    """
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise MissingPartError("writing ONNX needs the package onnx: pip install onnx.") from None
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    example = torch.zeros(2, 3, *size, dtype=torch.uint8)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of tracing, about branches on fixed sizes
        torch.onnx.export(
            module, (example,), str(partial), input_names=["images"], output_names=list(names),
            dynamic_axes={name: {0: "batch"} for name in ("images", *names)}, opset_version=OPSET, dynamo=False,
        )  # fmt: skip
    partial.replace(path)
