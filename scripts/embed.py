"""Embed a season or a labelled table with Hydra's command line: `embed.py input=DIR_OR_CSV output=DIR`.

The same as `reid embed`, and `--multirun` sweeps over settings.
"""

from reid.scripting import hydra_main

if __name__ == "__main__":
    hydra_main("embed")
