"""The folder: same bytes for a seed, labels that other rooms read, resumed after a kill, refused when wrong."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reid.errors import ConfigError, InputError, OutputError, ReidError
from reid.photos import read_labelled, read_stations, scan
from reid.photos.scan import ScanSettings
from reid.synthetic import PictureSettings, SurveySettings, Synthesised, SynthesisSettings, synthesise
from reid.synthetic.shoot import Photographer

Made = tuple[Path, Synthesised]


def hashes(folder: Path) -> dict[str, str]:
    files = [p for p in folder.rglob("*") if p.is_file() and "cache" not in p.parts and p.name != "run.lock"]
    return {p.relative_to(folder).as_posix(): sha256(p.read_bytes()).hexdigest() for p in sorted(files)}


def test_same_seed_same_bytes_other_seed_other(made: Made, settings: SynthesisSettings, tmp_path: Path) -> None:
    folder, _ = made
    synthesise(tmp_path / "again", settings)
    assert hashes(tmp_path / "again") == hashes(folder)
    other = synthesise(tmp_path / "other", dataclasses.replace(settings, seed=4, individuals=2))
    ours = {value for key, value in hashes(folder).items() if key.endswith(".jpg")}
    assert not ours & set(hashes(tmp_path / "other").values())
    assert len(other.annotations) == 8


def test_labels_are_read(made: Made, settings: SynthesisSettings) -> None:
    folder, result = made
    crops, problems = read_labelled(folder / "annotations.csv")
    assert len(problems) == 0
    assert len(crops) == settings.individuals * settings.photos
    assert crops["identity"].nunique() == settings.individuals
    assert set(crops["orientation"]) == {"left", "right"}
    assert crops[["date", "station", "camera", "encounter"]].notna().all(axis=None)
    boxes = np.stack(list(crops["bbox"]))
    np.testing.assert_array_equal(boxes, np.stack([json.loads(box) for box in result.annotations["bbox"]]))
    assert (boxes[:, 2:] > 20).all()


def test_a_scan_finds_times_and_stations(made: Made) -> None:
    folder, result = made
    photos, _ = scan(folder, ScanSettings(stations=str(folder / "stations.csv")))
    labels = result.annotations.set_index("path")
    assert set(photos["path"]) == set(labels.index)
    assert photos["error"].isna().all()
    assert set(photos["date_source"]) == {"exif"}
    for row in photos.itertuples():
        assert str(row.date) == labels.loc[row.path, "date"]
        assert row.station == labels.loc[row.path, "station"]
    # what the scan takes for one sequence is one encounter
    per_sequence = photos.assign(encounter=labels.loc[photos["path"], "encounter"].to_numpy())
    assert (per_sequence.groupby("sequence")["encounter"].nunique() == 1).all()
    assert len(read_stations(folder / "stations.csv")) == 6


def test_truth_agrees_with_the_labels(made: Made) -> None:
    folder, result = made
    truth = json.loads((folder / "truth.json").read_text())
    labels = result.annotations
    assert {a["identity"]: a["photos"] for a in truth["individuals"]} == labels["identity"].value_counts().to_dict()
    for visit in truth["encounters"]:
        rows = labels[labels["encounter"] == visit["encounter"]]
        assert sorted(rows["path"]) == sorted(visit["photos"])
        assert set(rows["identity"]) == {visit["identity"]}
        assert (rows["date"].min(), rows["date"].max()) == (visit["start"], visit["end"])
    assert labels["encounter"].nunique() == len(truth["encounters"])


def test_detections_are_the_boxes(made: Made) -> None:
    folder, result = made
    images = json.loads((folder / "megadetector.json").read_text())["images"]
    boxes = result.annotations.set_index("path")["bbox"]
    for image in images:
        x, y, width, height = image["detections"][0]["bbox"]
        np.testing.assert_allclose(
            [x * 320, y * 240, width * 320, height * 240], json.loads(boxes[image["file"]]), atol=0.01
        )


def test_photos_say_that_they_are_synthetic(made: Made) -> None:
    folder, result = made
    with Image.open(folder / result.annotations["path"][0]) as image:
        assert image.size == (320, 240)
        assert "synthetic" in image.getexif()[0x010E]


def test_a_run_that_was_stopped_goes_on(
    made: Made, settings: SynthesisSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []
    plain = Photographer.photo

    def stop_at(count: int) -> Any:
        def photo(self: Photographer, shot: Any) -> Any:
            if len(taken) == count:
                raise KeyboardInterrupt
            taken.append(shot.path)
            return plain(self, shot)

        return photo

    monkeypatch.setattr(Photographer, "photo", stop_at(9))
    with pytest.raises(KeyboardInterrupt):
        synthesise(tmp_path / "out", settings)
    assert not (tmp_path / "out" / "annotations.csv").exists()
    # what a kill leaves half written is no photo
    half = tmp_path / "out" / "st-1a" / "x.jpg.part"
    half.parent.mkdir(exist_ok=True)
    half.write_bytes(b"\xff\xd8")
    monkeypatch.setattr(Photographer, "photo", stop_at(-1))
    again = synthesise(tmp_path / "out", settings)
    assert len(taken) == len(set(taken)) == 20
    assert again.made == 11
    half.unlink()
    assert hashes(tmp_path / "out") == hashes(made[0])
    # a photo that was lost or cut short is made again, and no other
    (tmp_path / "out" / taken[3]).unlink()
    (tmp_path / "out" / taken[5]).write_bytes(b"cut short")
    del taken[:]
    assert synthesise(tmp_path / "out", settings).made == 2
    assert hashes(tmp_path / "out") == hashes(made[0])


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_bytes(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    words = ["individuals=2", "photos=40", "survey.stations=1", "picture.width=160", "picture.height=120"]

    def start(output: Path) -> subprocess.Popen:
        command = [sys.executable, "-m", "reid.cli", "synthesise", f"output={output}", *words]
        environment = {**os.environ, "PYTHONPATH": str(root)}
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    assert start(tmp_path / "calm").wait() == 0
    for photos in (3, 70):
        process = start(tmp_path / "killed")
        while len(list((tmp_path / "killed").rglob("*.jpg"))) < photos:
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        assert not (tmp_path / "killed" / "annotations.csv").exists()
    assert start(tmp_path / "killed").wait() == 0
    for part in (tmp_path / "killed").rglob("*.part"):
        part.unlink()
    calm, killed = (hashes(tmp_path / name) for name in ("calm", "killed"))
    del calm["settings.yaml"], killed["settings.yaml"]
    assert calm == killed


def test_other_settings_do_not_mix(made: Made, settings: SynthesisSettings) -> None:
    with pytest.raises(OutputError, match=r"holds another run \(picture\.yaw=35\.0\)"):
        synthesise(made[0], dataclasses.replace(settings, picture=dataclasses.replace(settings.picture, yaw=10.0)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SynthesisSettings(individuals=0), "individuals must be a whole number from 1"),
        (lambda: SynthesisSettings(photos=2.5), "photos must be a whole number"),  # type: ignore[arg-type]
        (lambda: SynthesisSettings(seed=-1), "seed must be a whole number from 0"),
        (lambda: SynthesisSettings(coat="tabby"), "choose one of mixed, rosettes, spots, stripes"),
        (lambda: SurveySettings(cameras=3), "survey.cameras must be a whole number from 1 to 2"),
        (lambda: SurveySettings(stations=True), "survey.stations must be a whole number"),
        (lambda: SurveySettings(start="June"), "survey.start must be a day such as"),
        (lambda: SurveySettings(start="1999-01-01"), "2001 to 2080"),
        (lambda: PictureSettings(width=20), "picture.width must be a whole number from 160"),
        (lambda: PictureSettings(yaw=80), "picture.yaw must be a number from 0 to 50"),
        (lambda: PictureSettings(noise=float("nan")), "picture.noise must be a number"),
        (lambda: PictureSettings(lights=()), "list of different ones of day, flash, infrared"),
        (lambda: PictureSettings(lights=("moon",)), "list of different ones of day, flash, infrared"),
        (lambda: PictureSettings(size=(0.8, 0.4)), "picture.size must rise"),
        (lambda: PictureSettings(size=(0.8,)), "two shares"),  # type: ignore[arg-type]
    ],
)
def test_wrong_settings(build: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build()


def test_backgrounds(tmp_path: Path, jaguars: Path) -> None:
    places = tmp_path / "places"
    (places / "sub").mkdir(parents=True)
    shutil.copy(jaguars / "AABP_13" / "20051007_1205.jpg", places / "sub" / "forest.jpg")
    grey = np.random.default_rng(0).integers(40, 200, (200, 260), dtype=np.uint8)
    Image.fromarray(grey).save(places / "grey.png")
    (places / "broken.jpg").write_bytes(b"no photo")
    small = SynthesisSettings(
        individuals=2, photos=4, backgrounds=str(places), survey=SurveySettings(stations=2),
        picture=PictureSettings(width=320, height=240, lights=("day",), occlusion=0, noise=0),
    )  # fmt: skip
    result = synthesise(tmp_path / "out", small)
    assert result.problems["path"].tolist() == ["broken.jpg"]
    labels = result.annotations
    # a grey place is lit by infrared, whatever was asked for
    assert set(labels["station"].map(str)) <= {"st-1", "st-2"}
    assert (
        labels["light"]
        == labels["station"].map({"st-1": "infrared", "st-2": labels["light"][labels["station"] == "st-2"].max()})
    ).all()
    pixels = np.asarray(Image.open(tmp_path / "out" / labels["path"][labels["station"] == "st-1"].iloc[0]).convert("L"))
    left, top, width, height = json.loads(
        labels.set_index("path")["bbox"].loc[labels["path"][labels["station"] == "st-1"].iloc[0]]
    )
    shown = np.asarray(Image.fromarray(grey).resize((320, 246)))[3:243].astype(float)
    outside = np.ones((240, 320), bool)
    outside[max(top - 30, 0) : top + height + 60, max(left - 30, 0) : left + width + 30] = False
    assert np.corrcoef(pixels[outside], shown[outside])[0, 1] > 0.5
    for folder, message in ((tmp_path / "none", "no such folder"), (tmp_path / "empty", "no photo that can be used")):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(InputError, match=message):
            synthesise(tmp_path / "x", dataclasses.replace(small, backgrounds=str(folder)))
    with pytest.raises(OutputError, match="inside the folder of backgrounds"):
        synthesise(places / "out", small)


def test_no_more_backgrounds_are_read_than_are_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of a whole survey takes no longer than one of a few photos."""
    from reid.photos import files
    from reid.synthetic.backgrounds import find_places

    for number in range(9):
        Image.new("RGB", (64, 48), (90, 120, number)).save(tmp_path / f"{number}.png")
    read = []
    monkeypatch.setattr(files, "_hash", lambda path, real=files._hash: (read.append(path.name), real(path))[1])
    places, problems = find_places(tmp_path, 2)
    assert [place.path.name for place in places] == read == ["0.png", "1.png"]
    assert problems.empty


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from reid.api import synthesise as verb
    from reid.cli import main

    words = ["individuals=2", "photos=2", "picture=clear", "picture.width=200", "picture.height=150", "survey=paired"]
    assert main(["synthesise", f"output={tmp_path}/out", *words]) == 0
    text = capsys.readouterr().out
    assert "4 photos of 2 individuals" in text
    assert "4 made now" in text
    table = pd.read_csv(tmp_path / "out" / "annotations.csv", dtype=str)
    assert (table["light"] == "day").all()
    # the same by its settings file, and as a function: nothing is made again
    assert main(["synthesise", f"output={tmp_path}/out", f"config={tmp_path}/out/settings.yaml"]) == 0
    assert "0 made now, 4 were there" in capsys.readouterr().out
    same = {"individuals": 2, "photos": 2, "picture": "clear", "survey": "paired"}
    pd.testing.assert_frame_equal(verb(tmp_path / "out", {**same, "picture.width": 200, "picture.height": 150}), table)
    assert main(["synthesise", f"output={tmp_path}/new", "coat=tabby"]) == 2
    assert "coat='tabby' is unknown" in capsys.readouterr().err
    with pytest.raises(ReidError, match="Did you mean individuals"):
        verb(tmp_path / "new", {"individual": 3})
