"""Train the shipped head that tells the flank, measure it, and write it with its card.

    python scripts/train_flank.py --data ../shared/data --output reid/embed/weights --cache /tmp/flank

The data folder holds nyala, atrw, amur_leopards and snow_leopards. Half an hour on one core, most of
it for feature maps, which the cache keeps.
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
    parser.add_argument(
        "--labels", type=Path, default=ROOT / "scripts" / "flank_labels.csv", help="flanks named by eye"
    )
    parser.add_argument("--jaguars", type=Path, default=ROOT / "samples" / "jaguars", help="sample photos to test on")
    parser.add_argument("--output", type=Path, required=True, help="folder to write flank-lite0.* into")
    parser.add_argument("--cache", type=Path, help="folder that keeps the feature maps")
    parser.add_argument("--threads", type=int, default=1, help="of torch; other numbers may round differently")
    chosen = parser.parse_args()

    import torch

    from reid.embed.weights import load_network
    from reid.errors import ReidError
    from reid.train.flank_protocol import train_shipped_head

    torch.set_num_threads(chosen.threads)
    try:
        network = load_network("lite0-imagenet").network
        card = train_shipped_head(network, chosen.data, chosen.labels, chosen.jaguars, chosen.output, chosen.cache)
    except ReidError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(card["figures"], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
