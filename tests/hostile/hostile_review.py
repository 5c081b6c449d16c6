"""The review page as a target: requests made hostile, and what must hold of every answer.

Two ways in. A JSON list of requests is given to the application one after the other, as the server would hand them on:
this reaches the guard, the parsing of values, and the edits. Bytes are given to the server's socket as they are: this
reaches the reading of HTTP.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import copy
import hashlib
import json
import random
import re
import shutil
import socket
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
from hostile_mutate import VALUES

from reid.errors import ReidError

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "review"))

RUN = "2024"
PORT, TOKEN = 8000, "the-token"
TIMEOUT_S = 120


class RefusedRequestError(ReidError):
    """At least one of the requests was refused."""


def _key(name: str) -> str:
    """The sighting of an encounter's photo in the season of `review_makers`."""
    path = f"S{0 if name.startswith('known') else int(name[1:3]) % 5}/{name}.jpg"
    path = {"known2": "S1/known2.jpg", "known3": "S2/known3.jpg"}.get(name, path)
    return f"{RUN}:{path}@{hashlib.sha256(path.encode()).hexdigest()[:12]}#0"


HOST = f"127.0.0.1:{PORT}"
HEADERS = {"host": HOST, "cookie": f"reid-review-{PORT}={TOKEN}", "sec-fetch-site": "same-origin"}
ONE, OTHER, THIRD = (_key(name) for name in ("known1", "known2", "known3"))


def _get(path: str, **query: Any) -> dict[str, Any]:
    return {"method": "GET", "path": path, "query": query, "headers": HEADERS}


def _post(path: str, **body: Any) -> dict[str, Any]:
    headers = {**HEADERS, "origin": f"http://{HOST}", "content-type": "application/json"}
    return {"method": "POST", "path": path, "query": {}, "headers": headers, "body": {"by": "Anna", **body}}


def _edit(action: str, **more: Any) -> dict[str, Any]:
    return _post("/api/edit", action=action, reason="so", **more)


NARROWED = {"text": "ind", "season": RUN, "station": "S0", "sex": "unknown", "flank": "left", "certainty": "0.5-1"}
PAGES = [
    _get("/enter", token=TOKEN), _get("/"), _get("/review", season=RUN), _get("/compare", query=ONE, candidate=OTHER),
    _get("/individuals", **NARROWED, order="last seen", page=1), _get("/individual/1", flank="left", page=1),
    _get("/unidentified", season=RUN, station="S0", flank="left", certainty="0-1", page=1),
    _get("/sheet", **NARROWED, order="name", page=1), _get("/sheet", number=1, flank="left"), _get("/changes"),
    _get("/history", page=1), _get("/picture", sighting=ONE, size=240), _get("/photo", sighting=ONE, size=1280),
    _get("/static/api.js"), _get("/api/queue", season=RUN, limit=2, skip="a,b", past="c"), _get("/api/count", season=RUN, rough=True),
    _get("/api/item", season=RUN, query=ONE, candidate=OTHER), _get("/api/search", text="ind", limit=5),
    _get("/api/lookalikes", sighting=ONE), _get("/api/best", identity="ind-001", flank="left"),
    _get("/api/spots", query=ONE, candidate=OTHER), _get("/api/past", identity="ind-001"),
]  # fmt: skip
WAITING = [{"key": "w", "query": _key("e01a"), "candidate": _key("e01b"), "revision": 1}]


def _said(pair: int, said: str, **more: Any) -> dict[str, Any]:
    ends = {"query": _key(f"e{pair:02d}a"), "candidate": _key(f"e{pair:02d}b")}
    return _post("/api/answer", season=RUN, said=said, probability=0.5, pending=WAITING, **{**ends, **more})


ANSWERS = [
    _said(0, "same", revision=1), _said(2, "different"), _said(3, "not sure"), _said(4, "unusable", candidate=None),
    _said(5, "new"), _said(0, "other flank"), _post("/api/undo", pending=WAITING), _post("/api/undo", event=3),
]  # fmt: skip
ALONE = _key("e07a")
EDITS = [
    _edit("rename", identity="ind-001", value="Bella", revision=1), _edit("alias", identity="Bella", value="B7"),
    _edit("sex", identity="Bella", value="female"), _edit("age", identity="Bella", value="adult"),
    _edit("note", identity="Bella", value="a torn ear"), _edit("tag", identity="Bella", value="gravid"),
    _edit("untag", identity="Bella", value="gravid"), _edit("move", sightings=[ALONE], value="new"),
    _post("/api/preview", action="merge", identity="Bella", other="ind-002"), _get("/merge", keep="Bella", gone="ind-002"),
    _edit("merge", identity="Bella", other="ind-002"), _post("/api/preview", action="split", identity="Bella", sightings=[ALONE]),
    _edit("split", identity="Bella", sightings=[ALONE]), _edit("flank", sightings=[ALONE], value="right"),
    _edit("usable", sightings=[ALONE], value="no"), _edit("move", sightings=[_key("e08a")], value="new"),
    _edit("flank", sightings=[_key("e08a")], value="right"), _edit("join", identity="Bella", other="ind-004"),
    _edit("part", identity="Bella", value="right"), _edit("undo", numbers=[7]), _edit("undo"),
]  # fmt: skip
WIRE = (
    b"POST /api/edit HTTP/1.1\r\nhost: 127.0.0.1:PORT\r\norigin: http://127.0.0.1:PORT\r\nsec-fetch-site: same-origin\r\n"
    b"cookie: reid-review-PORT=TOKEN\r\ncontent-type: application/json\r\ncontent-length: 57\r\nconnection: close\r\n\r\n"
    b'{"action":"note","by":"Anna","identity":"1","value":"a"} '
)


def one_wrong_value() -> list[dict[str, Any]]:
    """Every request in which one value is another one: each value of each request, by each hostile one; shuffled, seed 0."""
    sound_ones = json.loads(json.dumps([*PAGES, *ANSWERS, *EDITS]).replace("Bella", "ind-001"))  # each is asked alone
    out, seen = [], set()
    for request in sound_ones:
        for at in _places(request):
            if at[0] in ("headers", "method"):  # all requests have the same
                if (request["method"], at) in seen:
                    continue
                seen.add((request["method"], at))
            for value in VALUES:
                bent = copy.deepcopy(request)
                parent = bent
                for key in at[:-1]:
                    parent = parent[key]
                parent[at[-1]] = copy.deepcopy(value)
                out.append(bent)
    random.Random(0).shuffle(out)
    return out


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Ways to the values of a request, and to its lists."""
    if isinstance(value, dict):
        for key in value:
            yield from _places(value[key], (*at, key))
        return
    yield at
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _places(inner, (*at, number))


class Page:
    """The page of a made-up season, and its catalogue as it was before anybody asked."""

    def __init__(self) -> None:
        from review_makers import make

        self.folder = Path(tempfile.mkdtemp(prefix="reid-hostile-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)

        def paint(animal: int, height: int, width: int) -> np.ndarray:
            return np.random.default_rng(animal).integers(0, 255, (height, width, 3), dtype=np.uint8)

        self.made = make(self.folder / "season", paint)
        with closing(sqlite3.connect(self.made.file)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
        self.sound = self.made.file.read_bytes()
        self.open()

    def open(self) -> None:
        """The catalogue as it was, and an application of it."""
        from reid.catalogue import Catalogue
        from reid.review import Desk, ReviewSettings, read_season
        from reid.review.app import make_app
        from reid.review.security import Guard

        for ending in ("-wal", "-shm"):
            self.made.file.with_name(self.made.file.name + ending).unlink(missing_ok=True)
        self.made.file.write_bytes(self.sound)
        self.catalogue = Catalogue(self.made.file, create=False, by="Anna")
        self.desk = Desk(self.catalogue, [read_season(self.made.census)], ReviewSettings(by="Anna", draws=20))
        self.app = make_app(self.desk, Guard(TOKEN, PORT))
        self.watcher = sqlite3.connect(self.made.file)
        self.first = self.before = self.changes()

    def renew(self) -> None:
        """As it was, if it was changed."""
        if self.changes() != self.first:
            self.watcher.close()
            self.catalogue.close()
            self.open()

    def changes(self) -> int:
        """A number that is another one once anybody else has written to the file."""
        return int(self.watcher.execute("PRAGMA data_version").fetchone()[0])

    def sound_still(self, where: str, may_differ: bool) -> None:
        """The catalogue must hold together; and must be as it was, where nothing was allowed to change it."""
        after = self.changes()
        assert may_differ or after == self.before, f"{where} was refused, or only reads, and changed the catalogue"
        if after != self.before:
            problems = self.catalogue.check().problems
            assert not problems, problems
            self.before = after


@cache
def page() -> Page:
    return Page()


def sound(requests: list[dict[str, Any]]) -> bytes:
    return json.dumps(requests).encode()


def asked(content: bytes, folder: Path) -> None:
    """Give a list of requests to the application, one after the other."""
    try:
        requests = json.loads(content)
    except (ValueError, RecursionError):
        requests = [{**_edit(""), "body": content}]
    here, refused = page(), []
    try:
        for request in requests if isinstance(requests, list) else [requests]:
            scope, body = _scope(request)
            status, headers, answer = asyncio.run(_given(here.app, scope, body))
            where = f"{scope['method']} {scope['path'][:80]}"
            assert 200 <= status < 500, f"{where}: {status}"
            here.sound_still(f"{where} {status}", scope["method"] == "POST" and status == 200)
            assert headers.get("x-content-type-options") == "nosniff" and "content-security-policy" in headers, where
            if headers.get("content-type", "").startswith("text/html"):
                assert b"<script>alert" not in answer, where
            elif scope["path"].startswith("/api/") and scope["method"] != "HEAD":
                json.loads(answer)
            if status >= 400:
                refused.append(f"{where}: {status} {answer[:200]!r}")
    finally:
        here.renew()
    if refused:
        raise RefusedRequestError(refused[0])


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _scope(request: Any) -> tuple[dict[str, Any], bytes]:
    """A request as the server hands it on: what its reading of HTTP refuses is made into something that it lets through."""
    given = request if isinstance(request, dict) else {"path": request}
    body = given.get("body", b"")
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = _text(given.get("path", "/")).encode("utf-8", "replace").decode()
    query = given.get("query", {})
    if isinstance(query, dict):
        query = urlencode({k.encode("utf-8", "replace"): v if isinstance(v, list) else _text(v).encode("utf-8", "replace") for k, v in query.items()}, doseq=True)  # fmt: skip
    headers = given.get("headers")
    headers = headers if isinstance(headers, dict) else {}
    sent = [(_line(name).lower(), _line(value)) for name, value in headers.items()]
    if given.get("method") not in ("GET", None) and not any(name == b"content-length" for name, _ in sent):
        sent.append((b"content-length", str(len(body)).encode()))
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "scheme": "http", "root_path": "",
        "method": re.sub(r"[^!-~]", "", _text(given.get("method", "GET"))) or "GET", "path": path,
        "raw_path": quote(path).encode(), "query_string": _line(query), "headers": sent,
        "client": ("127.0.0.1", 40000), "server": ("127.0.0.1", PORT),
    }  # fmt: skip
    return scope, body


def _line(value: Any) -> bytes:
    """What may stand in a line of HTTP."""
    return re.sub(rb"[\0-\x08\n-\x1f\x7f]", b"", _text(value).encode("latin-1", "replace")).strip()


async def _given(app: Any, scope: dict[str, Any], body: bytes) -> tuple[int, dict[str, str], bytes]:
    """The answer of an application: status, headers by name, body. What it raises is raised."""
    parts, messages = [{"type": "http.request", "body": body, "more_body": False}], []

    async def receive() -> dict[str, Any]:
        return parts.pop(0) if parts else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    await asyncio.wait_for(app(scope, receive, send), TIMEOUT_S)
    starts = [message for message in messages if message["type"] == "http.response.start"]
    assert len(starts) == 1 and not messages[-1].get("more_body", False)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in starts[0]["headers"]}
    return starts[0]["status"], headers, b"".join(message.get("body", b"") for message in messages)


class Server:
    """A server of the page, for as long as the process lives, that knows whether it waits for its clients or they for it."""

    def __init__(self) -> None:
        from reid.review.serve import Served

        self.page = Page()
        self.served = Served(self.page.desk)
        self.port, self.token = str(self.served.guard.port).encode(), self.served.guard.token.encode()
        self.working = 0
        app: Any = self.served.server.config.app

        async def watched(scope: Any, receive: Any, send: Any) -> None:
            async def waiting() -> Any:
                self.working -= 1
                try:
                    return await receive()
                finally:
                    self.working += 1

            self.working += 1
            try:
                await app(scope, waiting, send)
            finally:
                self.working -= 1

        self.served.server.config.app = watched
        threading.Thread(target=self.served.run, daemon=True).start()

    def ask(self, path: bytes) -> bytes:
        """The answer to a sound request; by then the server has also read what was sent before."""
        out = b""
        lines = b"GET %s HTTP/1.1\r\nhost: 127.0.0.1:%s\r\ncookie: reid-review-%s=%s\r\nconnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", int(self.port)), timeout=TIMEOUT_S) as raw:
            raw.sendall(lines % (path, self.port, self.port, self.token))
            while part := raw.recv(65536):
                out += part
        return out

    def give(self, content: bytes) -> bytes:
        """What the server answers until it closes the connection, or waits for more than was sent."""
        out, quiet, until = b"", 0, time.monotonic() + TIMEOUT_S
        with (
            contextlib.suppress(ConnectionError),  # it need not listen to the end
            socket.create_connection(("127.0.0.1", int(self.port)), timeout=0.05) as raw,
        ):
            with contextlib.suppress(TimeoutError):
                raw.sendall(content)
            self.ask(b"/static/review.css")
            while quiet < 2 and time.monotonic() < until:  # twice: what was written just now may be on its way
                try:
                    part = raw.recv(65536)
                    if not part:
                        break
                    out, quiet = out + part, 0
                except TimeoutError:
                    quiet = 0 if self.working else quiet + 1
        while self.served.server.server_state.tasks and time.monotonic() < until:
            time.sleep(0.01)
        assert not self.served.server.server_state.tasks, "a request is answered without end"
        return out


@cache
def _server() -> Server:
    return Server()


def wired(content: bytes, folder: Path) -> None:
    """Give bytes to the server's socket; afterwards it must answer a sound request as before."""
    server = _server()
    answer = server.give(content.replace(b"PORT", server.port).replace(b"TOKEN", server.token))
    statuses = [int(found) for found in re.findall(rb"^HTTP/1\.1 (\d{3})", answer, re.MULTILINE)]
    assert all(status < 500 for status in statuses), statuses
    server.page.sound_still(f"answered {statuses}", b"POST" in content and 200 in statuses)
    assert server.ask(b"/api/search").startswith(b"HTTP/1.1 200")
    if not statuses or max(statuses) >= 400:
        raise RefusedRequestError(f"answered {statuses}")
