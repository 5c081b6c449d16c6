"""The index: the answers of a plain product of matrices, and rebuilt whenever it is not to be trusted."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from catalogue_makers import DIMENSION, record, vector

from reid.catalogue import Catalogue


@pytest.fixture
def catalogue(tmp_path):
    with Catalogue(tmp_path / "a.sqlite") as catalogue:
        groups = {f"e{i}": [f"c{i}-{j}" for j in range(3)] for i in range(20)}
        record(catalogue, "r1", groups, {e: "?" if i % 5 == 0 else f"new-{i % 7}" for i, e in enumerate(groups)})
        yield catalogue


def agrees(catalogue: Catalogue) -> bool:
    index, keys = catalogue.index()
    values, order = catalogue.vectors()
    queries = np.array([vector(f"query {i}") for i in range(5)])
    similar, ids = index.search(queries, 10)
    wanted = np.argsort(-(queries @ values.T), axis=1)[:, :10]
    np.testing.assert_allclose(similar, np.take_along_axis(queries @ values.T, wanted, axis=1), atol=1e-6)
    return [[keys[i] for i in row] for row in ids] == [[order[i] for i in row] for row in wanted]


def test_it_finds_what_brute_force_finds(catalogue):
    assert agrees(catalogue)
    assert catalogue.index()[0].ntotal == 48  # the unsure have no name to be found by


def test_it_is_rebuilt_from_the_file_alone(catalogue):
    path = catalogue.rebuild_index()
    assert path == catalogue.path.with_name("a.sqlite.data") / "index.faiss"
    before = path.read_bytes()
    shutil.rmtree(path.parent)
    assert agrees(catalogue)
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.part"))


def test_it_is_read_and_not_rebuilt_while_nothing_changes(catalogue):
    path = catalogue.rebuild_index()
    written = path.stat().st_mtime_ns
    catalogue.index()
    assert path.stat().st_mtime_ns == written


@pytest.mark.parametrize("harm", ["other bytes", "cut", "no sidecar", "odd sidecar"])
def test_a_damaged_index_is_never_read(catalogue, harm):
    path = catalogue.rebuild_index()
    sidecar = path.with_name("index.json")
    if harm == "other bytes":
        data = bytearray(path.read_bytes())
        data[-5] ^= 0x40
        path.write_bytes(data)
    elif harm == "cut":
        path.write_bytes(path.read_bytes()[:100])
    elif harm == "no sidecar":
        sidecar.unlink()
    else:
        sidecar.write_text("[")
    assert agrees(catalogue)


def test_a_stale_index_is_noticed(catalogue):
    path = catalogue.rebuild_index()
    facts = json.loads(path.with_name("index.json").read_text())
    assert (facts["fingerprint"], facts["count"]) == ("net-1", 48)
    catalogue.decide("r1", "e0", "new", "Anna")
    index, keys = catalogue.index()
    assert index.ntotal == len(keys) == 51 and agrees(catalogue)
    catalogue.undo("Anna")
    assert catalogue.index()[0].ntotal == 48


def test_it_is_extended_and_not_made_anew(catalogue, monkeypatch):
    catalogue.rebuild_index()
    monkeypatch.setattr("reid.catalogue.index.build", None)
    written = (catalogue.data / "index.faiss").stat().st_mtime_ns
    catalogue.rename("ind-001", "Bella", "Anna")
    assert agrees(catalogue) and (catalogue.data / "index.faiss").stat().st_mtime_ns == written
    catalogue.decide("r1", "e0", "new", "Anna")
    catalogue.decide("r1", "e1", None, "Anna")
    catalogue.set_usable(["r1:c2-0"], False, "Anna")
    assert agrees(catalogue) and catalogue.index()[0].ntotal == 48 + 3 - 3 - 1
    record(catalogue, "r2", {"e1": ["x", "y"]}, {"e1": "Bella"})
    assert agrees(catalogue) and catalogue.index()[0].ntotal == 49
    with Catalogue(catalogue.path) as other:
        assert agrees(other)


def test_an_empty_catalogue_has_an_empty_index(tmp_path):
    with Catalogue(tmp_path / "b.sqlite") as catalogue:
        index, keys = catalogue.index()
        assert index.ntotal == 0 and keys == {}
        record(catalogue, "r1", {"e1": ["a"]}, {"e1": "new-1"})
        assert catalogue.index()[0].d == DIMENSION
