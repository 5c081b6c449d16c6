"""Patterns that grow by reaction and diffusion: an activator, and an inhibitor that spreads faster.

The equations are those of FitzHugh and Nagumo with an inhibitor so quick that it is always at rest. In units of the
wave number that grows fastest, an activator `u` follows

    du/dt = growth(k) u + curvature u^2 - u^3 + source,  growth(k) = strength + d (2 + 1/c) - d k^2 - K / (1 + c k^2)

where the last term is the inhibitor. From noise it makes stripes without `curvature` and `source`, and spots with them.
"""

from __future__ import annotations

import numpy as np

__all__ = ["grow"]

DIFFUSION = 0.6
"""d: how fast the activator spreads."""
REACH = 3.0
"""c: how much farther the inhibitor reaches than the activator."""
STEP = 0.5


def grow(
    wavelength: float,
    start: np.ndarray,
    source: np.ndarray | float = 0.0,
    curvature: float = 0.0,
    stretch: tuple[float, float] = (1.0, 1.0),
    lean: float = 0.0,
    strength: float = 0.4,
    steps: int = 60,
) -> np.ndarray:
    """Let a pattern grow on a plane whose edges meet.

    Args:
        wavelength: Distance between neighbouring spots or stripes, in cells; 4 or more.
        start: The activator at the beginning, float (rows, columns); small noise for a new pattern.
        source: What feeds the activator, everywhere alike or per cell; where it is higher, spots are larger.
        curvature: 0 for stripes; above it spots, below it holes.
        stretch: How much longer than `wavelength` the pattern is along rows (vertical) and columns (horizontal).
        lean: Above 0 the activator spreads farther down than across, so stripes stand upright; below 0 they lie.
        strength: How fast the fastest wave grows; more makes plainer and blockier shapes.
        steps: Steps of half a unit of time. Sixty settle a pattern.

    Returns:
        float32 array of the shape of `start`, about -1 to 1, high where the pattern is.
    """
    from scipy import fft

    rows, columns = start.shape
    down = np.fft.fftfreq(rows)[:, None] * (wavelength * stretch[0])
    across = np.fft.rfftfreq(columns)[None, :] * (wavelength * stretch[1])
    square = down**2 + across**2
    spread = square + max(lean, 0) * down**2 + max(-lean, 0) * across**2
    inhibitor = DIFFUSION * (1 + REACH) ** 2 / REACH
    growth = strength + DIFFUSION * (2 + 1 / REACH) - DIFFUSION * spread - inhibitor / (1 + REACH * square)
    damping = (1 / (1 - STEP * growth)).astype(np.float32)
    u = start.astype(np.float32)
    feed = np.asarray(source, dtype=np.float32)
    for _ in range(steps):
        reaction = u + STEP * (u * u * (curvature - u) + feed)
        u = fft.irfft2(fft.rfft2(reaction) * damping, s=u.shape)
    return u
