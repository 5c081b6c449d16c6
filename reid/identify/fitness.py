"""Which encounters show too little to found an individual, and why."""

from __future__ import annotations

import pandas as pd

from reid.identify.settings import DecisionSettings

__all__ = ["unfit_encounters"]


def unfit_encounters(crops: pd.DataFrame, settings: DecisionSettings) -> dict[str, str]:
    """Encounters without one crop that is large enough and shows a flank, with the reason in words.

    They may still be found to be somebody known: only a new individual is never made of them.

    Args:
        crops: Crops table with encounters.
        settings: What is enough.
    """
    side = pd.Series([min(box[2], box[3]) for box in crops["bbox"]], index=crops.index, dtype=float)
    large = side >= settings.min_side
    flank = crops["orientation"].isin(["left", "right"]) | (not settings.needs_flank)
    by_encounter = pd.DataFrame({"large": large, "fit": large & flank, "side": side}).groupby(
        crops["encounter"], sort=True
    )
    reasons: dict[str, str] = {}
    for encounter, group in by_encounter:
        if group["fit"].any():
            continue
        if not group["large"].any():
            reasons[str(encounter)] = (
                f"too small to tell: {group['side'].max():.0f} pixels, {settings.min_side} are needed"
            )
        else:
            reasons[str(encounter)] = "shows no flank"
    return reasons
