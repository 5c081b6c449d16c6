"""Hydra entry points: the verbs with sweeps, for `scripts/`."""

from __future__ import annotations

import sys
from typing import Any

from reid.cli import import_verb, with_detector
from reid.config import check_words, quiet_hydra, typed
from reid.errors import ReidError
from reid.resources import configs_folder

__all__ = ["hydra_main"]


def hydra_main(verb: str) -> None:
    """Run a verb under Hydra: its command line, its `--multirun`, its `--help`; the verb's own checks and summary.

    A mistake that the user can mend ends with one line and exit status 2.
    """
    import hydra
    from omegaconf import DictConfig, OmegaConf

    module, schema = import_verb(verb)

    @hydra.main(version_base="1.3", config_path=str(configs_folder()), config_name=verb)
    def task(config: DictConfig) -> Any:
        try:
            values = OmegaConf.to_container(config, resolve=True, throw_on_missing=False)
            print(module.run(typed(values, schema, verb)))
        except ReidError as error:
            print(f"reid: {error}", file=sys.stderr)
            sys.exit(2)

    own = [word for word in sys.argv[1:] if not word.startswith("-") and not word.startswith("hydra")]
    try:
        check_words(own, schema, verb)
    except ReidError as error:
        print(f"reid: {error}", file=sys.stderr)
        sys.exit(2)
    # ours come last: flags must not stand between two settings
    sys.argv += [*(word for word in with_detector(own) if word not in own), *quiet_hydra()]
    task()
