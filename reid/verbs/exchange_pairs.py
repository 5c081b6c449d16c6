"""Proposals, answers and the joint count: the half of `reid exchange` that needs both sides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from reid.catalogue import Catalogue
from reid.errors import ConfigError, FormatError, InputError, TableError
from reid.exchange import (
    Answers,
    Bundle,
    check_pair,
    join,
    names_of,
    propose,
    read_answers,
    read_bundle,
    read_key,
    read_public,
    settle_answers,
    write_answers,
)
from reid.exchange.page import drawings, thumbnail, write_page
from reid.match import load_calibration, make_matcher
from reid.outside import read_json
from reid.photos import read_photo
from reid.photos.csvfile import read_csv, records
from reid.store import write_json
from reid.tables import write_csv
from reid.verbs.common import input_path, run_folder, write_settings

if TYPE_CHECKING:
    from reid.verbs.exchange import ConfirmConfig, JoinConfig, MatchConfig

__all__ = ["confirm", "joined", "match"]

TABLE, FACTS = "proposals.csv", "proposals.json"
WORDS = {"yes": True, "y": True, "same": True, "1": True, "no": False, "n": False, "different": False, "0": False}


def match(config: MatchConfig) -> str:
    """Propose who is who."""
    signer = read_public(config.their_key)
    paths = input_path(config.mine, "mine", "bundle"), input_path(config.theirs, "theirs", "bundle")
    mine, theirs = read_bundle(paths[0]), read_bundle(paths[1], signer)
    matcher = make_matcher(config.matcher)
    check_pair(mine, theirs, matcher, (config.mine, config.theirs))
    calibration = load_calibration(matcher.name, config.calibration.file)
    names, show = _own(config.catalogue, config.key, mine)
    with run_folder(config.output, "exchange match", {"mine": mine.digest, "theirs": theirs.digest}) as folder:
        found = propose(
            mine, theirs, matcher, calibration, config.index, folder / "cache", config.accept, config.reject
        )
        table = found.table.reset_index(drop=True)
        table.insert(0, "number", range(1, len(table) + 1))
        named = {member.id: member.name for member in theirs.manifest.members}
        table.insert(2, "my_name", [names.get(name) for name in table["mine"]])
        table.insert(4, "their_name", [named.get(name) for name in table["theirs"]])
        write_csv(table.assign(answer=None), folder / TABLE)
        verdicts = table["verdict"].value_counts()
        facts = {
            "mine": len(mine.ids),
            "theirs": len(theirs.ids),
            "likely": int(verdicts.get("likely", 0)),
            "possible": int(verdicts.get("possible", 0)),
            "expected": round(found.expected, 2),
            "blind_mine": found.blind[0],
            "blind_theirs": found.blind[1],
            "compared": len(found.matches),
            "calibration": str(calibration.protocol.get("summary", "A calibration of your own.")),
            "bundles": [
                {"path": str(path.resolve()), "digest": bundle.digest, "signer": bundle.signer}
                for path, bundle in zip(paths, (mine, theirs), strict=True)
            ],
        }
        write_json(facts, folder / FACTS)
        pictures = drawings(found, mine, theirs, show, lambda number: thumbnail(theirs, number))
        write_page(folder / "proposals.html", table, pictures, mine, theirs, facts, names)
        write_settings(config, folder)
    return (
        f"{facts['likely']} likely and {facts['possible']} possible pairs among {len(mine.ids)} and {len(theirs.ids)} animals; "
        f"about {facts['expected']:.1f} are to be expected in common.\n"
        f"{found.blind[0]} of mine and {found.blind[1]} of theirs show no flank that any of the other side does.\n"
        f"Look: {Path(config.output) / 'proposals.html'}   Then: reid exchange confirm proposals={config.output} ..."
    )


def _own(catalogue: str, key: str, mine: Bundle) -> tuple[dict[str, str], Callable[[int], np.ndarray | None]]:
    """Names of my animals by id, and pictures of my crops: the catalogue's where it is given, else thumbnails."""
    if not catalogue:
        return {}, lambda number: thumbnail(mine, number)
    with Catalogue(input_path(catalogue, "catalogue", "file"), create=False) as record:
        names = names_of(record, read_key(key), mine.manifest.partner)
        vectors, keys = record.vectors()
        # a crop has no name in a bundle; its vector is the catalogue's own
        by_vector = {np.asarray(v, np.float32).tobytes(): k for v, k in zip(vectors, keys, strict=True)}
        files = [record.picture(by_vector[v.tobytes()]) if v.tobytes() in by_vector else None for v in mine.vectors]
    if not set(names) & set(mine.ids):
        raise InputError(f"none of the bundle's animals is one of {catalogue} under the key {key}; name the ones it was made from.")  # fmt: skip

    def show(number: int) -> np.ndarray | None:
        path = files[number]
        return read_photo(path, 640) if path is not None else thumbnail(mine, number)

    return names, show


def _opened(folder: str) -> tuple[pd.DataFrame, Bundle, Bundle]:
    """The table of a folder of proposals, and the two bundles, unchanged since."""
    path = input_path(folder, "proposals", "folder")
    if not (path / FACTS).is_file() or not (path / TABLE).is_file():
        raise InputError(f"proposals={folder} holds no {TABLE}; `reid exchange match` writes it.")
    try:
        said = read_json(path / FACTS)["bundles"]
        known = [(str(one["path"]), str(one["digest"]), str(one["signer"])) for one in said]
        table = pd.read_csv(path / TABLE, dtype={"mine": str, "theirs": str, "my_name": str, "their_name": str})
        table["number"].astype(int)
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} holds no sound proposals: {error}; run `reid exchange match` again.") from None
    bundles = []
    for file, digest, signer in known:
        bundle = read_bundle(input_path(file, "the proposals' bundle", "file"), signer)
        if bundle.digest != digest:
            raise InputError(
                f"{file} is another bundle than the proposals were made from; run `reid exchange match` again."
            )
        bundles.append(bundle)
    return table, bundles[0], bundles[1]


def confirm(config: ConfirmConfig) -> str:
    """Sign answers."""
    signer = read_key(config.key)
    table, mine, theirs = _opened(config.proposals)
    if not config.by.strip():
        raise ConfigError("by is empty; name the person who answers.")
    pair_of = {
        int(n): (str(a), str(b)) for n, a, b in zip(table["number"], table["mine"], table["theirs"], strict=True)
    }
    same: dict[int, bool] = _written(config.answers, pair_of) if config.answers else {}
    for numbers, word in ((config.same, True), (config.different, False)):
        for number in numbers:
            if number not in pair_of:
                raise ConfigError(f"there is no proposal {number}; they are numbered 1 to {len(pair_of)}.")
            if same.setdefault(number, word) != word:
                raise ConfigError(
                    f"proposal {number} is answered as the same and as different; take it out of one of same, different and answers."
                )
    if not same:
        raise ConfigError(
            "nothing is answered; give same=[1,2], different=[3], or answers=FILE with its column answer filled."
        )
    answers = Answers({pair_of[n]: word for n, word in same.items()}, config.by.strip(), date.today().isoformat())
    write_answers(config.output, answers, mine, theirs, signer)
    yes = sum(same.values())
    return f"{yes} yes and {len(same) - yes} no of {len(pair_of)} proposals, signed by {config.by}: {config.output}"


def _written(file: str, pair_of: dict[int, tuple[str, str]]) -> dict[int, bool]:
    """Answers from a table that a person filled."""
    path = input_path(file, "answers", "file")
    table = read_csv(path)
    if not {"mine", "theirs", "answer"} <= set(table.columns):
        raise TableError(f"{path} has the columns {', '.join(table.columns)}; needed are mine, theirs and answer.")
    number_of = {pair: number for number, pair in pair_of.items()}
    same: dict[int, bool] = {}
    for line, row in records(table):
        word = row["answer"].lower()
        if not word:
            continue
        if word not in WORDS:
            raise TableError(
                f"{path}, row {line}, column answer: {word!r} is neither yes nor no; leave it empty if open."
            )
        pair = row["mine"], row["theirs"]
        if pair not in number_of:
            raise TableError(
                f"{path}, row {line}: {pair[0]} and {pair[1]} were not proposed. Leave such rows out; only what stands in proposals.csv can be answered."
            )
        same[number_of[pair]] = WORDS[word]
    return same


def joined(config: JoinConfig) -> str:
    """Number the animals of both sides and count them."""
    table, mine, theirs = _opened(config.proposals)
    ours = read_answers(input_path(config.mine, "mine", "file"), mine, theirs)
    others = read_answers(input_path(config.theirs, "theirs", "file"), theirs, mine)
    names, _ = _own(config.catalogue, config.key, mine)
    confirmed, settled = settle_answers(table.drop(columns="answer", errors="ignore"), ours.same, others.same)
    found = join(
        mine.ids, theirs.ids, confirmed, settled, (_flanks(mine), _flanks(theirs)),
        config.confidence, config.draws, config.seed,
    )  # fmt: skip
    twice = [int(found.table[found.table[side] != ""].drop_duplicates(["joint", side]).duplicated("joint").sum()) for side in ("mine", "theirs")]  # fmt: skip
    result: dict[str, Any] = {
        "total": found.total,
        "interval": {"low": found.low, "high": found.high, "confidence": found.confidence},
        "mean_of_draws": round(found.expected, 2),
        "mine": len(mine.ids),
        "theirs": len(theirs.ids),
        "confirmed": found.confirmed,
        "open": found.open,
        "two_of_one_side_made_one": {"mine": twice[0], "theirs": twice[1]},
        "answers": [{"by": one.by, "made": one.made, "answers": len(one.same)} for one in (ours, others)],
    }
    with run_folder(config.output, "exchange join", {"mine": mine.digest, "theirs": theirs.digest}) as folder:
        named = {member.id: member.name for member in theirs.manifest.members}
        out = found.table.assign(
            my_name=found.table["mine"].map(names),
            their_name=found.table["theirs"].map(named),
        )
        write_csv(out, folder / "joint.csv")
        write_csv(settled, folder / "outcomes.csv")
        write_json(result, folder / "joint.json")
        write_settings(config, folder)
    lines = [
        f"{found.total} animals in both parks ({len(mine.ids)} here, {len(theirs.ids)} there, {found.confirmed} confirmed in "
        f"common); {found.open} proposals are open, so that {found.confidence:.0%} of the draws lie between {found.low} and "
        f"{found.high}.",
        f"Joint numbers: {folder / 'joint.csv'}",
    ]
    for number, whose in zip(twice, ("yours", "theirs"), strict=True):
        if number:
            lines.insert(1, f"{number} of {whose} turned out to be one with another of {whose}: see joint.csv.")
    return "\n".join(lines)


def _flanks(bundle: Bundle) -> dict[str, int]:
    """Bits of the flanks that each animal's crops show."""
    flanks: dict[str, int] = {}
    for crop in bundle.manifest.crops:
        name = bundle.ids[crop.member]
        flanks[name] = flanks.get(name, 0) | (1 if crop.flank == "left" else 2)
    return flanks
