"""What the page refuses: strangers, other pages, other names of this machine, files elsewhere, half requests."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from review_makers import RUN, Made, sighting

from reid.catalogue import Catalogue
from reid.errors import ConfigError, InputError
from reid.photos import read_labelled
from reid.review.pictures import inside
from reid.review.security import HEADERS, Guard, RefusedError
from reid.review.serve import Served


@pytest.fixture
def served(made: Made) -> Iterator[tuple[Served, Any]]:
    with made.served() as both:
        yield both


def ask(
    served: Served, path: str, method: str = "GET", body: Any = None, token: str | None = "", **headers: str | None
):
    """One request as this page's own script sends it, changed by `headers`; None leaves one out."""
    own = {
        "host": f"127.0.0.1:{served.guard.port}",
        "cookie": f"{served.guard.cookie}={served.guard.token if token == '' else token}"
        if token is not None
        else None,
        "sec-fetch-site": "same-origin",
    }
    data = None
    if method != "GET":
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        own |= {"origin": served.home, "content-type": "application/json", "content-length": str(len(data))}
    own |= {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", served.guard.port, timeout=20)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in own.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(data)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer, text


ANSWER = {"season": RUN, "query": sighting(0, 0), "candidate": sighting(0, 1), "said": "same"}
PICTURE = f"/picture?sighting={quote(sighting(0, 0))}"


def test_only_with_the_token(served) -> None:
    page, desk = served
    for path in ("/", "/review", "/individuals", "/individual/1", "/api/queue?season=" + RUN, PICTURE, "/nowhere"):
        for token in (None, "", "x" * 32, page.guard.token[:-1]):
            answer, text = ask(page, path, token=token)
            assert answer.status == (
                403 if token != "" else 303 if path == "/" else 404 if path == "/nowhere" else 200
            ), path
            if token != "":
                assert b"ind-" not in text and b"2024" not in text and b"catalogue.sqlite" not in text
    assert ask(page, "/api/answer", "POST", ANSWER, token=None)[0].status == 403
    assert ask(page, "/enter?token=wrong", token=None)[0].status == 403
    assert len(desk.catalogue.labelled_pairs()) == 0
    assert ask(page, "/static/review.css", token=None)[0].status == 200


def test_the_terminals_address_lets_in_and_leaves_no_token_behind(served) -> None:
    page, _ = served
    answer, text = ask(page, page.address.removeprefix(page.home), token=None, sec_fetch_site="none")
    cookie = answer.getheader("set-cookie")
    assert answer.status == 200 and page.guard.token.encode() not in text
    assert cookie.startswith(f"{page.guard.cookie}={page.guard.token};")
    assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower()
    assert answer.getheader("referrer-policy") == "no-referrer"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": None},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": None},
        {"host": "evil.example"},
        {"host": "127.0.0.1:1"},
        {"host": "evil.example:80", "origin": "http://evil.example:80"},
    ],
)
def test_another_page_changes_nothing(served, headers: dict[str, str | None]) -> None:
    page, desk = served
    answer, _ = ask(page, "/api/answer", "POST", ANSWER, **headers)
    assert answer.status in (403, 415, 421)
    assert desk.catalogue.last_event == 1
    assert ask(page, "/api/answer", "POST", ANSWER)[0].status == 200  # and ours does


@pytest.mark.parametrize(
    "host", ["evil.example", "rebound.example:{port}", "127.0.0.1.evil.example:{port}", "", "127.0.0.1"]
)
def test_another_name_of_this_machine_reads_nothing(served, host: str) -> None:
    page, _ = served
    for path in ("/review", PICTURE, "/api/queue?season=" + RUN, page.address.removeprefix(page.home)):
        answer, text = ask(page, path, host=host.format(port=page.guard.port))
        assert answer.status in (400, 421) and b"ind-" not in text, path
    assert ask(page, "/review", host=f"localhost:{page.guard.port}")[0].status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_page_shows_none_of_our_pictures(served, site: str) -> None:
    page, _ = served
    assert ask(page, PICTURE, sec_fetch_site=site)[0].status == 403
    assert ask(page, PICTURE)[0].getheader("cross-origin-resource-policy") == "same-origin"


def test_it_listens_on_this_machine_alone(served) -> None:
    page, _ = served
    assert page.socket.getsockname()[0] == "127.0.0.1"
    with pytest.raises(ConfigError, match=f"port={page.guard.port} cannot be used"):
        Served(served[1], page.guard.port)


def test_every_answer_has_the_headers(served) -> None:
    page, _ = served
    for path, token in (("/review", ""), ("/nowhere", ""), (PICTURE, ""), ("/review", None), ("/static/api.js", "")):
        answer, _ = ask(page, path, token=token)
        for name, value in HEADERS.items():
            assert answer.getheader(name) == value, path
    policy = HEADERS["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    assert ask(page, "/review")[0].getheader("cache-control") == "no-store"
    assert ask(page, "/review")[0].getheader("server") is None


def test_files_elsewhere_are_refused(served, made: Made, tmp_path: Path) -> None:
    page, _ = served
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(next(made.root.glob("*/*.jpg")).read_bytes())
    (made.root / "link.jpg").symlink_to(secret)
    for path in (
        "../secret.jpg",
        str(secret),
        "link.jpg",
        "/etc/passwd",
        "../../etc/passwd",
        "S0",
        "",
        "a\0b",
        "x" * 5000,
    ):
        with pytest.raises(InputError, match="not in the photo folder"):
            inside(made.root, path)
    assert inside(made.root, "S0/e00a.jpg").is_file()
    for path in ("/static/../serve.py", "/static/%2e%2e/serve.py", "/static/..%2fserve.py", "//etc/passwd", "/photo?sighting=../../etc/passwd",
                 "/picture?sighting=/etc/passwd&size=480", f"/picture?sighting={quote(RUN)}:../../etc/passwd"):  # fmt: skip
        answer, text = ask(page, path)
        assert answer.status == 404 and b"root:" not in text and b"import" not in text, path
    for size in (0, 481, -1, 10**9):
        assert ask(page, f"{PICTURE}&size={size}")[0].status == 404
    assert ask(page, f"{PICTURE}&size=480")[1][:3] == b"\xff\xd8\xff"


def test_a_catalogue_from_elsewhere_names_files_elsewhere(made: Made, tmp_path: Path) -> None:
    """A recording whose paths lead out of the photo folder, through the picture, the photo and the spots."""
    from review_makers import BOXES

    from reid.tables import CROPS, DECISIONS, from_rows

    outside = tmp_path / "outside.jpg"
    outside.write_bytes(next(made.root.glob("*/*.jpg")).read_bytes())
    path = "../../outside.jpg"
    with Catalogue(made.file, create=False) as catalogue:
        row = {"crop_id": f"{path}@0#0", "image_id": path, "path": path, "content_hash": "f" * 64, "bbox": BOXES[0],
               "orientation": "left", "encounter": "e1"}  # fmt: skip
        decided = {"encounter": "e1", "identity": "unknown", "decision": "unsure", "probability": 0.1, "reason": "so"}
        import numpy as np

        vector = np.eye(1, 8, dtype=np.float32)
        catalogue.record_run(
            "evil", "p", from_rows([row], CROPS), vector, "net-1", from_rows([decided], DECISIONS), None, "reid 0"
        )
    assert (made.root / path).resolve() == outside.resolve()
    with made.served() as (page, desk):
        desk.pictures.roots["evil"] = made.root
        for address in ("/picture?size=480&", "/photo?"):
            answer, text = ask(page, f"{address}sighting={quote(f'evil:{path}@0#0')}")
            assert answer.status == 404 and b"not in the photo folder" in text
        answer, text = ask(page, f"/api/spots?query={quote(sighting(0, 0))}&candidate={quote(f'evil:{path}@0#0')}")
        assert answer.status == 404 and b"points" not in text
        assert ask(page, "/review?season=evil")[0].status == 200
        item = json.loads(ask(page, "/api/queue?season=evil")[1])["items"][0]
        assert item["query"]["photo"] is False


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "JSON"),
        ({**ANSWER, "said": "maybe"}, "'maybe' is no answer"),
        ({**ANSWER, "query": "x"}, "no sighting"),
        ({**ANSWER, "probability": 3}, "less than or equal to 1"),
        ({**ANSWER, "candidate": None}, "nobody to compare with"),
        ({**ANSWER, "by": "reid 9"}, "person's to say"),
        ({**ANSWER, "candidate": ANSWER["query"]}, "compared with itself"),
        ({**ANSWER, "revision": 999}, "revision 999"),
        ({}, "season"),
        ({**ANSWER, "pending": [{"key": "w", "query": "\ud800"}]}, "half a character"),
    ],
)
def test_wrong_answers_say_why_and_change_nothing(served, body: Any, words: str) -> None:
    page, desk = served
    answer, text = ask(page, "/api/answer", "POST", body)
    assert 400 <= answer.status < 500 and words in json.loads(text)["error"]
    assert desk.catalogue.last_event == 1


def test_a_number_that_no_catalogue_holds_is_refused(served) -> None:
    page, desk = served
    answer, text = ask(page, "/api/undo", "POST", {"event": 2**63})
    assert answer.status == 400 and "larger than a catalogue can hold" in json.loads(text)["error"]
    assert desk.catalogue.last_event == 1


def test_a_question_on_the_screen_keeps_the_state_that_was_seen(served) -> None:
    """One's own answer carries the waiting questions along; somebody else's change between does not."""
    page, desk = served
    waiting = {"key": "w", "query": sighting(1, 0), "candidate": sighting(1, 1), "revision": 1}
    first = json.loads(ask(page, "/api/answer", "POST", {**ANSWER, "revision": 1, "pending": [waiting]})[1])
    assert first["revisions"] == {"w": 2} and first["open"] == {"w": True}
    desk.catalogue.answer(sighting(1, 0), sighting(1, 1), "same", by="Bo")
    third = {**ANSWER, "query": sighting(2, 0), "candidate": sighting(2, 1), "revision": 2}
    then = json.loads(ask(page, "/api/answer", "POST", {**third, "pending": [{**waiting, "revision": 2}]})[1])
    assert then["revisions"] == {"w": 2} and then["open"] == {"w": False}
    late = {**ANSWER, "query": sighting(1, 0), "candidate": sighting(1, 1), "said": "different", "revision": 2}
    answer, text = ask(page, "/api/answer", "POST", late)
    assert answer.status == 409 and "Bo changed this in the meantime" in json.loads(text)["error"]


def test_wrong_addresses_say_why(served) -> None:
    page, _ = served
    for path, words in [
        ("/review?season=1999", "no season"), ("/individual/77", "no individual"), ("/individual/x", "integer"),
        ("/individuals?order=size", "order="), ("/individuals?sex=<b>", "sex="), ("/individuals?certainty=x-y", "is no range"),
        ("/individuals?page=0", "pages count from 1"), ("/compare?query=x", "not there"), ("/merge?keep=a&gone=b", "no individual"),
    ]:  # fmt: skip
        answer, text = ask(page, path)
        assert 400 <= answer.status < 500 and words in text.decode(), path
        assert "<b>" not in text.decode().partition("<main")[2].replace('<b class="badge">', ""), path


def test_a_large_or_endless_body_is_refused(served) -> None:
    page, _ = served
    assert ask(page, "/api/edit", "POST", b"x" * 10, content_length="2000000")[0].status == 413
    with socket.create_connection(("127.0.0.1", page.guard.port), timeout=10) as raw:
        raw.sendall(
            f"POST /api/edit HTTP/1.1\r\nhost: 127.0.0.1:{page.guard.port}\r\norigin: {page.home}\r\n"
            f"cookie: {page.guard.cookie}={page.guard.token}\r\ncontent-type: application/json\r\n"
            "transfer-encoding: chunked\r\n\r\n".encode()
        )
        assert b" 413 " in raw.recv(200)


def test_the_guard_itself() -> None:
    guard = Guard("secret", 80)
    good = {"host": "127.0.0.1:80", "cookie": f"other=1; {guard.cookie}=secret"}
    guard.check("GET", "/review", "", good)
    for wrong in ({"cookie": "é"}, {"cookie": f"{guard.cookie}="}, {"host": "127.0.0.1:80, evil"}):
        with pytest.raises(RefusedError):
            guard.check("GET", "/review", "", {**good, **wrong})
    with pytest.raises(RefusedError):
        guard.check("POST", "/enter", "token=secret", {"host": "127.0.0.1:80"})


def test_pictures_are_kept_and_carry_no_metadata(served, made: Made) -> None:
    page, _ = served
    first = ask(page, PICTURE)[1]
    for file in made.root.rglob("*.jpg"):
        file.unlink()
    for file in (made.folder / "catalogue.sqlite.data" / "pictures").glob("*"):
        file.unlink()
    assert ask(page, PICTURE)[1] == first and b"Exif" not in first
    assert ask(page, f"{PICTURE}&size=240")[0].status == 404  # another size was not made before
    assert list((made.folder / "catalogue.sqlite.data" / "thumbnails").rglob("*.part")) == []


def test_answers_are_labels_that_can_be_read(served, made: Made, tmp_path: Path) -> None:
    page, desk = served
    for pair, said in ((0, "same"), (1, "different"), (2, "not sure")):
        body = {**ANSWER, "query": sighting(pair, 0), "candidate": sighting(pair, 1), "said": said, "probability": 0.4}
        assert ask(page, "/api/answer", "POST", body)[0].status == 200
    assert desk.catalogue.write_labels(made.folder / "labels.csv") == (2, 3, 0)
    crops, problems = read_labelled(made.folder / "labels.csv")
    assert crops["identity"].nunique() == 1 and len(crops) == 2 and len(problems) == 0
    import pandas as pd

    pairs = pd.read_csv(made.folder / "labels.pairs.csv")
    assert pairs["answer"].tolist() == ["same", "different", "not sure"] and pairs["probability"].tolist() == [0.4] * 3
