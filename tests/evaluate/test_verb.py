"""`reid evaluate` end to end on painted photos and small networks: its figures, files and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from reid.config import compose
from reid.embed import EmbeddingNetwork, NetworkSpec, save_network
from reid.errors import ConfigError, InputError, ReidError
from reid.train.datasets import labels_hash, read_data_sets
from reid.verbs.evaluate import EvaluateConfig, run

ANIMALS, EACH = 10, 5


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten animals of their own colours, five photos each in three encounters, and two networks."""
    folder = tmp_path_factory.mktemp("season")
    random, rows = np.random.default_rng(0), []
    for animal in range(ANIMALS):
        coat = random.integers(256, size=(6, 6, 3), dtype=np.uint8)
        for n in range(EACH):
            picture = np.asarray(Image.fromarray(coat).resize((48, 36))).astype(int) + random.integers(
                -20, 21, (36, 48, 3)
            )
            name = f"{animal}_{n}.png"
            Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / name)
            rows.append(
                {
                    "image_id": animal * EACH + n,
                    "path": name,
                    "identity": f"cat {animal}" if (animal, n) != (0, 0) else "unknown",
                    "orientation": "left" if n % 2 else "right",
                    "encounter": f"{animal}-{n // 2}",
                    "date": f"2024-01-{n + 1:02d}",
                }
            )
    rows.append({**rows[-1], "path": "absent.png"})
    pd.DataFrame(rows).to_csv(folder / "cats.csv", index=False)
    for seed in (0, 1):
        torch.manual_seed(seed)
        network = EmbeddingNetwork(NetworkSpec(backbone="test_resnet", height=32, width=32))
        save_network(network, folder / f"net{seed}" / "net")
    return folder


@pytest.fixture
def evaluate(season: Path, tmp_path: Path) -> Callable[..., tuple[str, dict[str, Any], Path]]:
    def call(*words: str, output: str = "out") -> tuple[str, dict[str, Any], Path]:
        where = tmp_path / output
        given = [f"data={season / 'cats.csv'}", f"output={where}", "draws=20", *words]
        if not any(word.startswith("model=") for word in words):
            given.append(f"model={season / 'net0' / 'net'}")
        summary = run(compose("evaluate", EvaluateConfig, given))
        return summary, json.loads((where / "metrics.json").read_text()), where

    return call


Call = Callable[..., tuple[str, dict[str, Any], Path]]


def test_several_models_in_one_report(evaluate: Call, season: Path) -> None:
    summary, metrics, out = evaluate(f"model=[{season}/net0/net,{season}/net1/net]")
    assert [m["name"][:5] for m in metrics["models"]] == ["net (", "net ("]
    assert metrics["models"][0]["fingerprint"] != metrics["models"][1]["fingerprint"]
    figures = metrics["models"][0]["figures"]
    assert figures["retrieval"]["all"]["queries"] == metrics["facts"]["queries"] == 10
    # the coats differ so much that any network tells them
    assert figures["retrieval"]["all"]["top_1"]["value"] > 0.8
    assert set(figures["retrieval"]) == {"all", "other_encounters"}
    assert figures["open_set"] is None
    assert figures["grouping"]["animals"] == 5
    assert metrics["interval"] == {"draws": 20, "level": 0.95, "unit": "identity"}
    assert any("unknown identity" in leak for leak in metrics["leaks"])
    assert "1 problems" in summary
    assert "absent.png" in (out / "problems.csv").read_text()
    page = (out / "report.html").read_text()
    assert page.count("data:image/") == 4
    assert 'src="http' not in page
    text = (out / "report.md").read_text()
    for name in ("top_k.png", "gallery_photos.png", "queries_1.jpg", "queries_2.jpg"):
        assert name in text
        assert (out / name).stat().st_size > 1000
    for model in metrics["models"]:
        assert text.count(f"| {model['name']} |") == page.count(f"<td>{model['name']}</td>") >= 4


def test_a_network_that_learned_from_the_table_is_told(evaluate: Call, season: Path) -> None:
    rows, _ = read_data_sets([str(season / "cats.csv")])
    for held, words in ((12, "Only what is asked of those says anything."), (0, "say nothing of other photos.")):
        card = {"data": {"cats": {"hash": labels_hash(rows), "training_crops": 1038, "held_out_crops": held}}}
        torch.manual_seed(2)
        network = EmbeddingNetwork(NetworkSpec(backbone="test_resnet", height=32, width=32))
        save_network(network, season / f"taught{held}", card)
        summary, metrics, out = evaluate(f"model={season}/taught{held}", output=f"out{held}")
        told = f"taught{held} was trained on this table: 1,038 of its photos taught it, {held} were held out."
        assert told in summary and words in summary
        assert any(leak.startswith(told) and leak.endswith(words) for leak in metrics["leaks"])
        assert told in (out / "report.html").read_text() and told in (out / "report.md").read_text()
    _, metrics, _ = evaluate()
    assert not any("was trained on" in leak for leak in metrics["leaks"])


def test_the_same_run_gives_the_same_bytes(evaluate: Call) -> None:
    names = ("metrics.json", "report.md", "report.html", "split.csv", "queries_1.jpg", "top_k.png")
    first = evaluate(output="one")[2]
    second = evaluate(output="two")[2]
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


@pytest.mark.parametrize(
    ("protocol", "views", "vocabulary"),
    [
        ("open", {"all", "other_encounters"}, {"train", "test"}),
        ("disjoint", {"all", "other_encounters"}, {"train", "test"}),
        ("time", {"all", "other_encounters"}, {"gallery", "query"}),
        ("encounter", {"all"}, {"gallery", "query"}),
    ],
)
def test_each_protocol(evaluate: Call, protocol: str, views: set[str], vocabulary: set[str]) -> None:
    _, metrics, out = evaluate(f"protocol={protocol}")
    assert metrics["protocol"]["name"] == protocol
    figures = metrics["models"][0]["figures"]
    assert set(figures["retrieval"]) == views
    assert set(pd.read_csv(out / "split.csv")["split"].dropna()) == vocabulary
    assert (figures["open_set"] is not None) == (protocol == "open")
    assert (out / "open_set.png").is_file() == (protocol == "open")


def test_a_table_of_ones_own_parts(evaluate: Call, season: Path) -> None:
    table = pd.read_csv(season / "cats.csv")
    table["split"] = np.where(table["path"].str.endswith("_0.png"), "gallery", "query")
    table.to_csv(season / "parts.csv", index=False)
    _, metrics, _ = evaluate(f"data={season / 'parts.csv'}", "protocol=given", "protocol.exclude=[flank]")
    # the gallery shows right flanks; the unknown animal and the absent photo are not asked about, cat 0 is new
    assert metrics["facts"]["queries"] == 40
    assert metrics["models"][0]["figures"]["retrieval"]["all"]["queries"] == 18
    assert metrics["models"][0]["figures"]["open_set"]["known"] == 18


def test_another_protocol_in_the_same_folder_leaves_no_old_picture(evaluate: Call) -> None:
    assert (evaluate("protocol=open")[2] / "open_set.png").is_file()
    assert not (evaluate("protocol=closed")[2] / "open_set.png").is_file()


def test_atrw_by_its_own_ground_truth(evaluate: Call, tmp_path: Path) -> None:
    # photos two by two in a clip of their own; the second frame is beside the first
    truth = [
        {
            "imgid": animal * EACH + n,
            "entityid": animal,
            "frame": [animal, n // 2, n],
            "query": "sing" if n == 0 else "multi" if n == 2 else "",
        }
        for animal in range(ANIMALS)
        for n in range(EACH)
    ]
    truth[-1]["query"] = ""
    (tmp_path / "gt.json").write_text(json.dumps(truth[:-1]))
    _, metrics, out = evaluate("protocol=atrw", f"protocol.truth={tmp_path / 'gt.json'}")
    tracks = metrics["models"][0]["figures"]["retrieval"]
    assert set(tracks) == {"single_camera", "cross_camera"}
    assert tracks["single_camera"]["queries"] == 10
    assert tracks["single_camera"]["map"]["value"] > 0.8
    assert metrics["protocol"]["truth"] == "gt.json"
    assert "ATRW, cross-camera track" in (out / "report.md").read_text()


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        (["protocol=shut"], ConfigError, "atrw, closed, disjoint, encounter, given, open, time"),
        (["protocol.ratio=2"], ConfigError, "between 0 and 1"),
        (["model=[]"], ConfigError, "names no network"),
        (["draws=-1"], ConfigError, "0 or more"),
        (["data=absent.csv"], InputError, "no such labelled table"),
        (["model=absent"], InputError, "no network 'absent'"),
        (["protocol=atrw"], ReidError, "truth"),
        (["protocol=given"], ReidError, "split column"),
    ],
)
def test_mistakes_are_told_in_one_line(evaluate: Call, words: list[str], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told) as caught:
        evaluate(*words)
    assert "\n" not in str(caught.value)
