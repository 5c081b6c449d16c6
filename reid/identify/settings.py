"""Settings of the open-set decision."""

from __future__ import annotations

from dataclasses import dataclass

from reid.errors import ConfigError, choices

__all__ = ["VOTES", "DecisionSettings"]

VOTES = ("all", "best")


@dataclass(frozen=True)
class DecisionSettings:
    """How sure is sure enough.

    Attributes:
        false_match: Share of the encounters given to a known animal, or joined, that may be given wrongly.
        false_new: Share of the encounters of known animals that may be taken for strangers.
        accept: Two encounters are one animal from this probability on. None: the lowest that keeps `false_match` on the
            calibration's held-out encounters (see `reid.identify.risk`).
        reject: An encounter whose best link to anyone is below this is a stranger; between `reject` and `accept` a
            person decides. None: the highest that keeps `false_new`.
        usual_accept: For `accept`, where nothing held out speaks for another.
        usual_reject: For `reject`, likewise.
        vote: What makes the probability of a link: `all` pairs of crops, or the `best` pair alone.
        speed_limit_kmh: Encounters that one animal could only reach faster than this, in a straight line, are two
            animals; 0 for no limit.
        clock_error_min: By how many minutes two cameras' clocks may differ, for the speed limit.
        min_side: Pixels of a crop's short side, below which it cannot found an individual.
        needs_flank: Whether a new individual must show a left or a right flank; a face or a tail may be anybody's.
    """

    false_match: float = 0.01
    false_new: float = 0.05
    accept: float | None = None
    reject: float | None = None
    usual_accept: float = 0.95
    usual_reject: float = 0.3
    vote: str = "all"
    speed_limit_kmh: float = 0.0
    clock_error_min: float = 15.0
    min_side: int = 64
    needs_flank: bool = True

    def __post_init__(self) -> None:
        for name in ("false_match", "false_new"):
            if not 0 < getattr(self, name) < 0.5:
                raise ConfigError(f"decision.{name}={getattr(self, name)} must lie between 0 and 0.5, such as 0.01.")
        reject, accept = self.by_hand
        if not 0 < reject <= accept < 1 or not 0 < self.usual_reject <= self.usual_accept < 1:
            raise ConfigError(
                f"decision.reject={reject} and decision.accept={accept} must satisfy 0 < reject <= accept < 1."
            )
        if self.vote not in VOTES:
            raise ConfigError(f"decision.vote={self.vote!r} is unknown; choose one of {choices(VOTES)}.")
        for name in ("speed_limit_kmh", "clock_error_min"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"decision.{name}={getattr(self, name)} must be 0 or more.")

    @property
    def by_hand(self) -> tuple[float, float]:
        """`reject` and `accept` as given; the usual ones, as far as they fit the other, where they are not."""
        reject = self.usual_reject if self.reject is None else self.reject
        accept = self.usual_accept if self.accept is None else self.accept
        if self.reject is None:
            reject = min(reject, accept)
        elif self.accept is None:
            accept = max(reject, accept)
        return reject, accept
