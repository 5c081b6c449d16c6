"""What the page knows of each season, brought up to date when the catalogue has changed, and not before."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reid.catalogue import Catalogue, Standing
from reid.counts import Count, count
from reid.errors import CatalogueError, choices
from reid.review.gain import Gains
from reid.review.inputs import Inputs, Link, Links, make_inputs
from reid.review.pictures import Pictures
from reid.review.queue import Queue, make_queue
from reid.review.season import Place, Season, bare_season
from reid.review.settings import ReviewSettings
from reid.review.spots import Spots

__all__ = ["Board", "Desk"]

PATIENCE_S = 0.4
"""A count that takes longer is drawn roughly while the answers come."""


@dataclass
class Board:
    """One season on the desk.

    Attributes:
        season: Its files.
        spots: Finds spots.
        links: Finds links.
        gains: Remembers gains.
        first: Its count when it was first looked at.
        seconds: How long a whole count took the last time.
    """

    season: Season
    spots: Spots
    links: Links
    gains: Gains = field(default_factory=Gains)
    first: Count | None = None
    queue: Queue | None = None
    counted: tuple[int, Count, bool] | None = None
    seconds: float = 0.0
    standing: Standing | None = None
    inputs: Inputs | None = None
    turn: threading.RLock = field(default_factory=threading.RLock)
    counting: threading.Lock = field(default_factory=threading.Lock)


class Desk:
    """The catalogue and its seasons; threads may share one.

    Args:
        catalogue: To review.
        seasons: Those with a census's folder.
        settings: How to ask.
        photos: Photo folder of seasons without a census's folder.
    """

    def __init__(
        self, catalogue: Catalogue, seasons: Sequence[Season], settings: ReviewSettings, photos: str = ""
    ) -> None:
        self.catalogue = catalogue
        self.settings = settings
        self.photos = photos
        self.given = {season.run: season for season in seasons}
        roots = {season.run: season.root for season in seasons if season.root is not None}
        self.pictures = Pictures(catalogue, roots)
        self._boards: dict[str, Board] = {}
        self._turn = threading.Lock()

    def runs(self) -> list[str]:
        """Seasons of the catalogue, those with a census's folder first, the last recorded first."""
        known = list(self.catalogue.facets()["seasons"])
        return [
            *(run for run in self.given if run in known),
            *(run for run in reversed(known) if run not in self.given),
        ]

    def board(self, run: str) -> Board:
        """A season's.

        Raises:
            CatalogueError: The catalogue has no such season.
        """
        with self._turn:
            if run not in self._boards:
                if run not in self.catalogue.facets()["seasons"]:
                    raise CatalogueError(
                        f"the catalogue has no season {run!r}; it has {choices(self.runs()) or 'none'}."
                    )
                season = self.given.get(run) or bare_season(self.catalogue, run, self.photos)
                if season.root is not None:
                    self.pictures.roots.setdefault(run, season.root)
                spots = Spots(self.catalogue, self.pictures, season)
                self._boards[run] = Board(season, spots, Links(season.matches, season.vote, season.sides, season.prior))
            return self._boards[run]

    def state(self, run: str) -> tuple[Standing, Inputs]:
        """The season as it stands, and what its count is made of."""
        board = self.board(run)
        with board.turn:
            if board.standing is None or board.standing.revision != self.catalogue.last_event:
                board.standing = self.catalogue.standing(run)
                board.inputs = None
            if board.inputs is None:
                board.inputs = make_inputs(board.standing, board.links, board.season.reject)
            return board.standing, board.inputs

    def queue(self, run: str) -> Queue:
        """The questions as the catalogue stands."""
        board = self.board(run)
        with board.turn:
            standing, inputs = self.state(run)
            if board.queue is None or board.queue.revision != standing.revision:
                board.queue = make_queue(standing, inputs, board.gains, self.settings.reviewer)
            return board.queue

    def count(self, run: str, rough: bool = False) -> tuple[int, Count, bool]:
        """The season's count as the catalogue stands, drawn as `reid census` draws it.

        Args:
            run: The season.
            rough: Where drawing took long the last time, draw a tenth as often: for somebody who is answering on.

        Returns:
            The revision it is of, the count, and whether it is a rough one.
        """
        board = self.board(run)
        with board.counting:
            standing, inputs = self.state(run)
            fewer = rough and board.counted is not None and board.seconds > PATIENCE_S
            if board.counted is None or board.counted[0] != standing.revision or (board.counted[2] and not fewer):
                begin = time.perf_counter()
                given, draws = board.season.count, self.settings.draws
                found = count(
                    inputs.groups, inputs.flanks, inputs.table(), inputs.unsure, inputs.cannot, inputs.joined,
                    inputs.known_flanks, given.confidence, max(1, draws // 10) if fewer else draws, given.seed,
                    inputs.prior,
                )  # fmt: skip
                if not fewer:
                    board.seconds = time.perf_counter() - begin
                board.counted = (standing.revision, found, fewer)
                board.first = board.first or found
            return board.counted

    def candidates(self, run: str, encounter: str, most: int = 8) -> list[Link]:
        """The links of an encounter, seen from its side, the surest first; what persons denied comes not at all."""
        _, inputs = self.state(run)
        out = []
        for link in inputs.links:
            if link.probability <= 0 or not link.query:
                continue
            if link.encounter == encounter:
                out.append(link)
            elif link.kind == "encounter" and link.other == encounter:
                out.append(Link(link.other, link.encounter, link.kind, link.probability, link.candidate, link.query))
        out.sort(key=lambda link: (-link.probability, link.other))
        return out[:most]

    def places(self, run: str) -> Mapping[str, Place]:
        """Stations of a season by name, as far as it is known where they stand."""
        return {place.station: place for place in self.board(run).season.places}
