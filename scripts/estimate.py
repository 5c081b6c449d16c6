"""Estimate a population with Hydra's command line: `python scripts/estimate.py census=[DIR] output=DIR`. The same as `reid estimate`."""

from reid.scripting import hydra_main

if __name__ == "__main__":
    hydra_main("estimate")
