"""Train a head that tells the flank, measure it, and write it with its card.

    python scripts/train_flank.py --data ../shared/data --output reid/embed/weights --cache /tmp/flank
    python scripts/train_flank.py --data ../shared/data --network runs/reid-base --scale 0.5 --cache /tmp/flank

    python scripts/train_flank.py --data ../shared/data --output reid/embed/weights --size 160 192 --cache /tmp/flank

The first makes the head of lite0-imagenet, a file of its own. The second puts a head into a trained network's folder. The
third makes `flank-small`, which reads lite0-imagenet at a smaller input, for networks that see torsos.

The data folder holds nyala, atrw, amur_leopards and snow_leopards. Half an hour on one core, most of
it for feature maps, which the cache keeps.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument(
        "--labels", type=Path, default=ROOT / "scripts" / "flank_labels.csv", help="flanks named by eye"
    )
    parser.add_argument("--jaguars", type=Path, default=ROOT / "samples" / "jaguars", help="sample photos to test on")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--output", type=Path, help="folder to write the head into")
    target.add_argument("--network", type=Path, help="folder of the network that gets the head")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the network's input size that the head sees")
    parser.add_argument("--size", type=int, nargs=2, help="height and width of the input, where not the network's own")
    parser.add_argument("--cache", type=Path, help="folder that keeps the feature maps")
    parser.add_argument("--threads", type=int, default=1, help="of torch; other numbers may round differently")
    chosen = parser.parse_args()

    import torch

    from reid.embed.weights import load_network, save_network
    from reid.errors import ReidError
    from reid.train.flank_protocol import save_head, train_head

    torch.set_num_threads(chosen.threads)
    try:
        loaded = load_network(chosen.network or "lite0-imagenet")
        network, sources = loaded.network, (chosen.data, chosen.labels, chosen.jaguars, chosen.cache)
        network.spec = replace(network.spec, flank=False, flank_scale=chosen.scale)
        if chosen.size:
            network.spec = replace(network.spec, height=chosen.size[0], width=chosen.size[1])
        head, card = train_head(network, loaded.name, *sources)
        if chosen.output:
            save_head(head, card, chosen.output, "flank-small" if chosen.size else "flank-lite0")
        else:
            network.flank_head, network.spec = head, replace(network.spec, flank=True)
            save_network(network, chosen.network, loaded.card | {"flank_head": card})
    except ReidError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(card["figures"], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
