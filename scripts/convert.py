"""Convert a survey with Hydra's command line: `python scripts/convert.py source=DIR output=DIR to=camtrapdp`. The same as `reid convert`."""

from reid.scripting import hydra_main

if __name__ == "__main__":
    hydra_main("convert")
