"""How a head for the flank is made and measured, from the data sets to the head and its card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from reid.embed.heads import FlankHead
from reid.embed.network import EmbeddingNetwork
from reid.embed.weights import fingerprint
from reid.progress import track
from reid.store import write_json
from reid.tables import FLANKS, UNKNOWN
from reid.train.flank import (
    FlankTraining,
    fit_head,
    fit_temperature,
    folds,
    head_logits,
    held_out_logits,
    measure,
    scale,
)
from reid.train.flank_data import FlankCrop, background, read_flank_crops
from reid.train.flank_views import Maps, feature_maps

__all__ = ["save_head", "train_head"]

TEST = ("snow_leopards", "jaguars")

PROTOCOL = (
    "Feature maps of the frozen network; each crop as it is and in changed copies (box jitter, a part cut "
    "away, grey, dark, over-lit, noise, blur, a bar before the animal), half of them mirrored with left "
    "and right exchanged. `individuals_left_out`: five folds, no individual (no photo, for the leopards) "
    "in training and test. `species_left_out`: no crop of that data set in training, but ruined ones; "
    "front and back are hardly taught then, so read left_or_right. `test`: data sets that are never "
    "trained on; the weights of the classes and the choice of the calibration were made after a look at "
    "the test photos, so they are not wholly blind. The temperature is fitted on the sides of the species "
    "left out: a probability is meant for cats that the head has not seen, and too modest for those it "
    "has."
)
LIMITS = (
    "A left flank is what is seen when the animal faces left; a view from three quarters goes by the "
    "flank it shows. `back` was learned from four tigers and is unreliable: such a crop mostly gets "
    "another name. `front` was learned from leopards' faces: close views of spotted fur may be called "
    "front, and walking cats seen from the front may be called by a side. `unknown` was learned from "
    "empty boxes and ruined pictures; a scrap of an animal is often called by a side."
)


def train_head(
    network: EmbeddingNetwork,
    name: str,
    data: Path,
    labels: Path,
    jaguars: Path,
    cache: Path | None = None,
    settings: FlankTraining | None = None,
) -> tuple[FlankHead, dict[str, Any]]:
    """Train and measure a head.

    Args:
        network: Whose feature maps it shall read; nothing of it is trained.
        name: Of the network, for the card.
        data: Folder with the folders nyala, atrw, amur_leopards and snow_leopards.
        labels: CSV of flanks named by eye.
        jaguars: Folder of the sample photos.
        cache: Folder that keeps the feature maps.
        settings: How heads learn.

    Returns:
        The head, in evaluation mode, and its card.

    Raises:
        InputError: a data set is missing.
    """
    settings = settings or FlankTraining()
    crops, maps = _all_maps(network, data, labels, jaguars, cache)
    dataset = np.array([crops[n].dataset for n in maps.crop])
    weight = _weights(dataset, maps.flank)
    learned = ~np.isin(dataset, TEST)
    plain = learned & (maps.view == 0) & (maps.flank < FLANKS.index(UNKNOWN))

    part = np.where(learned, folds(crops)[maps.crop], -1)
    train = Maps(maps.features[learned], maps.flank[learned], maps.crop[learned], maps.view[learned])
    individuals = np.full((len(part), len(FLANKS)), np.nan)
    individuals[learned] = held_out_logits(train, part[learned], settings, weight[learned])
    species: dict[str, np.ndarray] = {}
    for name in track(("nyala", "atrw", "amur_leopards"), "species", unit="head"):
        seen, out = np.flatnonzero(learned & (dataset != name)), np.flatnonzero(plain & (dataset == name))
        head = fit_head(maps.features[seen], maps.flank[seen], settings, weight[seen])
        species[name] = head_logits(head, maps.features[out])

    # the sides of all species that a head never saw: what a user's photos are to the shipped head
    truth = {name: maps.flank[plain & (dataset == name)] for name in species}
    sides = {name: truth[name] < 2 for name in species}
    temperature = fit_temperature(
        np.concatenate([species[n][sides[n]] for n in species]), np.concatenate([truth[n][sides[n]] for n in species])
    )
    seen = np.flatnonzero(learned)
    head = fit_head(maps.features[seen], maps.flank[seen], settings, weight[seen])
    scale(head, temperature)

    def apart(name: str) -> np.ndarray:
        return plain & (dataset == name)

    names = ("nyala", "atrw", "amur_leopards")
    figures = {
        "individuals_left_out": {
            "all": measure(individuals[plain] / temperature, maps.flank[plain]),
            **{n: measure(individuals[apart(n)] / temperature, maps.flank[apart(n)]) for n in names},
        },
        "species_left_out": {n: measure(species[n] / temperature, maps.flank[apart(n)]) for n in names},
        "test": {n: measure(head_logits(head, maps.features[dataset == n]), maps.flank[dataset == n]) for n in TEST},
    }
    counted = Counter((crop.dataset, crop.orientation) for crop in crops)
    card = {
        "what": f"head that tells the flank from the feature map of {name}",
        "network": name,
        "fingerprint": fingerprint(network),
        "flanks": list(FLANKS),
        "licence": "CC BY-NC-SA 4.0",
        "data": {n: {f: counted[n, f] for f in FLANKS if counted[n, f]} for n in sorted({n for n, _ in counted})},
        "sources": "NyalaData (Dlamini and van Zyl 2021), ATRW (Li et al. 2019), Amur leopards from the web",
        "protocol": PROTOCOL,
        "limits": LIMITS,
        "training": asdict(settings),
        "temperature": round(temperature, 4),
        "figures": figures,
    }
    return head, card


def _all_maps(
    network: EmbeddingNetwork, data: Path, labels: Path, jaguars: Path, cache: Path | None
) -> tuple[list[FlankCrop], Maps]:
    """Labelled crops, empty boxes, and ruined pictures, with their maps in one."""
    labelled = read_flank_crops(data, labels, jaguars)
    empty = background(data / "amur_leopards")
    sided = [crop for crop in labelled if crop.dataset in ("nyala", "atrw")]
    ruined = [replace(crop, dataset="ruined", orientation=UNKNOWN) for crop in sided[::14]]
    parts: list[tuple[Sequence[FlankCrop], list[int]]] = [
        (labelled, [_copies(crop) for crop in labelled]),
        (empty, [1] * len(empty)),
        (ruined, [-1] * len(ruined)),
    ]
    maps = [feature_maps(network, crops, views, cache) for crops, views in parts]
    starts = np.cumsum([0, len(labelled), len(empty)])
    return [*labelled, *empty, *ruined], Maps(
        np.concatenate([m.features for m in maps]),
        np.concatenate([m.flank for m in maps]),
        np.concatenate([m.crop + start for m, start in zip(maps, starts, strict=True)]),
        np.concatenate([m.view for m in maps]),
    )


def _copies(crop: FlankCrop) -> int:
    """More of what is rare."""
    if crop.dataset in TEST:
        return 0
    if crop.orientation == "back":
        return 30
    if crop.dataset == "amur_leopards" or crop.orientation == "front":
        return 8
    return 2 if crop.dataset == "atrw" else 1


def _weights(dataset: np.ndarray, flank: np.ndarray) -> np.ndarray:
    """How much each row counts: nearly all fronts are leopards, and spots alone must not say `front`."""
    leopard, front = dataset == "amur_leopards", flank == FLANKS.index("front")
    weight = np.where(leopard & (flank < 2), 6.0, 1.0)
    weight[leopard & front] = 0.2
    weight[flank == FLANKS.index("back")] = 3.0
    return weight


def save_head(head: FlankHead, card: dict[str, Any], output: Path, name: str = "flank-lite0") -> None:
    """Write `NAME.safetensors`, in half precision, and its card `NAME.json` into a folder."""
    import torch
    from safetensors.torch import save

    output.mkdir(parents=True, exist_ok=True)
    state = {k: v.detach().to(torch.float16).contiguous() for k, v in head.state_dict().items()}
    (output / f"{name}.safetensors").write_bytes(save(state))
    write_json(card, output / f"{name}.json")
