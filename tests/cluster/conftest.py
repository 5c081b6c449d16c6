"""A few photos, a tiny network, and a server of S3 in this process that counts what is asked of it."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from reid.embed import EmbeddingNetwork, NetworkSpec, save_network


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("network")
    save_network(EmbeddingNetwork(NetworkSpec(backbone="test_efficientnet", height=64, width=64)), folder)
    return folder


@pytest.fixture(scope="module")
def photos(jaguars: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six photos, one that breaks off, one that is damaged inside, and a file that is none."""
    root = tmp_path_factory.mktemp("photos")
    chosen = sorted(jaguars.rglob("*.jpg"))[:6]
    for path in chosen:
        target = root / path.relative_to(jaguars)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
    data = chosen[0].read_bytes()
    (root / "odd name ü").mkdir()
    (root / "odd name ü" / "broken off.jpg").write_bytes(data[: len(data) // 2])
    (root / "odd name ü" / "damaged.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"no" * 40)
    (root / "notes.txt").write_text("not a photo")
    return root


@dataclass
class Bucket:
    """A bucket, and how often each of its objects was fetched."""

    url: str
    fetched: Counter[str] = field(default_factory=Counter)


@pytest.fixture(scope="module")
def bucket(photos: Path) -> Iterator[Bucket]:
    """The photos in `season` of a bucket of a server of S3 that runs in this process."""
    pytest.importorskip("s3fs", reason="pip install 'reid[cluster]' brings the file system of S3")
    moto = pytest.importorskip("moto.moto_server.werkzeug_app", reason="moto is not installed")
    from werkzeug.serving import make_server

    made = Bucket("s3://park")
    app = moto.DomainDispatcherApplication(moto.create_backend_app)

    def counting(environ: dict[str, Any], start: Any) -> Any:
        if environ["REQUEST_METHOD"] == "GET" and environ["PATH_INFO"].endswith((".jpg", ".png")):
            made.fetched[environ["PATH_INFO"].encode("latin-1").decode()] += 1
        return app(environ, start)

    server = make_server("127.0.0.1", 0, counting, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.delenv("AWS_PROFILE", raising=False)
        import s3fs

        s3fs.S3FileSystem.clear_instance_cache()
        system = s3fs.S3FileSystem()
        system.mkdir("park")
        for path in sorted(photos.rglob("*")):
            if path.is_file():
                system.put_file(str(path), f"park/season/{path.relative_to(photos).as_posix()}")
        yield made
        s3fs.S3FileSystem.clear_instance_cache()
    server.shutdown()
