"""Put a trained network into the package, in half precision, with the figures that it was judged by: of vectors, or of coats.

python scripts/ship_network.py runs/reid-base --card docs/reid-base.json
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a training")
    parser.add_argument("--output", type=Path, help="folder; empty for its place in the package")
    parser.add_argument("--card", type=Path, help="JSON with what the card shall say besides: figures, limits")
    chosen = parser.parse_args()

    from reid.embed.weights import fingerprint, load_network, save_network
    from reid.errors import ReidError
    from reid.match.coat import WEIGHTS, load_coat, save_coat

    try:
        more = json.loads(chosen.card.read_text(encoding="utf-8")) if chosen.card else {}
        if (chosen.run / WEIGHTS.name).is_file():
            output = chosen.output or WEIGHTS.parent
            coat = load_coat(str(chosen.run))
            print(f"{save_coat(coat.network, output, coat.card | more)} in {output}")
            return 0
        output = chosen.output or ROOT / "reid" / "embed" / "weights" / "reid-base"
        loaded = load_network(chosen.run)
        save_network(loaded.network, output, loaded.card | more, half=True)
    except ReidError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{fingerprint(loaded.network)} in {output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
