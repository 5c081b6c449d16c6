"""The picture of a training's log shows what the log holds, and no empty panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reid.train.curves import draw_curves

LOSSES = {"loss": 2.0, "rate_head": 0.01}


@pytest.mark.parametrize(
    ("more", "titles"),
    [
        ({}, ["loss", "learning rate"]),
        ({"mAP": 0.5, "lynx/top1": 0.4}, ["loss", "held-out retrieval", "learning rate"]),
    ],
)
def test_a_panel_for_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, float], titles: list[str]
) -> None:
    figures: list[Any] = []
    figure = pytest.importorskip("matplotlib.figure").Figure
    real = figure.savefig
    monkeypatch.setattr(figure, "savefig", lambda self, *a, **k: (figures.append(self), real(self, *a, **k))[1])
    draw_curves([{"epoch": 1.0, **LOSSES}, {"epoch": 2.0, **LOSSES, **more}], tmp_path / "curves.png")
    assert [axis.get_title() for axis in figures[0].axes] == titles
    limits = {axis.get_title(): axis.get_ylim() for axis in figures[0].axes}
    assert limits.get("held-out retrieval", (0, 1)) == (0, 1)
    assert figures[0].axes[-1].get_yscale() == "log"
    assert (tmp_path / "curves.png").stat().st_size > 1000


def test_a_log_without_figures_is_a_picture_all_the_same(tmp_path: Path) -> None:
    draw_curves([{"epoch": 1.0}], tmp_path / "curves.png")
    assert (tmp_path / "curves.png").is_file()
