"""The lasting record: individuals, sightings, decisions. State is what the decisions add up to."""

from reid.catalogue.catalogue import Catalogue
from reid.catalogue.settings import CatalogueSettings

__all__ = ["Catalogue", "CatalogueSettings"]
