"""Fit a calibration with Hydra's command line: `calibrate.py data=[FILE,...] output=DIR matcher=sift`.

The same as `reid calibrate`, and `--multirun` sweeps over settings.
"""

from reid.scripting import hydra_main

if __name__ == "__main__":
    hydra_main("calibrate")
