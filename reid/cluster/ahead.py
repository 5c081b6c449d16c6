"""The costly rows of a season made ahead of its stages, by whoever does the work; the stages then find them in their caches.

So the tables are those of one machine: the same functions make the rows, and the same code puts them together. The rows of a
photo are a few kilobytes, and go through the machine that gave the command, which keeps them as each block is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pyarrow as pa

from reid.cluster.places import Place, is_url
from reid.cluster.settings import ExecutorSettings
from reid.cluster.spread import spread
from reid.cluster.work import Block, Done, Work, packed, unpacked
from reid.detect import DetectorSettings, make_detector
from reid.detect.pictures import SCHEMA as BOXES
from reid.detect.pictures import looking
from reid.embed import LoadedNetwork
from reid.embed.choice import chosen
from reid.embed.kept import unembedded, vector_store
from reid.errors import ConfigError
from reid.photos.files import SCHEMA as FACTS
from reid.photos.files import PhotoFile, file_key
from reid.photos.scan import ScanSettings, list_photos, photo_table
from reid.progress import track
from reid.store import RowStore
from reid.tables import CROPS

__all__ = ["Ahead"]


@dataclass
class Ahead:
    """Fills the caches of a run's folder.

    Attributes:
        photos: The folder or URL of the photos.
        cache: The run's `cache` folder.
        settings: Who does the work.
        kept: Called after each block, for example to copy the caches to a safer place.
    """

    photos: str
    cache: Path
    settings: ExecutorSettings
    kept: Callable[[], None] = field(default=lambda: None)

    @property
    def root(self) -> Path:
        """Where the stages find photos: of photos elsewhere, only those that something is missing of are brought there."""
        return self.cache / "fetched" if is_url(self.photos) else Path(self.photos)

    def look(
        self, scan: ScanSettings, detector: DetectorSettings | None
    ) -> tuple[list[str], list[PhotoFile], list[tuple[str, str]]]:
        """Facts of all photos, and the boxes on them if a detector is named; a photo is fetched once for both.

        Returns:
            Paths of the photos, sorted; their facts; folders that cannot be listed, with the reason.
        """
        if detector is not None and is_url(self.photos) and (detector.burst.lift or detector.burst.alone):
            raise ConfigError(
                f"detector.burst compares photos with each other, which {self.photos} is too far away for; set "
                "detector.burst.lift=0 detector.burst.alone=0, or bring the photos to a file system of this machine."
            )
        locked: list[tuple[str, str]] = []
        if is_url(self.photos):
            listed = Place(self.photos).photos(scan.extensions)
        else:
            paths, locked = list_photos(Path(self.photos), scan)
            listed = [(path, file_key(Path(self.photos) / path) or "") for path in paths]
        facts, boxes = RowStore(self.cache / "scan", FACTS), RowStore(self.cache / "boxes", BOXES)
        known = {key: PhotoFile(**row) for key, row in facts.rows(key for _, key in listed)}
        todo = self._unseen(listed, known, detector)
        work = Work(str(self.photos), detector, None, self.settings.cpus if self.settings.name == "ray" else 0)
        unread: dict[str, PhotoFile] = {}
        for done in self._done(work, [(path, key) for path, key in listed if path in todo]):
            facts.add_table(unpacked(done["facts"]))
            if done["boxes"]:
                boxes.add_table(unpacked(done["boxes"]))
            for row in unpacked(done["unread"]).to_pylist():
                unread[row.pop("key")] = PhotoFile(**row)
            self._fetch(done["failed"])
            self.kept()
        known |= {key: PhotoFile(**row) for key, row in facts.rows(key for path, key in listed if path in todo)}
        return [path for path, _ in listed], [known.get(key) or unread[path] for path, key in listed], locked

    def _unseen(
        self, listed: Sequence[tuple[str, str]], known: dict[str, PhotoFile], detector: DetectorSettings | None
    ) -> set[str]:
        """Paths of the photos of which facts or boxes are missing."""
        todo = {path for path, key in listed if key not in known}
        have = [(path, known[key]) for path, key in listed if key in known]
        if detector is not None and have:
            photos = photo_table([path for path, _ in have], [fact for _, fact in have], ScanSettings())
            for one in looking(make_detector(detector, self.cache / "boxes")):
                todo |= set(one.unseen(photos)["path"])
        return todo

    def embed(self, crops: pd.DataFrame, network: LoadedNetwork, load: Callable[[], LoadedNetwork]) -> None:
        """The vectors of a crops table.

        Args:
            crops: Crops table.
            network: The network, for what is known already.
            load: Gives the same network to a worker.
        """
        store = vector_store(self.cache / "vectors", network)
        missing = unembedded(crops, network, self.cache / "vectors")
        threads = self.settings.cpus if self.settings.name == "ray" else 0
        engine = chosen(network, len(crops)).name if len(missing) else ""
        work = Work(str(self.photos), None, load, threads, len(crops), engine)
        blocks = [{"crops": packed(_arrow(part))} for part in _parts(missing, self.settings.block)]
        for done in track(spread(work, blocks, self.settings), "embed", total=len(blocks), unit="block"):
            store.add_table(unpacked(done["vectors"]))
            self._fetch(done["failed"])
            self.kept()

    def _done(self, work: Work, todo: Sequence[tuple[str, str]]) -> Iterator[Done]:
        """Results of blocks of photos."""
        blocks: list[Block] = []
        for first in range(0, len(todo), self.settings.block):
            pairs = todo[first : first + self.settings.block]
            blocks.append({"paths": [path for path, _ in pairs], "keys": [key for _, key in pairs]})
        return track(spread(work, blocks, self.settings), "look", total=len(blocks), unit="block")

    def _fetch(self, paths: Iterable[str]) -> None:
        """Photos that something is missing of: the stages try them themselves, and say in their tables why not."""
        if is_url(self.photos) and paths:
            Place(self.photos).fetch(list(paths), self.root)


def _arrow(crops: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pylist(
        [{name: None if name != "bbox" and pd.isna(value) else value for name, value in row.items()} for row in
         crops[CROPS.names].to_dict("records")],
        schema=CROPS.schema,
    )  # fmt: skip


def _parts(crops: pd.DataFrame, size: int) -> Iterator[pd.DataFrame]:
    """Crops of so many photos at a time; those of one photo stay together."""
    number = crops.groupby("image_id", sort=False).ngroup() // size
    for _, part in crops.groupby(number, sort=True):
        yield part
