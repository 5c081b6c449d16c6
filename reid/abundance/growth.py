"""How fast a population grew between two counts, with an interval."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, sqrt

from reid.abundance.result import Estimate, normal_quantile
from reid.errors import ConfigError, TableError

__all__ = ["Growth", "growth"]


@dataclass(frozen=True)
class Growth:
    """A population at two times: `ratio` of the later to the earlier, and `annual`, what it grew by in a year."""

    ratio: float
    low: float
    high: float
    annual: float
    """Finite rate of increase: 1.05 is five per cent a year."""
    annual_low: float
    annual_high: float
    years: float
    confidence: float
    basis: str
    """Where the interval comes from."""


def growth(first: Estimate | float, last: Estimate | float, years: float, confidence: float = 0.95) -> Growth:
    """Growth between two counts or estimates.

    The interval is normal on the log of the ratio. An `Estimate` brings its own standard error. A plain number of
    known individuals has none; it is taken to vary as a Poisson count, which covers the chance of births, deaths and
    encounters but not a change in effort.

    Args:
        first: The earlier one.
        last: The later one.
        years: Between them, above 0.
        confidence: Of the interval.

    Raises:
        ConfigError: `years` is not above 0.
        TableError: a count is not above 0, or an estimate is undefined.

    >>> found = growth(30, 57, 8)
    >>> round(found.ratio, 2), round(found.low, 2), round(found.high, 2), round(found.annual, 3)
    (1.9, 1.22, 2.96, 1.084)
    """
    if not years > 0:
        raise ConfigError(f"years is {years}; give the time between the two counts, above 0.")
    (a, error_a, kind_a), (b, error_b, kind_b) = _log_error(first), _log_error(last)
    middle, half = log(b / a), normal_quantile(confidence) * sqrt(error_a**2 + error_b**2)
    ends = [middle, middle - half, middle + half]
    ratio, low, high = (exp(x) for x in ends)
    annual, annual_low, annual_high = (exp(x / years) for x in ends)
    basis = kind_a if kind_a == kind_b else f"{kind_a} first, {kind_b} last"
    return Growth(ratio, low, high, annual, annual_low, annual_high, float(years), float(confidence), basis)


def _log_error(count: Estimate | float) -> tuple[float, float, str]:
    """A count, its standard error on the log scale, and what that rests on."""
    if isinstance(count, Estimate):
        if count.n is None:
            raise TableError(f"an estimate is undefined ({'; '.join(count.warnings)}); growth needs two that are.")
        value, error = count.n, count.se
    else:
        value, error = float(count), None
    if not value > 0:
        raise TableError(f"a count is {value:g}; growth needs two above 0.")
    if error is not None:
        return value, error / value, "estimates with their errors"
    return value, 1 / sqrt(value), "counts, taken as Poisson"
