"""How quick the review page is with 10,000 photos and 500 individuals: from key to next question, and page weights.

`python benchmarks/review_page.py [--photos 10000] [--individuals 500] [--folder FOLDER] [--out FOLDER]` writes
`review_page.md` and `review_page.json`. It needs Chromium and playwright.

A made-up season (see `made_up_season.py`) with small pictures of 480 x 300 pixels is served and opened in Chromium at
1366 x 768. Forty questions are answered with "n" and "d" in turn, one every second, as a quick person does; the
time is from the key's event to the frame that shows the next question with both pictures decoded, read by a script
in the page itself. Then each kind of page is opened once with nothing in the browser's cache and once again; bytes are
those that the browser received, bodies as they were sent.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from made_up_season import make

from reid.catalogue import Catalogue
from reid.errors import CatalogueError
from reid.review import Desk, ReviewSettings, read_season

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
WATCH = """
() => {
  window.taken = [];
  let pressed = 0;
  document.addEventListener("keydown", (event) => { pressed = event.timeStamp; }, true);
  new MutationObserver(() => {
    if (!pressed || !document.getElementById("review").dataset.ready) return;
    const from = pressed;
    pressed = 0;
    requestAnimationFrame(() => setTimeout(() => window.taken.push(performance.now() - from)));
  }).observe(document.getElementById("review"), { attributes: true, attributeFilter: ["data-ready"] });
}
"""


def spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(float(np.median(values)), 1),
        "95 %": round(float(np.quantile(values, 0.95)), 1),
        "worst": round(max(values), 1),
        "times": len(values),
    }


def answer_questions(page: Any, catalogue: Catalogue, times: int, pause: float) -> dict[str, Any]:
    ready = "#review[data-ready]:not([data-ready=''])"
    page.locator(ready).wait_for(timeout=120_000)
    page.locator(".census:not(.stale)").wait_for(timeout=120_000)
    page.evaluate(WATCH)
    for n in range(times):
        key = page.locator("#review").get_attribute("data-ready")
        time.sleep(pause)
        page.keyboard.press("nd"[n % 2])
        page.locator(f"{ready}:not([data-ready='{key}'])").wait_for(timeout=60_000)
    page.wait_for_timeout(300)
    taken = page.evaluate("window.taken")
    while len(catalogue.labelled_pairs()) < times:
        time.sleep(0.1)
    return spread(taken)


@contextmanager
def served(catalogue: Path, census: Path) -> Iterator[str]:
    """`reid review` as a process of its own; gives its address."""
    words = [f"catalogue={catalogue}", f"census={census}", "browser=false", "by=Anna"]
    process = subprocess.Popen([sys.executable, "-m", "reid.cli", "review", *words], stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        yield line.removeprefix("Review:").strip()
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()  # it had not finished counting; there is nothing to lose


def timed(label: str, work: Any) -> tuple[str, float]:
    """Milliseconds of processor time, which a loaded machine does not stretch as it does the clock."""
    begin = time.process_time()
    work()
    return label, round(1000 * (time.process_time() - begin), 1)


def weigh(context: Any, home: str, address: str) -> dict[str, Any]:
    page = context.new_page()
    sizes: dict[str, list[int]] = {"html, style, scripts": [], "pictures": []}

    def count(answer: Any) -> None:
        kind = "pictures" if answer.url.split("?")[0].endswith(("/picture", "/photo")) else "html, style, scripts"
        sizes[kind].append(len(answer.body()))

    def finished(request: Any) -> None:
        count(request.response())

    page.on("requestfinished", finished)
    begin = time.perf_counter()
    page.goto(home + address)
    page.wait_for_load_state("networkidle")
    first = 1000 * (time.perf_counter() - begin) - 500  # networkidle waits half a second itself
    page.remove_listener("requestfinished", finished)
    begin = time.perf_counter()
    page.goto(home + address)
    again = 1000 * (time.perf_counter() - begin)
    page.close()
    return {
        "KB without pictures": round(sum(sizes["html, style, scripts"]) / 1024),
        "pictures": len(sizes["pictures"]),
        "KB of pictures": round(sum(sizes["pictures"]) / 1024),
        "first ms": round(first),
        "again ms": round(again),
    }


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--individuals", type=int, default=500)
    parser.add_argument("--questions", type=int, default=40)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "reid-review-page")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    given = parser.parse_args()
    made = make(given.folder, given.individuals, -(-given.photos // 3), 3, 0)
    chromium = next(found for name in NAMES if (found := shutil.which(name)))
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "catalogue.sqlite"
        shutil.copy(made.catalogue, copy)
        (Path(folder) / "catalogue.sqlite.data").symlink_to(Path(str(made.catalogue) + ".data"))
        result = measure(copy, made.census, made.run, chromium, given.questions, sync_playwright)
    result["load of the machine"] = round(os.getloadavg()[0], 1)
    result["processors"] = os.cpu_count()
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "review_page.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (given.out / "review_page.md").write_text(report(result), encoding="utf-8")
    print(report(result))


def server_side(file: Path, census: Path, run: str) -> dict[str, Any]:
    """What the server does behind the page, one thing after the other."""
    result: dict[str, Any] = {}
    with Catalogue(file, create=False, by="Anna") as catalogue:
        desk = Desk(catalogue, [read_season(census)], ReviewSettings(by="Anna"))
        first = [
            timed("queue, first time", lambda: desk.queue(run)),
            timed("count, first time", lambda: desk.count(run)),
        ]
        asked = desk.queue(run).questions
        catalogue.answer(asked[0].query, str(asked[0].candidate), "same")
        result["server, ms of processor time"] = dict(
            [
                *first,
                timed("queue, after an answer", lambda: desk.queue(run)),
                timed("count, after an answer, rough", lambda: desk.count(run, rough=True)),
                timed("count, after an answer, whole", lambda: desk.count(run)),
                timed(
                    "an answer itself", lambda: catalogue.answer(asked[1].query, str(asked[1].candidate), "not sure")
                ),
                timed("a page of individuals", lambda: catalogue.find(size=48)),
                timed("a search", lambda: catalogue.find(text="ind-2")),
            ]
        )
        facets = catalogue.facets()
        result |= {"photos": facets["sightings"], "individuals": facets["individuals"], "questions": len(asked)}
        while True:  # as it was
            try:
                catalogue.undo(own=True)
            except CatalogueError:
                break
    return result


def measure(file: Path, census: Path, run: str, chromium: str, questions: int, playwright: Any) -> dict[str, Any]:
    result = server_side(file, census, run)
    with served(file, census) as address, playwright() as started:
        home = address.partition("/enter")[0]
        arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
        browser = started.chromium.launch(executable_path=chromium, args=arguments)
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        page = context.new_page()
        page.goto(address)
        page.wait_for_url("**/review")
        with Catalogue(file, create=False) as catalogue:
            rows = catalogue.find(order="sightings").rows
            result["key to next question, ms"] = answer_questions(page, catalogue, questions, 1.0)
        page.locator(".census:not(.stale)").wait_for(timeout=180_000)
        page.wait_for_timeout(3000)
        page.locator(".census:not(.stale)").wait_for(timeout=180_000)  # the whole count after the rough one
        page.close()
        addresses = {
            "review": "/review",
            "individuals, 48 of them": "/individuals",
            "search": "/individuals?text=ind-2",
            f"one individual, {rows[0]['sightings']} photos": f"/individual/{rows[0]['number']}",
            "without identity, 48 photos": "/unidentified",
            "merge preview": f"/merge?keep={rows[0]['identity']}&gone={rows[1]['identity']}",
            "contact sheet, 24 individuals": "/sheet",
            "history": "/history",
        }
        result["pages"] = {}
        for name, address in addresses.items():
            fresh = browser.new_context(viewport={"width": 1366, "height": 768}, storage_state=context.storage_state())
            result["pages"][name] = weigh(fresh, home, address)
            fresh.close()
        browser.close()
    return result


def report(result: dict[str, Any]) -> str:
    taken = result["key to next question, ms"]
    lines = [
        "# How quick the review page is", "",
        f"{result['photos']:,} photos, {result['individuals']} individuals, {result['questions']:,} open questions; "
        f"{result['processors']} processors, under a load of {result['load of the machine']}. "
        "`benchmarks/review_page.py` says how it was measured.", "",
        f"From the key to the next question on the screen, pictures and all: median {taken['median']} ms, 95 % within "
        f"{taken['95 %']} ms, worst {taken['worst']} ms ({taken['times']} answers, one a second).", "",
        "| page | KB without pictures | pictures | KB of pictures | first, ms | again, ms |", "| --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    lines += [
        f"| {name} | {' | '.join(str(value) for value in row.values())} |" for name, row in result["pages"].items()
    ]
    lines += ["", "On the server, behind the page, in processor time:", "", "| what | ms |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in result["server, ms of processor time"].items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
