"""Train a network on labelled animals with Hydra's command line: `python scripts/train.py data=LABELS.csv output=DIR`. The same as `reid train`, with `--multirun`."""

from reid.scripting import hydra_main

if __name__ == "__main__":
    hydra_main("train")
