"""The calibrations of a run: read from files and checked, one for pairs whose coats say something and one for the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reid.errors import FormatError, InputError
from reid.match.calibration import COAT, LOCAL, Calibration, Term
from reid.outside import parse_json, read_text
from reid.resources import configs_folder

__all__ = ["CalibrationSettings", "Calibrations", "load_calibration", "load_calibrations"]

TERM = ("slope", "steeper", "bend")


@dataclass(frozen=True)
class CalibrationSettings:
    """Which calibration.

    Attributes:
        file: A JSON file of `reid calibrate`; empty for the one that ships with the matcher.
    """

    file: str = ""


def load_calibration(matcher: str, path: str | Path = "", coat: str = "") -> Calibration:
    """The calibration of a matcher: a file, or the one that ships.

    Args:
        matcher: Name of the local matcher; with weights of one's own, these have a mark in it.
        path: A file of `reid calibrate`; empty for the one that ships.
        coat: Fingerprint of the network that compares coats too; empty where none does.

    Raises:
        InputError: no such file, or none ships.
        FormatError: the file is no calibration, or belongs to another matcher or network.
    """
    wanted = f"coat+{matcher}" if coat else matcher
    if path:
        name, text = str(path), _read(Path(path))
    else:
        shipped = configs_folder() / "calibration" / f"{wanted}.json"
        if not shipped.is_file():
            raise InputError(
                f"no calibration ships for the matcher {wanted}: what its score is worth, only labelled animals say. Fit one with "
                "`reid calibrate` and the same settings, and name it by calibration.file=FILE."
            )
        name, text = f"the calibration that ships for {wanted}", _read(shipped)
    try:
        found = _parsed(parse_json(text))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise FormatError(f"{name} is no calibration ({error}); `reid calibrate` writes one.") from None
    if found.matcher != wanted:
        raise FormatError(
            f"{name} was fitted for the matcher {found.matcher}, this run uses {wanted}; fit one for it with `reid calibrate`, "
            "or set coats.use and matcher as they were."
        )
    if found.coat != coat:
        raise FormatError(
            f"{name} was fitted for the coats' network {found.coat or 'none'}, this run uses {coat}; fit one for it with "
            "`reid calibrate`."
        )
    return found


@dataclass(frozen=True)
class Calibrations:
    """What makes probabilities of a run's pairs: one calibration for pairs whose coats say something, one for the others.

    Attributes:
        spots: Reads the spots alone; None where nothing is fitted for this matcher and coats always speak.
        coats: Reads coats and spots; None where coats are left out.
    """

    spots: Calibration | None
    coats: Calibration | None = None

    def probability(self, scores: Mapping[str, np.ndarray]) -> np.ndarray:
        """Probabilities of pairs, float (n,).

        Args:
            scores: `local_score`, and `coat`, which is NaN where coats say nothing.

        Raises:
            InputError: coats say nothing of a pair, and no calibration reads its spots alone.
        """
        local = np.asarray(scores[LOCAL], float)
        coat = np.asarray(scores.get(COAT, np.full(len(local), np.nan)), float)
        out = np.zeros(len(local))
        speaks = np.isfinite(coat) & (self.coats is not None)
        if self.coats is not None and speaks.any():
            out[speaks] = self.coats.probability({LOCAL: local[speaks], COAT: coat[speaks]})
        if not speaks.all():
            if self.spots is None:
                raise InputError(
                    "coats say nothing of some pairs, and no calibration ships for their spots alone; fit one with "
                    "`reid calibrate coats=none`, and run with coats=none calibration.file=FILE."
                )
            out[~speaks] = self.spots.probability(local[~speaks])
        return out

    def used(self, coat: Any) -> Calibration:
        """The calibration that most speaks for a run's pairs: that of coats where coats say anything.

        Args:
            coat: The pairs' `coat`, (n,), missing where coats say nothing.
        """
        spoke = self.coats is not None and bool((~pd.isna(np.asarray(coat))).any())
        chosen = self.coats if spoke or self.spots is None else self.spots
        if chosen is None:
            raise InputError("there is no calibration; fit one with `reid calibrate`.")
        return chosen


def load_calibrations(matcher: str, path: str | Path = "", coat: str = "") -> Calibrations:
    """The calibrations of a run.

    Args:
        matcher: Name of the local matcher.
        path: The user's file, for coats and spots where coats are compared, else for spots; empty for those that ship.
        coat: Fingerprint of the network that compares coats; empty where none does.

    Raises:
        InputError, FormatError: as `load_calibration`.
    """
    if not coat:
        return Calibrations(load_calibration(matcher, path))
    shipped = (configs_folder() / "calibration" / f"{matcher}.json").is_file()
    return Calibrations(load_calibration(matcher) if shipped else None, load_calibration(matcher, path, coat))


def _parsed(values: dict[str, Any]) -> Calibration:
    if "terms" in values:
        terms = {str(name): Term(**{k: float(term[k]) for k in TERM}) for name, term in values["terms"].items()}
    else:
        # as written before coats were compared: one score
        terms = {LOCAL: Term(**{key: float(values[key]) for key in TERM})}
    steps = {str(name): tuple(float(v) for v in row) for name, row in values.get("steps", {}).items()}
    if steps and (set(steps) != {"from", "to"} or len(steps["from"]) != len(steps["to"]) or not steps["from"]):
        raise ValueError("its steps must be two rows, from and to, of one length")
    if not all(np.isfinite(row).all() and (np.diff(row) >= 0).all() for row in steps.values()):
        raise ValueError("its steps must be finite numbers that rise")
    numbers = [float(values["intercept"]), *(getattr(term, key) for term in terms.values() for key in TERM)]
    if not np.isfinite(numbers).all() or not set(terms) <= {LOCAL, COAT}:
        raise ValueError("its terms must be finite numbers for local_score and coat")
    protocol = dict(values["protocol"])
    if "prior" in protocol and not 0 < float(protocol["prior"]) < 1:
        raise ValueError("the prior of its protocol must lie between 0 and 1")
    return Calibration(str(values["matcher"]), numbers[0], terms, steps, str(values.get("coat", "")), protocol)


def _read(path: Path) -> str:
    try:
        return read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise InputError(
            f"no calibration can be read from {path}: {why}. Give the calibration.json of a `reid calibrate`, or leave "
            "calibration.file empty for the one that ships."
        ) from None
