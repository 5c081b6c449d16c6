"""Searches with tags and efforts work where another package has put its own search into FAISS."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import numpy as np
import faiss.contrib.torch_utils
from reid.match import Index
rng = np.random.default_rng(0)
vectors = rng.normal(size=(600, 16)).astype(np.float32)
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
for factory in ("Flat", "HNSW16", "IVF8,SQ8"):
    index = Index(16, "f", factory)
    index.add(vectors, [str(n) for n in range(600)], "f", {"side": ["a", "b"] * 300})
    found = index.search(vectors[:20], 1, "f", where={"side": ["a", "b"]})
    assert [hits[0][0] for hits in found] == [str(n) for n in range(20)], factory
    assert all(int(name) % 2 for hits in index.search(vectors[:20], 3, "f", where={"side": "b"}) for name, _ in hits)
print("fine")
"""


def test_with_the_search_of_torch_utils() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.stdout == "fine\n", done.stderr
