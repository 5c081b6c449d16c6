"""The index agrees with brute force, and refuses what does not belong together."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest

import reid.match.index_kinds as kinds
from reid.errors import ConfigError, FingerprintError, FormatError, InputError
from reid.match import Index, Shards


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


@pytest.mark.parametrize("k", [0, -1])
def test_at_least_one_is_asked_for(k: int) -> None:
    index = Index(16, "f")
    index.add(unit(3), ["a", "b", "c"], "f")
    with pytest.raises(InputError, match="give k"):
        index.search(unit(2), k, "f")


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


def clustered(n: int, d: int = 32, seed: int = 0) -> np.ndarray:
    """Unit vectors around a centre for every ten of them."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(max(1, n // 10), d))
    vectors = centres[rng.integers(len(centres), size=n)] + 0.5 * rng.normal(size=(n, d))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def nearest(gallery: np.ndarray, queries: np.ndarray, k: int, allowed: np.ndarray | None = None) -> list[list[str]]:
    """By brute force, in plain numpy."""
    scores = queries @ gallery.T
    if allowed is not None:
        scores[:, ~allowed] = -9
    return [[str(n) for n in row] for row in np.argsort(-scores, axis=1, kind="stable")[:, :k]]


def names(found: list[list[tuple[str, float]]]) -> list[list[str]]:
    return [[name for name, _ in hits] for hits in found]


def filled(factory: str, gallery: np.ndarray, tags: dict[str, list[str]] | None = None) -> Index:
    index = Index(gallery.shape[1], "f", factory)
    index.add(gallery, [str(n) for n in range(len(gallery))], "f", tags)
    return index


@pytest.mark.parametrize("factory", ["Flat", "IVF16,SQ8", "HNSW16"])
def test_tags_are_sorted_out_before_the_nearest_are_taken(factory: str) -> None:
    gallery, queries = clustered(2000), clustered(20, seed=1)
    flank = np.array(["left", "right", "unknown"])[np.arange(2000) % 3]
    season = np.array(["2014", "2015"])[np.arange(2000) // 1000]
    index = filled(factory, gallery, {"flank": list(flank), "season": list(season)})
    where = {"flank": ["left", "unknown"], "season": 2015}
    found = names(index.search(queries, 10, "f", where=where))
    allowed = (flank != "right") & (season == "2015")
    expected = nearest(gallery, queries, 10, allowed)
    assert all(allowed[int(name)] for hits in found for name in hits)
    assert all(len(hits) == 10 for hits in found)
    hit = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, expected, strict=True)])
    assert found == expected if factory == "Flat" else hit >= 0.93
    with pytest.raises(ConfigError, match="no tag 'station'; it has flank, season"):
        index.search(queries, 1, "f", where={"station": "a"})
    with pytest.raises(InputError, match="have the tags none"):
        index.add(gallery[:1], ["x"], "f")


@pytest.mark.parametrize("factory", ["Flat", "IVF16,SQ8", "HNSW16"])
def test_a_rare_tag_is_found_in_full(factory: str) -> None:
    gallery = clustered(2000)
    tags = {"identity": ["rare" if n % 400 == 7 else "other" for n in range(2000)]}
    index = filled(factory, gallery, tags)
    found = index.search(gallery[:3], 10, "f", where={"identity": "rare"})
    assert [sorted(int(name) for name, _ in hits) for hits in found] == [[7, 407, 807, 1207, 1607]] * 3


@pytest.mark.parametrize("factory", ["Flat", "IVF16,SQ8", "HNSW16"])
def test_what_was_removed_is_never_found_again(factory: str, tmp_path: Path) -> None:
    gallery, queries = clustered(1500), clustered(10, seed=1)
    index = filled(factory, gallery, {"identity": [f"ind-{n % 5}" for n in range(1500)]})
    assert index.remove(where={"identity": "ind-3"}) == 300
    assert index.remove(ids=["0", "3", "nobody"]) == 1
    assert len(index) == 1199 and "0" not in index.ids
    index.save(tmp_path / "a.faiss")
    for one in (index, Index.load(tmp_path / "a.faiss"), Index.load(tmp_path / "a.faiss", mapped=True)):
        left = {name for hits in one.search(queries, 30, "f") for name, _ in hits}
        assert left and all(int(name) % 5 != 3 and name != "0" for name in left)
    index.add(gallery[:1], ["again"], "f", {"identity": ["ind-9"]})
    assert index.search(gallery[:1], 1, "f")[0][0][0] == "again"
    with pytest.raises(InputError, match="nothing says"):
        index.remove()


def test_auto_is_exact_first_and_keeps_its_recall_after(monkeypatch: pytest.MonkeyPatch) -> None:
    import reid.match.index as module

    for place in (module, kinds):
        monkeypatch.setattr(place, "EXACT", 3000)
    monkeypatch.setattr("reid.match.index_tuning.STEP", 10)
    gallery, queries = clustered(6000), clustered(50, seed=1)
    index = Index(32, "f", "auto", recall=0.95)
    for start in range(0, 6000, 1500):
        part = slice(start, start + 1500)
        index.add(gallery[part], [str(n) for n in range(6000)[part]], "f")
        if start < 3000:
            assert index.factory == "Flat"
            assert names(index.search(queries, 5, "f")) == nearest(gallery[: start + 1500], queries, 5)
    assert index.factory == "HNSW32" and len(index) == 6000
    assert index.reached >= 0.95
    found, expected = names(index.search(queries, 10, "f")), nearest(gallery, queries, 10)
    assert np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, expected, strict=True)]) >= 0.9


def test_auto_stays_exact_where_a_graph_would_take_longer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import reid.match.index as module

    for place in (module, kinds):
        monkeypatch.setattr(place, "EXACT", 1500)
    monkeypatch.setattr("reid.match.index_tuning.STEP", 100)
    even = np.random.default_rng(0).standard_normal((3000, 64)).astype(np.float32)
    even /= np.linalg.norm(even, axis=1, keepdims=True)
    index = Index(64, "f", "auto", recall=0.99)
    index.add(even[:2000], [str(n) for n in range(2000)], "f")
    index.save(tmp_path / "even.faiss")
    index = Index.load(tmp_path / "even.faiss")
    index.add(even[2000:], [str(n) for n in range(2000, 3000)], "f")
    assert (index.factory, index.effort, index.reached) == ("Flat", 0, 1.0)
    assert names(index.search(even[:20], 5, "f")) == nearest(even, even[:20], 5)


def test_a_graph_is_the_same_each_time_though_faiss_may_use_threads(tmp_path: Path) -> None:
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(4)
    try:
        for name in ("a", "b"):
            filled("HNSW16", clustered(3000)).save(tmp_path / f"{name}.faiss")
        assert faiss.omp_get_max_threads() == 4
    finally:
        faiss.omp_set_num_threads(before)
    assert (tmp_path / "a.faiss").read_bytes() == (tmp_path / "b.faiss").read_bytes()


def test_a_graph_is_linked_by_one_thread_and_lists_by_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """With few vectors the links come out alike by any number of threads, so that only the number itself shows the rule."""
    used: dict[str, int] = {}
    graphs = {kind: kinds.graph_of(kinds.make(32, kind)) for kind in ("HNSW16", "Flat")}
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(3)
    try:
        for kind, graph in graphs.items():

            class Watched:
                def add(self, vectors: np.ndarray, kind: str = kind) -> None:
                    used[kind] = faiss.omp_get_max_threads()

            monkeypatch.setattr(kinds, "graph_of", lambda index, graph=graph: graph)
            kinds.fill(Watched(), clustered(10))
    finally:
        faiss.omp_set_num_threads(before)
    assert used == {"HNSW16": 1, "Flat": 3}


@pytest.mark.parametrize("factory", ["Flat", "IVF16,SQ8", "HNSW16"])
def test_read_in_place_is_the_same_and_refuses_changes(tmp_path: Path, factory: str) -> None:
    gallery, queries = clustered(2000), clustered(5, seed=1)
    index = filled(factory, gallery, {"flank": ["left", "right"] * 1000})
    index.save(tmp_path / "a.faiss")
    mapped = Index.load(tmp_path / "a.faiss", mapped=True)
    assert (mapped.effort, mapped.reached, mapped.factory) == (index.effort, index.reached, index.factory)
    for where in (None, {"flank": "left"}):
        assert mapped.search(queries, 7, "f", where) == index.search(queries, 7, "f", where)
    with pytest.raises(InputError, match="reading only"):
        mapped.add(gallery[:1], ["x"], "f", {"flank": ["left"]})
    with pytest.raises(InputError, match="reading only"):
        mapped.remove(["1"])
    (tmp_path / "a.faiss.rows").write_bytes(b"nonsense")
    with pytest.raises(FormatError, match="is no index of reid"):
        Index.load(tmp_path / "a.faiss")


def test_an_index_from_before_there_were_tags_is_read(tmp_path: Path) -> None:
    import json

    index = filled("Flat", unit(5))
    index.save(tmp_path / "a.faiss")
    (tmp_path / "a.faiss.rows").unlink()
    about = {"size": 16, "fingerprint": "f", "factory": "Flat", "ids": list("abcde")}
    (tmp_path / "a.faiss.json").write_text(json.dumps(about))
    assert Index.load(tmp_path / "a.faiss").search(unit(5)[2:3], 1, "f")[0][0][0] == "c"


def test_shards_answer_as_one_index(tmp_path: Path) -> None:
    gallery, queries = clustered(900), clustered(20, seed=1)
    flank = ["left" if n % 2 else "right" for n in range(900)]
    one = filled("Flat", gallery, {"flank": flank})
    paths = []
    for n, rows in enumerate(np.array_split(np.arange(900), 3)):
        part = Index(32, "f")
        part.add(gallery[rows], [str(row) for row in rows], "f", {"flank": [flank[row] for row in rows]})
        paths.append(tmp_path / f"{n}.faiss")
        part.save(paths[-1])
    shards = Shards([Index.load(path, mapped=True) for path in paths])
    assert len(shards) == 900
    for where in (None, {"flank": "left"}):
        together, alone = shards.search(queries, 9, "f", where), one.search(queries, 9, "f", where)
        assert names(together) == names(alone)
        np.testing.assert_allclose([[s for _, s in h] for h in together], [[s for _, s in h] for h in alone], atol=1e-6)
    with pytest.raises(InputError, match="no indexes"):
        Shards([])
    with pytest.raises(FingerprintError, match=r"other.*f"):
        Shards([Index(32, "f"), Index(32, "other")])


def test_another_precision_of_one_network_is_refused_by_name() -> None:
    index = Index(16, "0123456789abcdef")
    with pytest.raises(FingerprintError, match="another precision"):
        index.add(unit(1), ["a"], "0123456789abcdef+bf16")
