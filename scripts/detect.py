"""Find the animals on photos with Hydra's command line: `detect.py photos=DIR output=DIR`.

The same as `reid detect`, and `--multirun` sweeps over settings.
"""

from reid.scripting import hydra_main

if __name__ == "__main__":
    hydra_main("detect")
