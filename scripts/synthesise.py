"""Make synthetic individuals with Hydra's command line: `python scripts/synthesise.py output=DIR`. The same as `reid synthesise`."""

from reid.scripting import hydra_main

if __name__ == "__main__":
    hydra_main("synthesise")
