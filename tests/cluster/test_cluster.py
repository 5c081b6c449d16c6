"""Photos on another machine, and work done by several: the rows are those of one machine, whoever is killed."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import reid.cluster.spread as handing
import reid.cluster.work as module
from reid.cli import run_verb
from reid.cluster import ExecutorSettings, Place, working_copy
from reid.cluster.ahead import _arrow
from reid.cluster.spread import spread
from reid.cluster.work import Block, Done, Work, Worker, packed, unpacked
from reid.detect import DetectorSettings
from reid.embed import EngineSettings, LoadedNetwork, load_network
from reid.embed.way import Way
from reid.errors import ConfigError, InputError
from reid.tables import CROPS, PROBLEMS, from_rows, read, write

TABLES = ("photos", "stations", "detections", "crops", "problems")


@pytest.fixture(scope="module")
def alone(photos: Path, network: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one machine makes of the photos in a folder."""
    out = tmp_path_factory.mktemp("alone") / "out"
    run_verb("embed", [f"input={photos}", f"output={out}", f"model={network}", "detector.threads=1"])
    return out


@pytest.fixture(scope="module")
def cluster(bucket: Any) -> Iterator[Any]:
    """A Ray cluster of two processes on this machine, shared by the tests; its workers know the bucket's address."""
    ray = pytest.importorskip("ray", reason="pip install 'reid[cluster]' brings Ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR",
        object_store_memory=100 << 20,
    )  # fmt: skip
    yield ray
    ray.shutdown()


def same(found: Path, expected: Path) -> None:
    for name in TABLES:
        one, other = (pd.read_parquet(folder / f"{name}.parquet") for folder in (found, expected))
        if name == "photos":  # where a file has no time, its name says one; nothing else differs
            assert len(one) == 8
        pd.testing.assert_frame_equal(one, other)
    vectors = [np.load(folder / "embeddings.npy") for folder in (found, expected)]
    np.testing.assert_allclose(*vectors, atol=1e-5)
    assert len(vectors[0]) >= 6


@pytest.mark.slow
def test_photos_and_results_on_another_file_system(
    photos: Path, network: Path, alone: Path, bucket: Any, tmp_path: Path
) -> None:
    words = [f"input={bucket.url}/season", f"output={bucket.url}/out", f"model={network}", "detector.threads=1"]
    shutil.rmtree(working_copy(f"{bucket.url}/out"), ignore_errors=True)
    bucket.fetched.clear()
    run_verb("embed", words)
    # once for the boxes, once for the crops, and once more those that cannot be used
    assert max(bucket.fetched.values()) <= 3
    Place(f"{bucket.url}/out").fetch_folder("", tmp_path / "fetched")
    same(tmp_path / "fetched", alone)
    crops = read(f"{bucket.url}/out/crops.parquet", CROPS)
    pd.testing.assert_frame_equal(crops, read(alone / "crops.parquet", CROPS))
    # another machine goes on from what lies there
    shutil.rmtree(working_copy(f"{bucket.url}/out"))
    bucket.fetched.clear()
    run_verb("embed", words)
    assert {path.rpartition("/")[2] for path in bucket.fetched} <= {"broken off.jpg", "damaged.png"}


@pytest.mark.slow
def test_two_workers_make_the_rows_of_one_machine(
    photos: Path, network: Path, alone: Path, cluster: Any, tmp_path: Path
) -> None:
    words = [f"input={photos}", f"output={tmp_path / 'out'}", f"model={network}", "executor=ray", "executor.block=2"]
    run_verb("embed", words)
    same(tmp_path / "out", alone)


@pytest.mark.slow
def test_a_killed_worker_loses_nothing_and_repeats_little(bucket: Any, cluster: Any) -> None:
    listed = Place(f"{bucket.url}/season").photos((".jpg", ".png"))
    blocks = [{"paths": [path], "keys": [key]} for path, key in listed]
    work = Work(f"{bucket.url}/season", DetectorSettings(), None, 1)
    bucket.fetched.clear()
    done, killed = [], None
    for result in spread(work, blocks, ExecutorSettings("ray", workers=2)):
        done.append(result)
        if killed is None:
            killed = result["process"]
            os.kill(killed, signal.SIGKILL)
    facts = [row for result in done for row in unpacked(result["facts"]).to_pylist()]
    assert sorted(row["key"] for row in facts) == sorted(key for _, key in listed)
    assert len(done) == len(blocks)
    assert sum(len(unpacked(result["boxes"])) for result in done if result["boxes"]) == 6
    # of what was fetched, at most the block in the killed worker's hands was fetched again
    assert sum(bucket.fetched.values()) <= len(listed) + 1


def test_a_worker_takes_the_engine_of_the_whole_job(
    alone: Path, photos: Path, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block is small, and torch is for small jobs: the size of the job chooses the engine, once."""
    asked: list[int] = []
    plain = module.way_for

    def counted(loaded: LoadedNetwork, crops: int) -> Way:
        asked.append(crops)
        return plain(loaded, 1)

    monkeypatch.setattr(module, "way_for", counted)
    crops = read(alone / "crops.parquet", CROPS)
    worker = Worker(Work(str(photos), None, partial(load_network, str(network)), 1, 5000))
    for part in (crops[:2], crops[2:4]):
        assert len(unpacked(worker.do({"crops": packed(_arrow(part))})["vectors"])) == 2
    worker.close()
    assert asked == [5000]


def test_a_worker_takes_the_engine_of_the_machine_that_gave_the_command(
    alone: Path, photos: Path, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several that measure at once disturb each other; one with a GPU, or without that engine, knows better."""
    pytest.importorskip("onnxruntime")
    crops = packed(_arrow(read(alone / "crops.parquet", CROPS)[:2]))
    load = partial(load_network, str(network))

    def taken(work: Work) -> str:
        worker = Worker(work)
        worker.do({"crops": crops})
        worker.close()
        assert worker.way is not None
        return worker.way.engine

    few = 5  # of which torch would do all
    assert taken(Work(str(photos), None, load, 1, few, "onnxruntime")) == "onnxruntime"
    assert taken(Work(str(photos), None, load, 1, few)) == "torch"
    named = partial(load_network, str(network), EngineSettings(name="torch"))
    assert taken(Work(str(photos), None, named, 1, few, "onnxruntime")) == "torch"
    monkeypatch.setattr(module, "missing", lambda name: name == "onnxruntime")
    assert taken(Work(str(photos), None, load, 1, few, "onnxruntime")) == "torch"
    monkeypatch.undo()
    monkeypatch.setattr(module, "device_of", lambda settings: "cuda")
    assert taken(Work(str(photos), None, load, 1, few, "onnxruntime")) == "torch"


def test_a_process_keeps_its_worker_until_the_next_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray gives a process one block after the other: networks are loaded once for all of a job's."""
    told: list[str] = []

    class Told:
        def __init__(self, work: Work) -> None:
            self.name = work.photos
            told.append(f"{self.name} made")

        def do(self, block: Block) -> Done:
            told.append(f"{self.name} {block['paths'][0]}")
            if block["paths"] == ["bad"]:
                raise InputError("no such network")
            return {"facts": b"f", "failed": ["x", "y"]}

        def close(self) -> None:
            told.append(f"{self.name} closed")

    monkeypatch.setattr(handing, "Worker", Told)
    monkeypatch.setattr(handing, "_KEPT", {})
    row = {"paths": b"1", "keys": b"k", "crops": b""}
    done = handing._do(row, Work("one"), "a")
    assert done["facts"] == b"f"
    assert handing._lines(done["failed"]) == ["x", "y"]
    handing._do({**row, "paths": b"2"}, Work("one"), "a")
    mistaken = handing._do({**row, "paths": b"bad"}, Work("two"), "b")
    assert mistaken["mistake"] == "no such network"
    assert mistaken.keys() == done.keys()
    assert told == ["one made", "one 1", "one 2", "one closed", "two made", "two bad"]


def test_places(tmp_path: Path) -> None:
    import fsspec

    system = fsspec.filesystem("memory")
    for name in ("b.jpg", "a/c.JPG", "a/.hidden.jpg", "@eaDir/thumb.jpg", "x.txt"):
        system.pipe(f"/season/{name}", name.encode())
    place = Place("memory://season")
    first = place.photos((".jpg",))
    assert [path for path, _ in first] == ["a/c.JPG", "b.jpg"]
    assert place.photos((".jpg",)) == first
    with place.at_hand(["b.jpg", "gone.jpg"]) as folder:
        assert (folder / "b.jpg").read_bytes() == b"b.jpg"
        assert not (folder / "gone.jpg").exists()
    assert not folder.exists()
    place.fetch_folder("", tmp_path / "all")
    place.fetch_folder("a", tmp_path / "part")
    assert sorted(path.name for path in (tmp_path / "all").rglob("*.*")) == [
        ".hidden.jpg",
        "b.jpg",
        "c.JPG",
        "thumb.jpg",
        "x.txt",
    ]
    assert sorted(path.name for path in (tmp_path / "part").iterdir()) == [".hidden.jpg", "c.JPG"]
    with pytest.raises(InputError, match=r"no photos in memory://season; looked for files ending in \.png"):
        place.photos((".png",))
    with pytest.raises(InputError, match="no file system that fsspec knows"):
        Place("no-such://a").photos((".jpg",))
    table = from_rows([{"stage": "scan", "path": "a", "reason": "b"}], PROBLEMS)
    write(table, "memory://run/problems.parquet", PROBLEMS)
    pd.testing.assert_frame_equal(read("memory://run/problems.parquet", PROBLEMS), table)
    with pytest.raises(InputError, match="no problems table at memory://run/none"):
        read("memory://run/none.parquet", PROBLEMS)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="choose one of"):
        ExecutorSettings("spark")
    with pytest.raises(ConfigError, match=r"executor\.block=0 must be at least 1"):
        ExecutorSettings(block=0)
    with pytest.raises(ConfigError, match="a census looks at its photos again and again"):
        run_verb("census", ["photos=s3://park/season", f"output={tmp_path / 'out'}"])
    with pytest.raises(ConfigError, match=r"detector\.burst compares photos"):
        words = ["photos=memory://season", f"output={tmp_path / 'out'}", "detector.burst.lift=0.5"]
        run_verb("detect", words)
