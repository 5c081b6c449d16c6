"""The lasting record: individuals, sightings, decisions. State is what the decisions add up to."""

from reid.catalogue.browse import Filter, Page
from reid.catalogue.catalogue import Catalogue, open_catalogue
from reid.catalogue.preview import Preview
from reid.catalogue.revisions import LostUpdateError
from reid.catalogue.settings import CatalogueSettings
from reid.catalogue.standing import Standing

__all__ = [
    "Catalogue",
    "CatalogueSettings",
    "Filter",
    "LostUpdateError",
    "Page",
    "Preview",
    "Standing",
    "open_catalogue",
]
