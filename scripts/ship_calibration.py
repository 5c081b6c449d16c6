"""Put a calibration into the package. One of coats is fitted with a network that did not see its animals, and shipped for one that learned from all.

python scripts/ship_calibration.py runs/calibration
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def _kept(protocol: Mapping[str, Any]) -> dict[str, Any]:
    """Without the held-out decisions: those of another network set no thresholds, and are too few to promise one in a hundred."""
    return {key: value for key, value in protocol.items() if key not in ("evidence", "network")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="output of reid calibrate")
    chosen = parser.parse_args()

    from reid.errors import ReidError
    from reid.match import load_calibration, load_coat
    from reid.store import write_json

    path = chosen.run / "calibration.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        coat = str(values.get("coat", ""))
        fitted = load_calibration(str(values["matcher"]).removeprefix("coat+"), path, coat)
        fitted = replace(fitted, protocol=_kept(fitted.protocol))
        if coat:
            fitted = replace(fitted, coat=load_coat().fingerprint, protocol={**fitted.protocol, "fitted_with": coat})
    except (ReidError, OSError, ValueError, KeyError) as error:
        print(error, file=sys.stderr)
        return 2
    target = ROOT / "configs" / "calibration" / f"{fitted.matcher}.json"
    write_json(fitted.to_json(), target)
    print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
