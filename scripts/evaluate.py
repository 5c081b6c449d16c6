"""Evaluate networks with Hydra's command line: `python scripts/evaluate.py data=CSV output=DIR`. The same as `reid evaluate`, with `--multirun`."""

from reid.scripting import hydra_main

if __name__ == "__main__":
    hydra_main("evaluate")
