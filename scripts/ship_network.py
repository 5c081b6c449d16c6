"""Put a trained network into the package, in half precision, with the figures that it was judged by.

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
    parser.add_argument("--output", type=Path, default=ROOT / "reid" / "embed" / "weights" / "reid-base")
    parser.add_argument("--card", type=Path, help="JSON with what the card shall say besides: figures, limits")
    chosen = parser.parse_args()

    from reid.embed.weights import fingerprint, load_network, save_network
    from reid.errors import ReidError

    try:
        loaded = load_network(chosen.run)
        more = json.loads(chosen.card.read_text(encoding="utf-8")) if chosen.card else {}
        save_network(loaded.network, chosen.output, loaded.card | more, half=True)
    except ReidError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{fingerprint(loaded.network)} in {chosen.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
