"""Answers: what one side says of the proposals, signed, so that the other side can count on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reid.errors import FormatError, InputError
from reid.exchange.bundle import Bundle
from reid.exchange.keys import Key
from reid.exchange.manifest import ID, LINE
from reid.exchange.seal import ANSWERS, seal, unseal

__all__ = ["Answers", "read_answers", "write_answers"]

Pair = tuple[str, str]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Answer(_Strict):
    mine: str = Field(pattern=ID)
    theirs: str = Field(pattern=ID)
    same: bool


class _Sheet(_Strict):
    format: Literal["reid exchange answers"] = "reid exchange answers"
    bundles: tuple[str, str]
    by: str = Field(min_length=1, max_length=200, pattern=LINE)
    made: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    answers: list[_Answer] = Field(max_length=1_000_000)


@dataclass(frozen=True)
class Answers:
    """One side's answers: whether two animals, an id of its own and one of the other side, are one.

    Attributes:
        same: By pair, its own id first.
        by: Who answered.
        made: When, a day.
    """

    same: Mapping[Pair, bool]
    by: str
    made: str


def write_answers(path: str | Path, answers: Answers, mine: Bundle, theirs: Bundle, key: Key) -> None:
    """Sign answers and write them.

    Raises:
        InputError: the key is not the one that signed the own bundle, or an answer is about an animal of neither.
        OutputError: the file cannot be written.
    """
    if key.public != mine.signer:
        raise InputError(f"answers are signed with the key of one's own bundle, {mine.signer}; this key is {key.public}. Give key=FILE of that bundle.")  # fmt: skip
    _check(answers.same, mine, theirs, "the answers")
    sheet = _Sheet(
        bundles=(mine.digest, theirs.digest),
        by=answers.by,
        made=answers.made,
        answers=[_Answer(mine=a, theirs=b, same=same) for (a, b), same in sorted(answers.same.items())],
    )
    seal(path, ANSWERS, sheet.model_dump_json().encode(), key)


def read_answers(path: str | Path, own: Bundle, other: Bundle) -> Answers:
    """Read the answers of the side whose bundle is `own` to proposals with `other`.

    Raises:
        InputError: there is no such file.
        FormatError: it is no file of answers, was changed, another one signed it, or it is about other bundles.
    """
    sealed = unseal(path, ANSWERS, own.signer)
    try:
        # JSON has no tuples; only what the sheet names is taken
        sheet = _Sheet.model_validate_json(sealed.content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise FormatError(f"the answers {path} are wrong at {'.'.join(map(str, first['loc']))}: {first['msg']}. Ask their sender to sign again.") from None  # fmt: skip
    if sheet.bundles != (own.digest, other.digest):
        raise FormatError(f"the answers {path} are about other bundles than these two; both sides answer to the same ones.")  # fmt: skip
    same: dict[Pair, bool] = {}
    for answer in sheet.answers:
        pair = answer.mine, answer.theirs
        if same.setdefault(pair, answer.same) != answer.same:
            raise FormatError(
                f"the answers {path} say yes and no of {pair[0]} and {pair[1]}. Answer each pair once, and sign again."
            )
    try:
        _check(same, own, other, f"the answers {path}")
    except InputError as error:
        raise FormatError(str(error)) from None
    return Answers(same, sheet.by, sheet.made)


def _check(same: Mapping[Pair, bool], mine: Bundle, theirs: Bundle, what: str) -> None:
    ids = set(mine.ids), set(theirs.ids)
    for a, b in same:
        if a not in ids[0] or b not in ids[1]:
            raise InputError(f"{what} speak of {a} and {b}, which the two bundles do not hold in this order.")
