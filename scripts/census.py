"""Take a census with Hydra's command line: `python scripts/census.py photos=DIR output=DIR [detections=FILE]`.

The same as `reid census`, and with `--multirun` it sweeps over settings, for example
`python scripts/census.py -m photos=DIR output=runs/accept-'${decision.accept}' decision.accept=0.9,0.95,0.99`.
"""

from reid.scripting import hydra_main

if __name__ == "__main__":
    hydra_main("census")
