"""The command line: `reid VERB key=value ...`."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reid._version import __version__
from reid.errors import ConfigError, ReidError, choices
from reid.machine import refusal

__all__ = ["VERBS", "import_verb", "main", "run_verb", "with_detector"]


@dataclass(frozen=True)
class Verb:
    """One verb: its settings' dataclass in its module, what it does in a line, and an example."""

    config: str
    does: str
    example: str


VERBS = {
    "census": Verb(
        "CensusConfig",
        "a season of photos in, who was there out: report, tables, catalogue",
        "reid census photos=season/ detections=megadetector.json output=runs/season catalogue=leopards.sqlite",
    ),
    "scan": Verb(
        "ScanConfig",
        "list photos with their times, cameras, stations and sequences",
        "reid scan photos=season/ output=runs/scan",
    ),
    "detect": Verb(
        "DetectConfig",
        "find the animals on photos",
        "reid detect photos=season/ output=runs/boxes draw=sheets",
    ),
    "embed": Verb(
        "EmbedConfig",
        "turn animals into vectors",
        "reid embed input=season/ detections=megadetector.json output=runs/vectors",
    ),
    "identify": Verb(
        "IdentifyConfig",
        "name animals from a table of known ones",
        "reid identify gallery=known.csv queries=unnamed.csv output=runs/names",
    ),
    "train": Verb(
        "TrainConfig",
        "train a network on labelled animals, or a detector on boxes",
        "reid train data=labels.csv output=runs/train",
    ),
    "evaluate": Verb(
        "EvaluateConfig",
        "judge networks on labelled animals, or a detector on boxes",
        "reid evaluate model=[lite0-imagenet,runs/train] data=labelled.csv protocol=closed output=runs/judged",
    ),
    "export": Verb(
        "ExportConfig", "write a network for other engines", "reid export model=runs/train output=runs/onnx"
    ),
    "synthesise": Verb(
        "SynthesiseConfig",
        "make photos of individuals that do not exist, with labels and the truth",
        "reid synthesise output=runs/synthetic individuals=50 photos=6 seed=0",
    ),
    "convert": Verb(
        "ConvertConfig",
        "read and write the formats of other programs",
        "reid convert source=runs/season output=runs/shared to=[camtrapdp,secr] stations=stations.csv time_zone=UTC",
    ),
    "calibrate": Verb(
        "CalibrateConfig",
        "fit the probabilities to labelled animals of your own",
        "reid calibrate data=[known.csv] output=runs/calibration",
    ),
    "estimate": Verb(
        "EstimateConfig",
        "how many animals there are, met or not, and what became of them over seasons",
        "reid estimate census=runs/season output=runs/estimates",
    ),
    "exchange": Verb(
        "",
        "compare animals with another park without handing over photographs",
        "reid exchange export catalogue=leopards.sqlite key=park.key output=runs/for-the-neighbours",
    ),
    "review": Verb(
        "ReviewConfig",
        "a page on this machine where a person says who is who",
        "reid review catalogue=leopards.sqlite census=runs/season by=Anna",
    ),
    "catalogue": Verb("", "look into a catalogue, correct it, look after it", "reid catalogue list leopards.sqlite"),
}

STANDING = ("census", "scan", "detect", "embed")
"""Verbs whose results stand as long as nothing changes that they rest on: said again, they only look whether that is so."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns 0, or 2 with one line on standard error for a mistake that the user can mend."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if not words or words[0] in ("-h", "--help", "help"):
            print(_help())
        elif words[0] in ("-V", "--version", "version"):
            print(f"reid {__version__}")
        elif words[0] not in VERBS:
            raise ConfigError(f"reid has no verb {words[0]!r}; choose one of {choices(VERBS)}. `reid --help` explains.")
        elif any(word in ("-h", "--help") for word in words[1:]):
            print(_verb_help(words[0], words[1]))
        else:
            print(run_verb(words[0], words[1:]))
    except ReidError as error:
        print(f"reid: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, MemoryError) as error:
        said = refusal(error)
        if said is None:
            raise
        print(f"reid: {said}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("reid: stopped; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def run_verb(verb: str, words: Sequence[str]) -> str:
    """Run a verb with `key=value` words; returns its summary.

    Raises:
        ReidError: a mistake in the words, the settings or the data.
    """
    if verb in STANDING:
        from reid.unchanged import said_before

        summary = said_before(verb, words)
        if summary is not None:
            return f"{summary}\nNothing has changed since then, so this stands as it is."
    from reid.config import compose

    module, schema = import_verb(verb)
    if schema is None:
        return str(module.run(words))
    config = compose(verb, schema, with_detector(words))
    if verb not in STANDING:
        return str(module.run(config))
    from reid.unchanged import keep, rests_on

    inputs = rests_on(config)
    summary = str(module.run(config))
    keep(verb, words, inputs, summary)
    return summary


def import_verb(verb: str) -> tuple[Any, Any]:
    """A verb's module, and the dataclass of its settings; None for one that takes plain words."""
    module = importlib.import_module(f"reid.verbs.{verb}")
    return module, getattr(module, VERBS[verb].config) if VERBS[verb].config else None


def with_detector(words: Sequence[str]) -> list[str]:
    """Naming a detections file is choosing the detector that reads it."""
    named = any(word.startswith("detections=") and word != "detections=" for word in words)
    chosen = any(word.startswith("detector=") for word in words)
    return ["detector=recorded", *words] if named and not chosen else list(words)


def _help() -> str:
    lines = [
        f"reid {__version__}: individuals of spotted cats from camera-trap photographs.",
        "",
        "usage: reid VERB key=value ...",
        "",
    ]
    lines += [f"  {name:<10} {verb.does}" for name, verb in VERBS.items()]
    lines += [
        "",
        "Start here:",
        f"  {VERBS['census'].example}",
        "",
        "`reid VERB --help` lists a verb's settings.",
    ]
    return "\n".join(lines)


def _verb_help(verb: str, action: str = "") -> str:
    about = VERBS[verb]
    lines = [f"reid {verb}: {about.does}.", "", "example:", f"  {about.example}", ""]
    if verb == "catalogue":
        from reid.verbs.catalogue import ACTIONS

        return "\n".join(lines + [f"  reid catalogue {name} {words}" for name, words in ACTIONS.items()])
    if verb == "exchange":
        from reid.verbs.exchange import ACTIONS as STEPS

        if action in STEPS:
            step = STEPS[action]
            lines = [
                f"reid exchange {action}: {step.does}.",
                "",
                "example:",
                f"  reid exchange {action} {step.example}",
            ]
            return "\n".join([*lines, "", *_settings_help(f"exchange-{action}")])
        lines += ["steps, each with `reid exchange STEP --help`:"]
        return "\n".join(lines + [f"  {name:<8} {step.does}" for name, step in STEPS.items()])
    return "\n".join([*lines, *_settings_help(verb)])


def _settings_help(name: str) -> list[str]:
    """The settings of a YAML file and of its groups, with their defaults."""
    from reid.config import groups
    from reid.resources import configs_folder

    lines: list[str] = []
    folder, choices_of = configs_folder(), groups()
    text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    defaults, _, own = text.partition("  - _self_")
    lines += [
        "settings (key=value; ??? must be given):",
        *(f"  {line}" for line in own.strip().splitlines()),
        "",
    ]
    for line in defaults.splitlines():
        group, _, choice = line.strip().removeprefix("- ").partition(": ")
        if choice:
            lines.append(
                f"{group}={choice} (or {', '.join(c for c in choices_of[group] if c != choice) or 'no other'}):"
            )
            lines += _group_lines(folder / group / f"{choice}.yaml", group)
    lines.append("config=FILE reads settings from a YAML file, such as the settings.yaml of an earlier run.")
    return lines


def _group_lines(path: Path, group: str) -> list[str]:
    return [
        f"  {group}.{line}" if line[:1].isalpha() else f"  {line}"
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


if __name__ == "__main__":
    sys.exit(main())
