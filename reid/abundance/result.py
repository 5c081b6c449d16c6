"""An estimate with its interval, and the one way an interval is put around animals never met."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, log, sqrt
from typing import Any

from reid.errors import ConfigError

__all__ = ["Estimate", "check_confidence", "log_normal_limits", "normal_quantile", "undefined"]


@dataclass(frozen=True)
class Estimate:
    """How many animals, or how dense, with an interval.

    An estimate that the data do not define has `n`, `se` and `high` of None, the lower bound in `low`, and says why
    in `warnings`.
    """

    model: str
    n: float | None
    se: float | None
    """Standard error, on the scale of `n`; None where there is none."""
    low: float
    high: float | None
    """Upper limit; None where the data set no limit."""
    captured: int
    """Different animals met: the population is at least as large."""
    confidence: float = 0.95
    warnings: tuple[str, ...] = ()
    detail: dict[str, Any] = field(default_factory=dict)
    """What else the model says: parameters, log-likelihood, how the interval was made."""

    @property
    def defined(self) -> bool:
        """Whether there is an estimate at all."""
        return self.n is not None

    def text(self, digits: int = 1) -> str:
        """In words, for a report.

        >>> Estimate("M0", 57.04, 6.2, 48.5, None, 40).text()
        '57.0 (95 % interval 48.5 to no upper limit)'
        """
        if self.n is None:
            return f"undefined, at least {self.low:.{digits}f}: {'; '.join(self.warnings)}"
        high = "no upper limit" if self.high is None else f"{self.high:.{digits}f}"
        return f"{self.n:.{digits}f} ({100 * self.confidence:g} % interval {self.low:.{digits}f} to {high})"


def undefined(model: str, captured: int, reason: str, confidence: float, **detail: Any) -> Estimate:
    """An estimate that the data do not define: the lower bound, and why there is no more."""
    return Estimate(model, None, None, float(captured), None, captured, confidence, (reason,), detail)


def check_confidence(confidence: float) -> float:
    """`confidence` as a float, if it lies between 0 and 1.

    Raises:
        ConfigError: it does not.
    """
    if isinstance(confidence, bool) or not isinstance(confidence, (int, float)) or not 0 < confidence < 1:
        raise ConfigError(f"the confidence is {confidence!r}; give a number between 0 and 1, such as 0.95.")
    return float(confidence)


def normal_quantile(confidence: float) -> float:
    """Standard normal quantile of a two-sided interval.

    >>> round(normal_quantile(0.95), 3)
    1.96
    """
    from scipy.special import ndtri

    return float(ndtri(0.5 + check_confidence(confidence) / 2))


def log_normal_limits(captured: float, n: float, se: float, confidence: float = 0.95) -> tuple[float, float]:
    """Limits that take the number of animals never met as log-normal, so that none falls below `captured`.

    Args:
        captured: Animals met.
        n: The estimate, at least `captured`.
        se: Its standard error.
        confidence: Of the interval.

    >>> low, high = log_normal_limits(76, 133.78, 24.02)
    >>> round(low, 1), round(high, 1)
    (102.4, 202.4)
    """
    unseen = n - captured
    if unseen <= 0 or se <= 0:
        return float(n), float(n)
    factor = exp(normal_quantile(confidence) * sqrt(log(1 + (se / unseen) ** 2)))
    return captured + unseen / factor, captured + unseen * factor
