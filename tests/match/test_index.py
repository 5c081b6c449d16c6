"""The index agrees with brute force, and refuses what does not belong together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reid.errors import ConfigError, FingerprintError, FormatError, InputError
from reid.match import Index


def unit(n: int, d: int = 16, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_search_equals_brute_force() -> None:
    gallery, queries = unit(200), unit(7, seed=1)
    index = Index(16, "f")
    index.add(gallery[:120], [str(n) for n in range(120)], "f")
    index.add(gallery[120:], [str(n) for n in range(120, 200)], "f")
    expected = np.argsort(-(queries @ gallery.T), axis=1)[:, :5]
    found = index.search(queries, 5, "f")
    assert [[int(name) for name, _ in hits] for hits in found] == expected.tolist()
    np.testing.assert_allclose(
        [[s for _, s in hits] for hits in found], np.take_along_axis(queries @ gallery.T, expected, 1), atol=1e-6
    )


def test_fewer_than_asked_and_none() -> None:
    index = Index(16, "f")
    assert index.search(unit(2), 5, "f") == [[], []]
    index.add(unit(1), ["only"], "f")
    assert len(index.search(unit(2), 5, "f")[0]) == 1


def test_other_fingerprints_are_named() -> None:
    index = Index(16, "here")
    with pytest.raises(FingerprintError, match=r"here.*there"):
        index.add(unit(1), ["a"], "there")
    with pytest.raises(FingerprintError, match=r"here.*there"):
        index.search(unit(1), 1, "there")


@pytest.mark.parametrize(
    ("vectors", "ids", "message"),
    [
        (unit(2, 8), ["a", "b"], r"expected \(n, 16\)"),
        (unit(2) * 2, ["a", "b"], "unit length"),
        (unit(2), ["a"], "2 vectors came with 1 ids"),
    ],
)
def test_wrong_vectors(vectors: np.ndarray, ids: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Index(16, "f").add(vectors, ids, "f")


def test_wrong_factory() -> None:
    with pytest.raises(ConfigError, match="Flat, HNSW32"):
        Index(16, "f", "Flatt")
    with pytest.raises(ConfigError, match="use Flat for so few"):
        Index(16, "f", "IVF256,Flat").add(unit(3), ["a", "b", "c"], "f")


def test_round_trip(tmp_path: Path) -> None:
    index = Index(16, "f", "HNSW16")
    index.add(unit(50), [f"crop {n}" for n in range(50)], "f")
    index.save(tmp_path / "a.faiss")
    again = Index.load(tmp_path / "a.faiss")
    assert again.search(unit(3, seed=2), 4, "f") == index.search(unit(3, seed=2), 4, "f")
    with pytest.raises(InputError, match="no index"):
        Index.load(tmp_path / "b.faiss")
    other = Index(16, "f")
    other.add(unit(3), ["a", "b", "c"], "f")
    other.save(tmp_path / "b.faiss")
    (tmp_path / "a.faiss").write_bytes((tmp_path / "b.faiss").read_bytes())
    with pytest.raises(FormatError, match="do not belong together"):
        Index.load(tmp_path / "a.faiss")
    (tmp_path / "a.faiss").write_bytes(b"nonsense")
    with pytest.raises(FormatError, match="is no index of reid"):
        Index.load(tmp_path / "a.faiss")
