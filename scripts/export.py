"""Export a network with Hydra's command line: `python scripts/export.py model=RUN output=DIR`. The same as `reid export`."""

from reid.scripting import hydra_main

if __name__ == "__main__":
    hydra_main("export")
