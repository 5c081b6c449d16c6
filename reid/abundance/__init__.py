"""How many animals there are: capture histories, closed and spatial capture–recapture, both flanks, several seasons."""

from reid.abundance.closed import MODELS, estimate
from reid.abundance.drawing import draw_discovery, draw_seasons, save_figure
from reid.abundance.effort import effort_days, metres, places
from reid.abundance.flanks import FlankEstimates, by_flank
from reid.abundance.growth import Growth, growth
from reid.abundance.histories import History, capture_history, history_of, occasions_between
from reid.abundance.identities import draw_by_links, draw_by_table
from reid.abundance.mask import Mask, make_mask, mask_of
from reid.abundance.misid import carry_error, combine, one_error
from reid.abundance.population import Population, estimate_population
from reid.abundance.result import Estimate
from reid.abundance.scr import Parameter, SpatialEstimate, fit_spatial
from reid.abundance.seasons import discovery, fates, known_by_season, presence, residency
from reid.abundance.settings import PopulationSettings

__all__ = [
    "MODELS",
    "Estimate",
    "FlankEstimates",
    "Growth",
    "History",
    "Mask",
    "Parameter",
    "Population",
    "PopulationSettings",
    "SpatialEstimate",
    "by_flank",
    "capture_history",
    "carry_error",
    "combine",
    "discovery",
    "draw_by_links",
    "draw_by_table",
    "draw_discovery",
    "draw_seasons",
    "effort_days",
    "estimate",
    "estimate_population",
    "fates",
    "fit_spatial",
    "growth",
    "history_of",
    "known_by_season",
    "make_mask",
    "mask_of",
    "metres",
    "occasions_between",
    "one_error",
    "places",
    "presence",
    "residency",
    "save_figure",
]
