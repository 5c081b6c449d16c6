"""The part of `Catalogue` that a page reads: listings, one individual, and what an edit would change."""

from __future__ import annotations

from typing import Any

from reid.catalogue import browse, preview
from reid.catalogue import standing as season
from reid.catalogue.base import Base
from reid.catalogue.browse import Filter, Page
from reid.catalogue.editing import Parts
from reid.catalogue.preview import Preview
from reid.catalogue.standing import Standing

__all__ = ["Browsing"]


class Browsing(Base):
    """Listings are read from tables in memory that are kept up to date, so that a page is there in milliseconds."""

    def find(
        self, wanted: Filter | None = None, order: str = "name", page: int = 1, size: int = 50, **filters: Any
    ) -> Page:
        """Individuals, a page at a time.

        Args:
            wanted: What to narrow the listing to; or its fields as keywords, such as `season="2018"`.
            order: "name", "number", "sightings", "encounters", "first seen", "last seen" or "certainty".
            page: From 1.
            size: Rows of a page, up to 1,000.
            **filters: Fields of a `Filter`.

        Returns:
            Rows of identity, number, sex, age, sightings, encounters, first_seen, last_seen, certainty (of its least
            certain decision), confirmed (whether a person made them all), flanks, seasons, stations, cover (a
            sighting). Each is summed up over all sightings of the individual.
        """
        with self._browsing() as connection:
            return browse.individuals(connection, wanted or Filter(**filters), order, page, size)

    def unidentified(self, wanted: Filter | None = None, page: int = 1, size: int = 50, **filters: Any) -> Page:
        """Sightings without identity, by time; rows as of `gallery`."""
        with self._browsing() as connection:
            return browse.sightings(connection, wanted or Filter(**filters), None, page, size)

    def gallery(
        self, identity: str, wanted: Filter | None = None, page: int = 1, size: int = 50, **filters: Any
    ) -> Page:
        """Sightings of one individual, by time.

        Returns:
            Rows of sighting, run, encounter, orientation, quality, usable, date, station, camera, probability, human, reason,
            path, image_id, content_hash, bbox.
        """
        with self._browsing() as connection:
            return browse.sightings(connection, wanted or Filter(**filters), identity, page, size)

    def about(self, identity: str) -> dict[str, Any]:
        """One individual: its summary as of `find`, every name that finds it, its notes and tags."""
        with self._browsing() as connection:
            return browse.about(connection, identity)

    def facets(self) -> dict[str, Any]:
        """Seasons, stations and flanks with their numbers of sightings, and the totals."""
        with self._browsing() as connection:
            return browse.facets(connection)

    def preview_merge(self, keep: str, gone: str) -> Preview:
        """What `merge(keep, gone)` would change, and what speaks against it."""
        with self._browsing() as connection:
            return preview.merging(connection, keep, gone)

    def preview_split(self, identity: str, parts: Parts) -> Preview:
        """What `split(identity, parts)` would change."""
        with self._browsing() as connection:
            return preview.splitting(connection, identity, parts)

    def standing(self, run_id: str) -> Standing:
        """A season as it stands: whose its encounters are, what persons answered; see `reid.catalogue.standing`."""
        with self._browsing() as connection:
            return season.standing(connection, run_id)

    def sighting(self, key: str) -> dict[str, Any] | None:
        """One sighting: the row that `gallery` has of it, with `identity` (None for nobody's); None if there is none."""
        with self._browsing() as connection:
            return browse.sighting(connection, key)

    def encounter(self, run_id: str, name: str) -> list[dict[str, Any]]:
        """The sightings of one encounter, in the order of their time; rows as of `sighting`."""
        with self._browsing() as connection:
            return browse.encounter(connection, run_id, name)
