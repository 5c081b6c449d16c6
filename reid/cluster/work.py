"""What is done with a block of photos, wherever it is done: the stages' own functions, and the rows that they keep."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from reid.cluster.places import Place
from reid.detect import DetectorSettings, make_detector
from reid.detect.pictures import SCHEMA as BOXES
from reid.detect.pictures import looking
from reid.embed import LoadedNetwork, embed_crops
from reid.embed.choice import way_for
from reid.embed.engines import device_of, missing
from reid.embed.kept import vector_store
from reid.embed.way import Way
from reid.photos.files import SCHEMA as FACTS
from reid.photos.files import PhotoFile, inspect
from reid.photos.scan import ScanSettings, photo_table
from reid.store import RowStore
from reid.tables import CROPS, check

__all__ = ["Block", "Done", "Work", "Worker", "packed", "unpacked"]

Block = dict[str, Any]
"""`paths` and `keys` of photos to look at, or `crops`, a packed crops table to embed."""
Done = dict[str, Any]
"""`facts`, `boxes`, `vectors`: packed rows for the stores; `unread`: facts of photos whose bytes cannot be had, packed with
their paths; `failed`: paths of photos that something is missing of."""
KEYED = pa.schema([pa.field("key", pa.string()), *FACTS])


@dataclass(frozen=True)
class Work:
    """What is to be done.

    Attributes:
        photos: The folder or URL that paths start from.
        detector: Which detector; None looks at no pixels.
        network: Gives the network that embeds.
        threads: Of each network; 0 for its own choice.
        crops: How many there are to embed in all blocks together, which chooses the engine as it does on one machine.
        engine: What `auto` means on the machine that gave the command, where nothing else ran while it was measured; a worker takes
            it too, unless it has a GPU or lacks that engine. Empty: each worker measures.
    """

    photos: str
    detector: DetectorSettings | None = None
    network: Callable[[], LoadedNetwork] | None = None
    threads: int = 0
    crops: int = 0
    engine: str = ""


class Worker:
    """Does the work on one block after the other; networks are loaded once, when they are first needed."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.place = Place(work.photos)
        self.folder = Path(tempfile.mkdtemp(prefix="reid-worker-"))
        self.detector: Any = None
        self.network: LoadedNetwork | None = None
        self.way: Way | None = None
        if work.threads:
            import torch

            torch.set_num_threads(work.threads)

    def close(self) -> None:
        """Remove what it kept on disk."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def do(self, block: Block) -> Done:
        """Look at a block of photos, or embed a block of crops."""
        return (
            self._embed(unpacked(block["crops"])) if block.get("crops") else self._look(block["paths"], block["keys"])
        )

    def _look(self, paths: Sequence[str], keys: Sequence[str]) -> Done:
        """Facts of the files and the boxes on them, with each photo fetched once."""
        with self.place.at_hand(paths) as root:
            facts = [inspect(root / path) for path in paths]
            rows = [{"key": key, **asdict(fact)} for key, fact in zip(keys, facts, strict=True)]
            good = [row for row in rows if row["content_hash"]]
            lost = [{**row, "key": path} for row, path in zip(rows, paths, strict=True) if not row["content_hash"]]
            done = {"facts": _table(good, KEYED), "unread": _table(lost, KEYED), "boxes": b"", "failed": []}
            return {**done, **(self._detect(root, paths, facts) if self.work.detector else {})}

    def _detect(self, root: Path, paths: Sequence[str], facts: Sequence[PhotoFile]) -> Done:
        settings, cache = self.work.detector, self.folder / "boxes"
        if self.detector is None and settings is not None:
            self.detector = make_detector(replace(settings, threads=self.work.threads or settings.threads), cache)
        photos = photo_table(paths, facts, ScanSettings())
        for detector in looking(self.detector):
            detector.detect(photos, root)
        missed = {path for detector in looking(self.detector) for path in detector.unseen(photos)["path"]}
        rows = RowStore(cache, BOXES).table()
        shutil.rmtree(cache, ignore_errors=True)
        return {"boxes": packed(rows), "failed": sorted(missed)}

    def _embed(self, table: pa.Table) -> Done:
        if self.network is None or self.way is None:
            if self.work.network is None:
                raise ValueError("there are crops to embed, and no network was named")
            self.network = self._told(self.work.network())
            self.way = way_for(self.network, self.work.crops or len(table))
        crops = check(table.to_pandas(), CROPS)
        cache = self.folder / "vectors"
        with self.place.at_hand(list(crops["path"])) as root:
            done = embed_crops(root, crops, self.network, cache, way=self.way)
        rows = vector_store(cache, self.network).table()
        shutil.rmtree(cache, ignore_errors=True)
        return {"vectors": packed(rows), "failed": sorted(set(done.problems["path"]))}

    def _told(self, network: LoadedNetwork) -> LoadedNetwork:
        """The network with its engine named, where that is left to the machine."""
        engine, name = network.engine, self.work.engine
        if engine.name != "auto" or not name or missing(name) or device_of(engine) == "cuda":
            return network
        return network.run_by(replace(engine, name=name))


def _table(rows: list[dict[str, Any]], schema: pa.Schema) -> bytes:
    return packed(pa.Table.from_pylist(rows, schema=schema))


def packed(table: pa.Table) -> bytes:
    """A table as bytes that travel between processes; `unpacked` reverses it."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def unpacked(data: bytes) -> pa.Table:
    """The table of `packed`."""
    return pa.ipc.open_stream(data).read_all()
