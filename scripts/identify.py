"""Name animals from a table of known ones with Hydra's command line: `identify.py gallery=FILE queries=FILE output=DIR`.

The same as `reid identify`, and `--multirun` sweeps over settings.
"""

from reid.scripting import hydra_main

if __name__ == "__main__":
    hydra_main("identify")
