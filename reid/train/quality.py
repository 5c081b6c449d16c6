"""What the head for the quality learns: how certain the classes' centres are of a crop, good or spoilt.

Boutros et al. 2023, "CR-FIQA: Face Image Quality Assessment by Learning Sample Relative Classifiability".
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from reid.embed.heads import QualityHead

__all__ = ["certainty", "quality_loss", "spoilt"]

TURN = 0.5
"""Error up to which the loss is quadratic, and beyond which it is linear."""
COARSEST, FAINTEST, NOISIEST = 1 / 16, 0.2, 20.0
"""How far crops are spoilt: pixels a side that are left, contrast that is left, and spread of the noise, of 255."""


def certainty(cosines: Tensor, classes: Tensor) -> Tensor:
    """The certainty ratio of each crop: its cosine to its own class's centre, divided by 1 + that to the nearest other.

    Args:
        cosines: To every class's centre, (B, classes), two classes or more.
        classes: The true ones, (B,).

    Returns:
        (B,), cut to 0 to 1.

    >>> certainty(torch.tensor([[0.9, 0.2, -0.5], [0.1, 0.6, 0.0]]), torch.tensor([0, 0]))
    tensor([0.7500, 0.0625])
    """
    own = cosines.gather(1, classes[:, None])[:, 0]
    nearest = cosines.scatter(1, classes[:, None], -torch.inf).amax(1)
    return (own / (1 + nearest).clamp(min=1e-6)).clamp(0, 1)


def quality_loss(head: QualityHead, vectors: Tensor, cosines: Tensor, classes: Tensor) -> Tensor:
    """Smooth L1 distance between the head's scores and the certainty ratios.

    Neither the vectors nor the centres get a gradient from it: the head reads the network and does not bend it.

    Args:
        head: What learns.
        vectors: (B, size), not of unit length.
        cosines: (B, classes).
        classes: (B,).
    """
    with torch.autocast(device_type=vectors.device.type, enabled=False):
        scores = head(vectors.detach().float())
        return F.smooth_l1_loss(scores, certainty(cosines.detach().float(), classes), beta=TURN)


def spoilt(images: Tensor, seed: int) -> Tensor:
    """Every second image as bad as camera traps make them: out of focus or far away, dark, hazy or over-lit, noisy.

    Training crops are mostly good. A head that saw no bad ones would have to guess, and guesses high.

    Args:
        images: uint8 (B, 3, H, W).
        seed: Of what happens to them, apart from torch's own numbers, so that nothing else in a training changes by it.

    Returns:
        uint8 (B, 3, H, W).
    """
    random = torch.Generator().manual_seed(seed)
    out = images.clone()
    for number in range(1, len(images), 2):
        coarse, contrast, level, noise = torch.rand(4, generator=random).tolist()
        image = images[number : number + 1].float()
        size = [max(2, round(side * COARSEST**coarse)) for side in image.shape[-2:]]
        image = F.interpolate(image, size, mode="area")
        image = F.interpolate(image, images.shape[-2:], mode="bicubic", align_corners=False)
        kept = FAINTEST + (1 - FAINTEST) * contrast
        grain = torch.randn(image.shape, generator=random).to(image.device)
        image = image * kept + 255 * level * (1 - kept) + noise * NOISIEST * grain
        out[number] = image[0].clamp(0, 255).to(torch.uint8)
    return out
