"""Identification error carried into an estimate: one estimate for each draw of who is who, and all put together.

What is undecided adds its own spread. A single estimate from the likeliest names leaves that out, so its interval is
too narrow; how far, `detail["between_share"]` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import exp, inf, log, sqrt

import numpy as np
import pandas as pd

from reid.abundance.closed import estimate
from reid.abundance.histories import History
from reid.abundance.identities import Labels
from reid.abundance.result import Estimate, check_confidence, undefined
from reid.errors import ConfigError, choices

__all__ = ["Estimator", "carry_error", "combine", "one_error"]

Estimator = Callable[[History], Estimate]

RULES = ("mixture", "rubin")


def quick(history: History) -> Estimate:
    """M0 with its standard error and no interval of its own."""
    return estimate(history, "M0", interval="none")


def carry_error(
    encounters: History,
    labels: Labels,
    estimator: Estimator = quick,
    draws: int = 200,
    seed: int = 0,
    confidence: float = 0.95,
    rule: str = "mixture",
    floor_captured: bool = True,
) -> Estimate:
    """Estimate once for each draw of the undecided identities, and put the estimates together.

    Args:
        encounters: A history with one row per encounter: `capture_history` with the encounters as identities.
        labels: Draws a name for each row, see `draw_by_links` and `draw_by_table`.
        estimator: Any estimate of a history, for example `lambda h: estimate(h, "Mh-jackknife")`.
        draws: How many, at least 2.
        seed: Of the draws; the same seed gives the same result.
        confidence: Of the interval.
        rule: See `combine`.
        floor_captured: See `combine`.

    Raises:
        ConfigError: fewer than 2 draws, or no such rule.
    """
    if draws < 2:
        raise ConfigError(f"{draws} draws show no spread; give at least 2, better 200.")
    random = np.random.default_rng(seed)
    found = [estimator(encounters.regrouped(labels(random))) for _ in range(draws)]
    return combine(found, confidence, rule, floor_captured)


def combine(
    estimates: Sequence[Estimate], confidence: float = 0.95, rule: str = "mixture", floor_captured: bool = True
) -> Estimate:
    """One estimate from many that are equally likely.

    Args:
        estimates: One for each draw.
        confidence: Of the interval.
        rule: "mixture" takes the quantiles of all the draws' distributions laid over each other, each log-normal above
            its animals met; draws without an estimate count as having no upper limit. "rubin" adds the variances
            within and between draws on the log scale (Rubin 1987) and uses Student's t; draws without an estimate
            are left out.
        floor_captured: Whether the animals met are a lower bound, as of abundances; not so of densities.

    Returns:
        The estimate; `detail` holds the draws, the standard deviations within and between them, and
        `between_share`, how much of the variance the undecided identities make.

    Raises:
        ConfigError: no estimates, or no such rule.
    """
    confidence = check_confidence(confidence)
    if rule not in RULES or not estimates:
        raise ConfigError(
            f"no rule {rule!r}; there are {choices(RULES)}." if estimates else "there are no draws to combine."
        )
    met = [e.captured for e in estimates]
    tail = (1 - confidence) / 2
    fewest = int(np.quantile(met, tail, method="lower"))
    defined = [e for e in estimates if e.n is not None]
    model = f"{estimates[0].model}, {len(estimates)} draws of identities"
    detail = {
        "draws": len(estimates),
        "undefined_draws": len(estimates) - len(defined),
        "captured_low": fewest,
        "captured_high": int(np.quantile(met, 1 - tail, method="higher")),
        "rule": rule,
    }
    if not defined:
        return undefined(model, fewest, f"no draw has an estimate: {estimates[0].warnings[0]}", confidence, **detail)
    values = np.array([e.n for e in defined], dtype=float)
    errors = np.array([e.se or 0.0 for e in defined])
    within, between = float(np.mean(errors**2)), float(values.var(ddof=1)) if len(values) > 1 else 0.0
    total = within + (1 + 1 / len(values)) * between
    detail |= {
        "within_sd": sqrt(within),
        "between_sd": sqrt(between),
        "between_share": (total - within) / total if total > 0 else 0.0,
    }
    warnings = (
        [f"{len(estimates) - len(defined)} of {len(estimates)} draws have no estimate"]
        if len(defined) < len(estimates)
        else []
    )
    if rule == "mixture":
        n, limits = float(values.mean()), _mixture_limits(estimates, tail, floor_captured)
    else:
        n, limits = _rubin(values, errors, confidence)
    low, high = limits
    if high is None:
        warnings.append("the draws set no upper limit")
    low = max(low, float(fewest)) if floor_captured else low
    return Estimate(model, n, sqrt(total), min(low, n), high, fewest, confidence, tuple(warnings), detail)


def _mixture_limits(estimates: Sequence[Estimate], tail: float, floor_captured: bool) -> tuple[float, float | None]:
    from scipy.optimize import brentq
    from scipy.special import ndtr

    floors, middles, spreads = [], [], []
    for e in estimates:
        floor = float(e.captured) if floor_captured else 0.0
        above = inf if e.n is None else e.n - floor
        floors.append(floor)
        middles.append(log(above) if 0 < above < inf else (inf if above > 0 else -inf))
        spreads.append(max(1e-9, sqrt(log(1 + ((e.se or 0.0) / above) ** 2)) if 0 < above < inf else 1e-9))
    floor_at, middle, spread = np.array(floors), np.array(middles), np.array(spreads)

    def share_below(x: float) -> float:
        above = x - floor_at
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (np.log(np.maximum(above, 0)) - middle) / spread
        return float(
            np.where(above < 0, 0.0, np.where(np.isneginf(middle), 1.0, ndtr(np.nan_to_num(z, nan=0.0)))).mean()
        )

    top = max([1.0, *(e.n for e in estimates if e.n is not None)])
    while share_below(top) < 1 - tail and top < 1e12:
        top *= 2

    def quantile(q: float) -> float | None:
        if share_below(top) < q:
            return None
        bottom = float(floor_at.min()) - 1e-9
        return (
            bottom if share_below(bottom) >= q else float(brentq(lambda x: share_below(x) - q, bottom, top, xtol=1e-6))
        )

    return quantile(tail) or float(floor_at.min()), quantile(1 - tail)


def _rubin(values: np.ndarray, errors: np.ndarray, confidence: float) -> tuple[float, tuple[float, float]]:
    from scipy.special import stdtrit

    logs, m = np.log(values), len(values)
    within = float(np.mean((errors / values) ** 2))
    between = (1 + 1 / m) * float(logs.var(ddof=1)) if m > 1 else 0.0
    freedom = min((m - 1) * (1 + within / between) ** 2, 1e9) if between > 0 else 1e9
    half = float(stdtrit(freedom, 0.5 + confidence / 2)) * sqrt(within + between)
    middle = float(logs.mean())
    return exp(middle), (exp(middle - half), exp(middle + half))


def one_error(history: History, estimator: Estimator = quick, most: int = 200, seed: int = 0) -> pd.DataFrame:
    """What a single false merge, or a single false split, would do to an estimate.

    Args:
        history: As it is.
        estimator: Any estimate of a history.
        most: How many of the possible errors of each kind to try; all of them where there are no more.
        seed: Of the choice among them.

    Returns:
        One row for "merge" (two animals taken as one) and one for "split" (one capture taken for another animal):
        `tried`, `undefined` (how many left no estimate), `n` before, and `mean`, `low` and `high` of the estimate
        after. Numbers are null where there is no estimate.
    """
    random = np.random.default_rng(seed)
    animals = len(history.animals)
    pairs = [(a, b) for a in range(animals) for b in range(a + 1, animals)]
    # A capture that is all there is of an animal cannot be split off.
    cells = [tuple(int(i) for i in cell) for cell in np.argwhere(history.counts > 0)]
    cells = [cell for cell in cells if (history.counts[cell[0]] > 0).sum() > 1]
    before = estimator(history)
    rows = []
    for kind, errors in (("merge", pairs), ("split", cells)):
        chosen = sorted(random.choice(len(errors), min(most, len(errors)), replace=False)) if errors else []
        changed = (history.merged(*errors[i]) if kind == "merge" else history.split(*errors[i]) for i in chosen)
        rows.append({"error": kind, "n": before.n, **_spread(estimator(h).n for h in changed)})
    return pd.DataFrame(rows)


def _spread(values: Iterable[float | None]) -> dict[str, float | int | None]:
    values = list(values)
    found = [v for v in values if v is not None]
    return {
        "tried": len(values),
        "undefined": len(values) - len(found),
        "mean": float(np.mean(found)) if found else None,
        "low": min(found, default=None),
        "high": max(found, default=None),
    }
