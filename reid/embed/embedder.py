"""What `reid.load` returns: a network that takes photos, folders or tables, and gives unit vectors."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.embed.allocator import keep_memory
from reid.embed.batch import Embedded, embed_crops, embed_images
from reid.embed.choice import chosen
from reid.embed.engine_settings import EngineSettings
from reid.embed.flow import flow
from reid.embed.framing import ahead
from reid.embed.network import NetworkSpec
from reid.embed.way import Way
from reid.embed.weights import LoadedNetwork, load_network
from reid.errors import InputError, choices
from reid.photos import photo_size
from reid.tables import CROPS, FLANKS, UNKNOWN, check, from_rows

__all__ = ["Embedder", "load"]


class Embedder:
    """Turns animals' pictures into unit vectors; near vectors mean similar coats.

    Attributes:
        name: What it was loaded as.
        fingerprint: Of weights and preprocessing; only vectors of one fingerprint may be compared.
        size: Length of a vector.
        spec: Architecture and preprocessing.
        card: Licence, training data, protocol and figures, as far as they are known.
    """

    def __init__(self, loaded: LoadedNetwork) -> None:
        self.loaded = loaded
        self._ways: dict[EngineSettings, Way] = {}

    @property
    def name(self) -> str:
        return self.loaded.name

    @property
    def fingerprint(self) -> str:
        return self.loaded.fingerprint

    @property
    def size(self) -> int:
        return self.loaded.network.size

    @property
    def spec(self) -> NetworkSpec:
        return self.loaded.spec

    @property
    def card(self) -> dict[str, Any]:
        return self.loaded.card

    def __repr__(self) -> str:
        s = self.spec
        return f"Embedder({self.name!r}, {s.backbone}, {s.height} x {s.width} px to {self.size}, fingerprint {self.fingerprint})"

    def embed(
        self, photos_or_table: Any, root: str | Path = ".", orientation: str | Sequence[str] = UNKNOWN
    ) -> np.ndarray:
        """Embed pictures of animals.

        Args:
            photos_or_table: One photo's path; a list of paths; uint8 RGB arrays (h, w, 3), one or a list; or a crops
                table, whose boxes are cut out. Photos and arrays are taken whole.
            root: Folder that a table's paths are below.
            orientation: Of photos or arrays, the flank that each shows, or one for all: `left`, `right`, `front`, `back` or
                `unknown`. A network that wants animals to face left looks itself where it is unknown. A table has
                its own column for it.

        Returns:
            Unit vectors, float32, (n, size), in the order given.

        Raises:
            InputError: a photo cannot be read (`embed_table` reports such photos as rows instead), or a flank is
                misspelt, or there are not as many as photos.
        """
        if isinstance(photos_or_table, pd.DataFrame):
            done = self.embed_table(photos_or_table, root)
            if len(done.problems):
                first = done.problems.iloc[0]
                raise InputError(
                    f"{len(done.problems)} photos cannot be read; the first is {first['path']}: {first['reason']}."
                )
            return done.vectors
        if isinstance(photos_or_table, np.ndarray) and photos_or_table.ndim == 3:
            photos_or_table = [photos_or_table]
        if isinstance(photos_or_table, (str, Path)):
            photos_or_table = [photos_or_table]
        items = list(photos_or_table)
        flanks = [orientation] * len(items) if isinstance(orientation, str) else list(orientation)
        wrong = sorted({str(name) for name in flanks} - set(FLANKS))
        if wrong or len(flanks) != len(items):
            what = f"the flank {wrong[0]!r} is unknown" if wrong else f"{len(flanks)} flanks for {len(items)} photos"
            raise InputError(f"orientation: {what}; give one of {choices(FLANKS)} for each photo, or one for all.")
        if all(isinstance(item, np.ndarray) for item in items):
            return self._arrays(items, flanks)
        table = whole_photos([Path(item) for item in items])
        return self.embed(table.assign(orientation=flanks), Path("/"))

    def embed_table(self, crops: pd.DataFrame, root: str | Path = ".", cache: str | Path | None = None) -> Embedded:
        """Embed a crops table; photos that cannot be read are reported, not raised.

        Args:
            crops: Crops table.
            root: Folder that its paths are below.
            cache: Folder that keeps finished vectors, so that a second call computes only what is missing.
        """
        crops = check(crops, CROPS, extra=True)
        return embed_crops(Path(root), crops, self.loaded, Path(cache) if cache else None, way=self._way(len(crops)))

    def _arrays(self, pictures: Sequence[np.ndarray], flanks: Sequence[str]) -> np.ndarray:
        for picture in pictures:
            if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
                raise InputError(
                    f"a picture has shape {picture.shape} and type {picture.dtype}; expected (h, w, 3) of uint8."
                )
        keep_memory()
        way, items = self._way(len(pictures)), list(zip(pictures, flanks, strict=True))

        def read(item: tuple[np.ndarray, str]) -> list[tuple[str, np.ndarray | str]]:
            return [(item[1], ahead(item[0], self.spec, item[1]))]

        def see(batch: Sequence[tuple[str, np.ndarray]]) -> list[tuple[str, np.ndarray | str]]:
            named = [flank for flank, _ in batch]
            vectors = embed_images([picture for _, picture in batch], named, self.loaded, way, way.batch)[0]
            return list(zip(named, vectors, strict=True))

        found = [vector for _, vector in flow(items, read, see, way.batch, way.workers, way.threads > 1)]
        return np.stack(found) if found else np.zeros((0, self.size), np.float32)

    def _way(self, crops: int) -> Way:
        """The network made ready for so many crops; kept, since the same engine is asked again and again."""
        settings = chosen(self.loaded, crops)
        if settings not in self._ways:
            self._ways[settings] = Way(self.loaded, settings).prepare()
        return self._ways[settings]


def whole_photos(paths: Sequence[Path]) -> pd.DataFrame:
    """A crops table of whole photos, with absolute paths below `/`."""
    rows = []
    for n, path in enumerate(paths):
        try:
            width, height = photo_size(path)
        except InputError as error:  # which is the reason alone
            raise InputError(f"the photo {path} cannot be embedded: {error}.") from None
        content = sha256(path.read_bytes()).hexdigest()
        full = path.absolute().as_posix().lstrip("/")
        key = f"{full}@{content[:12]}"
        box = [0.0, 0.0, float(width), float(height)]
        rows.append(
            {
                "crop_id": f"{key}#{n}",
                "image_id": key,
                "path": full,
                "content_hash": content,
                "bbox": box,
                "orientation": UNKNOWN,
            }
        )
    return from_rows(rows, CROPS)


def load(name_or_path: str | Path = "", engine: str = "auto", **settings: Any) -> Embedder:
    """Load an embedder by name, or from a training run's folder.

    Args:
        name_or_path: `lite0-imagenet`, or a folder with `network.json` and `weights.safetensors`. Empty: the default.
        engine: What runs it: `auto`, `torch`, `compiled`, `onnxruntime` or `openvino`.
        **settings: Others of `reid.embed.EngineSettings`, for example `precision="bf16"`.

    Raises:
        InputError: no such name or folder.
        ConfigError: no such engine, or it does not have the precision.

    Example:
        >>> embedder = load("lite0-imagenet")
        >>> vectors = embedder.embed(np.zeros((2, 64, 96, 3), np.uint8))
        >>> vectors.shape, vectors.dtype.name
        ((2, 1280), 'float32')
    """
    return Embedder(load_network(name_or_path, EngineSettings(name=engine, **settings)))
