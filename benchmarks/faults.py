"""What becomes of a run whose machine lets it down: kills at random moments, a full disk, a folder that cannot be
written, photos that vanish and come back, a clock that jumps, two runs on one folder, no more file handles.

    python benchmarks/faults.py --kills 10 --work FOLDER [--only census embed ...] [--json FILE]

Each verb runs once left alone, and then under each fault, until the same command has finished: its tables, weights and
bundles must be those of the run that was left alone, byte for byte, and the catalogue must say the same. Of a run that
stops on its own, the message must say why. Of the review page, no answer that it confirmed may be lost. A full and a
fixed disk are small tmpfs mounts, which need root; without it they are passed over.

All modules are loaded once, and each run is a fork: nothing that starts threads may run in the first process.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TQDM_DISABLE"] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "review"), str(ROOT / "tests" / "train")]

VISITS = [("north", 37 * n, [n % 4]) for n in range(8)] + [("south", 41 * n, [n % 3, 5]) for n in range(4)]
PASSED_OVER = (
    "run.json",
    "finished.json",
    "profile.json",
    "run.lock",
    "settings.yaml",
    "versions.json",
    "curves.png",
    "augmented.png",
)
"""Of an output folder: what names the folder itself, what tells the machine, and pictures of other files' numbers."""
NAMED = ("catalogue", "decisions.parquet", "individuals.csv", "report.html", "sightings.csv")
"""What may differ after a census without some of the photos: animals keep the names that they got from it."""
DATED = ("bundle.reidx",)
"""A bundle carries the day on which it was made."""
HURRY = ["matcher=sift", "decision.needs_flank=false"]


@dataclass(frozen=True)
class Job:
    """A verb with the words that it runs with, the output aside; and the photos that it reads, if they may vanish."""

    verb: str
    words: list[str]
    photos: Path | None = None


@dataclass
class Outcome:
    """Of one fault on one verb: how often, how often the work was lost or differs, and what was said."""

    tried: int = 0
    lost: int = 0
    said: list[str] = field(default_factory=list)


def forked(work: Callable[[], int], log: Path) -> int:
    """Start a function in a process of its own; returns its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setsid()
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        code = work()
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def waited(pid: int) -> int:
    """The exit status of a process; minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Bench:
    """The work folder, the jobs, and what their runs left when nothing went wrong."""

    def __init__(self, work: Path, seed: int) -> None:
        self.work, self.rng = work, random.Random(seed)
        self.log = work / "said.txt"
        self.calm: dict[str, dict[str, str]] = {}
        self.seconds: dict[str, float] = {}

    def start(self, job: Job, output: Path, before: Callable[[], None] = lambda: None) -> int:
        def run() -> int:
            import cv2
            import torch

            from reid.cli import main

            cv2.setNumThreads(1)
            torch.set_num_threads(1)
            before()
            return main([*job.verb.split(), *job.words, f"output={output}"])

        return forked(run, self.log)

    def finish(self, job: Job, output: Path) -> int:
        return waited(self.start(job, output))

    def said(self) -> str:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.startswith("reid: ")]
        return lines[-1] if lines else self.log.read_text(errors="replace")[-400:]

    def fresh(self, name: str) -> Path:
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        return folder

    def measure(self, name: str, job: Job) -> None:
        """Run a job left alone, keep what it left, and how long it took."""
        output = self.fresh(f"calm-{name}")
        began = time.monotonic()
        if code := self.finish(job, output):
            raise SystemExit(f"{name} left alone ends with {code}: {self.log.read_text()}")
        self.seconds[name] = time.monotonic() - began
        self.calm[name] = self.results(output)

    def results(self, folder: Path) -> dict[str, str]:
        """Hashes of what a run left, in a process of its own; the catalogue by what it says."""
        answer = self.work / "results.json"

        def look() -> int:
            found = {}
            for path in sorted(folder.rglob("*")):
                inner = path.relative_to(folder)
                known = path.suffix in (".parquet", ".csv", ".json", ".html", ".npy", ".safetensors", ".reidx", ".png")
                if (
                    not path.is_file()
                    or not known
                    or path.name in PASSED_OVER
                    or inner.parts[0] in ("cache", "tensorboard")
                ):
                    continue
                content = path.read_bytes()
                if path.name == "metrics.csv":
                    import pandas as pd

                    content = pd.read_csv(path).drop(columns="seconds").to_csv().encode()
                # a page and a card name the folder that they lie in
                content = content.replace(str(folder).encode(), b"OUTPUT").replace(folder.name.encode(), b"OUTPUT")
                found[str(inner)] = hashlib.sha256(content).hexdigest()
            if (folder / "catalogue.sqlite").is_file():
                from reid.catalogue import Catalogue

                with Catalogue(folder / "catalogue.sqlite", create=False) as catalogue:
                    found["catalogue"] = catalogue.individuals().to_csv() + catalogue.sightings().to_csv()
            answer.write_text(json.dumps(found))
            return 0

        if waited(forked(look, self.log)):
            raise SystemExit(self.log.read_text())
        return dict(json.loads(answer.read_text()))

    def same(self, name: str, folder: Path, but: tuple[str, ...] = ()) -> bool:
        """Whether a run left what the one left alone did, some files aside."""
        found = self.results(folder)
        keys = {*found, *self.calm[name]} - set(but)
        wrong = sorted(key for key in keys if found.get(key) != self.calm[name].get(key))
        if wrong:
            print(f"  {name}: differs in {wrong}", flush=True)
        return not wrong


def kills(bench: Bench, name: str, job: Job, times: int) -> Outcome:
    """Kill a run at a random moment, start it again, until it was killed `times` times; then let it finish."""
    out, output = Outcome(), bench.fresh(f"killed-{name}")
    while out.tried < times:
        pid = bench.start(job, output)
        # in steps, since a run that was resumed may end early
        until = time.monotonic() + bench.rng.uniform(0.05, 0.9) * bench.seconds[name]
        while time.monotonic() < until and not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        code = waited(pid)
        if code == -signal.SIGKILL:
            out.tried += 1
        elif code:
            out.lost += 1
            out.said.append(bench.said())
            break
        else:
            out.lost += not bench.same(name, output)
            shutil.rmtree(output)
    out.lost += bench.finish(job, output) != 0 or not bench.same(name, output)
    return out


@contextlib.contextmanager
def small_disk(folder: Path, size: int):
    """A file system of so many bytes in memory; None where it cannot be had."""
    folder.mkdir(parents=True, exist_ok=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "tmpfs", str(folder), "-o", f"size={size}"], capture_output=True, check=False
    )
    if made.returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def remount(folder: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", str(folder)], check=True)


def full_disk(bench: Bench, name: str, job: Job, times: int) -> Outcome:
    """The disk is full at a share of what the run needs; later there is room."""
    out = Outcome()
    need = sum(path.stat().st_size for path in (bench.work / f"calm-{name}").rglob("*") if path.is_file())
    for turn in range(times):
        size = max(round(need * (turn + 0.5) / times / 4096) * 4096, 8192)
        with small_disk(bench.work / "disk", size) as disk:
            if disk is None:
                return out
            code = bench.finish(job, disk / f"full-{name}")
            if code == 0:
                continue
            out.tried += 1
            out.said.append(bench.said())
            wrong = code != 2 or not ("is full" in out.said[-1] or "No space left" in out.said[-1])
            remount(disk, "size=1g")
            out.lost += (
                wrong or bench.finish(job, disk / f"full-{name}") != 0 or not bench.same(name, disk / f"full-{name}")
            )
    return out


def fixed_disk(bench: Bench, name: str, job: Job, times: int) -> Outcome:
    """The folder cannot be written: from the start, and from the middle on."""
    out = Outcome()
    for turn in range(times):
        with small_disk(bench.work / "disk", 1 << 30) as disk:
            if disk is None:
                return out
            output = disk / f"fixed-{name}"
            if turn:
                pid = bench.start(job, output)
                time.sleep(bench.rng.uniform(0.2, 0.7) * bench.seconds[name])
                os.kill(pid, signal.SIGKILL)
                waited(pid)
            remount(disk, "ro")
            code = bench.finish(job, output)
            out.tried += 1
            out.said.append(bench.said())
            wrong = code != 2 or "cannot be" not in out.said[-1]
            remount(disk, "rw")
            out.lost += wrong or bench.finish(job, output) != 0 or not bench.same(name, output)
    return out


def vanishing(bench: Bench, name: str, job: Job, times: int) -> Outcome:
    """Photos go while the run goes on: it ends, and names them; once they are back, nothing is missing."""
    out = Outcome()
    if job.photos is None:
        return out
    for _ in range(times):
        output, away = bench.fresh(f"vanished-{name}"), bench.work / "away"
        pid = bench.start(job, output)
        time.sleep(bench.rng.uniform(0.1, 0.8) * bench.seconds[name])
        (job.photos / "south").rename(away)
        code = waited(pid)
        out.tried += 1
        out.said.append(bench.said() if code else "finished, with the photos that vanished among its problems")
        away.rename(job.photos / "south")
        out.lost += code not in (0, 2) or bench.finish(job, output) != 0 or not bench.same(name, output, NAMED)
    return out


def jumping_clock(bench: Bench, name: str, job: Job, times: int) -> Outcome:
    """Each look at the clock gives a time up to a month away from the one before."""
    out = Outcome()

    def jump() -> None:
        real, rng = time.time, random.Random(1)
        time.time = lambda: real() + rng.uniform(-30, 30) * 86400
        time.time_ns = lambda: int(time.time() * 1e9)

    for _ in range(times):
        output = bench.fresh(f"clock-{name}")
        code = waited(bench.start(job, output, jump))
        out.tried += 1
        out.lost += code != 0 or not bench.same(name, output, DATED)
    return out


def together(bench: Bench, name: str, job: Job, times: int) -> Outcome:
    """Two runs on one folder: one is refused, or finds the work of the other done."""
    out = Outcome()
    for _ in range(times):
        output = bench.fresh(f"together-{name}")
        first = bench.start(job, output)
        time.sleep(bench.rng.uniform(0, 0.5) * bench.seconds[name])
        second = bench.finish(job, output)
        said = bench.said()
        codes = [waited(first), second]
        out.tried += 1
        out.said.append(said)
        fair = codes == [0, 0] or (sorted(codes) == [0, 2])
        out.lost += not fair or not bench.same(name, output)
    return out


def no_handles(bench: Bench, name: str, job: Job, times: int) -> Outcome:
    """So few files may be open that the run cannot go on; later more may."""
    out = Outcome()
    even, odd = ([first + 2 * turn for turn in range(times)] for first in (4, 5))
    for limit in (*even, *odd):  # a verb that needs no more than a limit is tried with those between
        if out.tried == times:
            break
        output = bench.fresh(f"handles-{name}")

        def few(limit: int = limit) -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

        code = waited(bench.start(job, output, few))
        if code == 0:
            continue
        out.tried += 1
        out.said.append(bench.said())
        out.lost += bench.finish(job, output) != 0 or not bench.same(name, output)
    return out


def review(bench: Bench, times: int) -> Outcome:
    """Answers are sent to the page until it is killed; each that it confirmed is in the catalogue, whole."""
    out, folder = Outcome(), bench.fresh("review")
    port_file = bench.work / "port.json"

    def make() -> int:
        from conftest import coat
        from review_makers import make as make_season

        def paint(animal: int, height: int, width: int):
            return coat(animal, height, width)

        make_season(folder, paint)
        return 0

    def serve() -> int:
        from review_makers import Made

        with Made(folder).served() as (served, _):
            partial = port_file.with_suffix(".part")
            partial.write_text(json.dumps([served.guard.port, served.guard.token]))
            partial.replace(port_file)
            while True:
                time.sleep(1)

    def count() -> int:
        from reid.catalogue import Catalogue

        with Catalogue(folder / "catalogue.sqlite", create=False) as catalogue:
            wrong = catalogue.check().problems
            (bench.work / "answers.json").write_text(json.dumps([catalogue.last_event, [str(line) for line in wrong]]))
        return 0

    def counted() -> tuple[int, list[str]]:
        if waited(forked(count, bench.log)):
            raise SystemExit(bench.log.read_text())
        events, wrong = json.loads((bench.work / "answers.json").read_text())
        return int(events), list(wrong)

    if waited(forked(make, bench.log)):
        raise SystemExit(bench.log.read_text())
    pair = 0
    for _ in range(times):
        (bench.work / "sent.txt").write_text("0")
        before, _ = counted()
        port_file.unlink(missing_ok=True)
        pid = forked(serve, bench.log)
        until = time.monotonic() + 60
        while not port_file.is_file() and time.monotonic() < until:
            time.sleep(0.05)
        port, token = json.loads(port_file.read_text())
        sender = forked(lambda port=port, token=token, pair=pair: _answers(port, token, pair, bench.work / "sent.txt"), bench.work / "sender.txt")  # fmt: skip
        enough, until = bench.rng.randint(1, 20), time.monotonic() + 60
        while time.monotonic() < until and int((bench.work / "sent.txt").read_text() or 0) < enough:
            time.sleep(0.005)
        os.kill(pid, signal.SIGKILL)
        waited(pid)
        waited(sender)
        confirmed = int((bench.work / "sent.txt").read_text() or 0)
        after, wrong = counted()
        out.tried += 1
        # one more may be in it that was entered and not yet confirmed
        out.lost += bool(wrong) or not confirmed <= after - before <= confirmed + 1
        out.said.append(f"{confirmed} confirmed, {after - before} in the catalogue")
        pair += after - before
    return out


def _answers(port: int, token: str, first: int, file: Path) -> int:
    """Send answers until the page is gone; writes how many were confirmed."""
    import http.client

    from review_makers import PAIRS, RUN, sighting

    confirmed = 0
    file.write_text("0")
    for pair in range(first, first + PAIRS):
        body = json.dumps({"season": RUN, "query": sighting(pair % PAIRS, 0), "candidate": sighting(pair % PAIRS, 1), "said": "same" if pair < PAIRS else "not sure"}).encode()  # fmt: skip
        headers = {"host": f"127.0.0.1:{port}", "cookie": f"reid-review-{port}={token}", "sec-fetch-site": "same-origin",
                   "origin": f"http://127.0.0.1:{port}", "content-type": "application/json"}  # fmt: skip
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("POST", "/api/answer", body, headers)
            if connection.getresponse().status != 200:
                continue
        except (OSError, http.client.HTTPException):
            break
        confirmed += 1
        file.write_text(str(confirmed))
    return 0


def prepared(bench: Bench) -> dict[str, Job]:
    """The photos, a tiny network, toys to learn from, two catalogues and their bundles, all made in other processes."""
    work = bench.work

    def make() -> int:
        import numpy as np
        import torch
        from conftest import make_season
        from PIL import Image
        from train_helpers import picture

        from reid.embed.network import EmbeddingNetwork, NetworkSpec
        from reid.embed.weights import save_network
        from reid.exchange import make_key

        torch.set_num_threads(1)
        torch.manual_seed(0)
        season = getattr(make_season, "__wrapped__", make_season)
        season = getattr(season, "_fixture_function", season)()
        season(work / "photos", VISITS)
        season(work / "more", [("east", 53 * n, [n % 3 + 1]) for n in range(5)], 1)
        save_network(EmbeddingNetwork(NetworkSpec("test_resnet", height=96, width=128)), work / "tiny", {})
        rng = np.random.default_rng(0)
        for animal in range(6):
            spots = rng.uniform(0.12, 0.88, (7, 2))
            for photo in range(6):
                path = work / "toys" / f"cat{animal}" / f"{photo}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture(spots, rng)).save(path)
        for name in ("a", "b"):
            make_key(work / f"{name}.key")
        return 0

    if waited(forked(make, bench.log)):
        raise SystemExit(bench.log.read_text())
    photos, boxes = work / "photos", f"detections={work / 'photos' / 'detections.json'}"
    census = ["photos={}", f"model={work / 'tiny'}", *HURRY]
    census = [word.format(photos) for word in census]
    for name, folder in (("a", photos), ("b", work / "more")):
        words = [f"photos={folder}", f"detections={folder / 'detections.json'}", f"model={work / 'tiny'}", *HURRY]
        job = Job("census", [*words, f"catalogue={work / name}.sqlite"])
        if bench.finish(job, work / f"season-{name}"):
            raise SystemExit(bench.log.read_text())
    export = {
        name: Job("exchange export", [f"catalogue={work / name}.sqlite", f"key={work / name}.key", "sender=park", f"partner={other}", "matcher=sift"])
        for name, other in (("a", "b"), ("b", "a"))
    }  # fmt: skip
    for name, job in export.items():
        if bench.finish(job, work / f"bundle-{name}"):
            raise SystemExit(bench.log.read_text())
    match = [f"mine={work}/bundle-a/bundle.reidx", f"theirs={work}/bundle-b/bundle.reidx", f"their_key={work}/b.key.pub", "matcher=sift"]  # fmt: skip
    train = [
        f"data={work / 'toys'}", "model=", "network.backbone=test_resnet", "network.height=48", "network.width=64",
        "network.neck=bn", "sampler.batch=16", "trainer.accelerator=cpu", "validation.share=0.34", "augmentation=none",
        "augmentation.jitter=0.05", "trainer.epochs=4", "trainer.threads=1",
    ]  # fmt: skip
    return {
        "census": Job("census", [*census, boxes], photos),
        "embed": Job("embed", [f"input={photos}", f"model={work / 'tiny'}", boxes], photos),
        "detect": Job("detect", [f"photos={photos}", "detector.engine=torch", "detector.threads=1"], photos),
        "train": Job("train", train),
        "export": export["a"],
        "match": Job("exchange match", match),
    }


FAULTS: dict[str, Callable[[Bench, str, Job, int], Outcome]] = {
    "kills": kills,
    "full disk": full_disk,
    "folder fixed": fixed_disk,
    "photos vanish": vanishing,
    "clock jumps": jumping_clock,
    "two at once": together,
    "no handles": no_handles,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10, help="of each verb")
    parser.add_argument("--times", type=int, default=3, help="of each other fault")
    parser.add_argument("--only", nargs="*", default=[], help="verbs")
    parser.add_argument("--faults", nargs="*", default=list(FAULTS))
    parser.add_argument("--work", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    import reid.cli
    import reid.embed.weights
    import reid.exchange
    import reid.review.serve
    import reid.train.fit
    import reid.verbs.census
    import reid.verbs.detect
    import reid.verbs.embed
    import reid.verbs.exchange_pairs  # noqa: F401

    work = given.work or Path(tempfile.mkdtemp(prefix="reid-faults-"))
    work.mkdir(parents=True, exist_ok=True)
    bench = Bench(work.resolve(), given.seed)
    jobs = prepared(bench)
    rows: dict[str, dict[str, Outcome]] = {}
    for name, job in jobs.items():
        if given.only and name not in given.only:
            continue
        bench.measure(name, job)
        rows[name] = {}
        for fault in given.faults:
            rows[name][fault] = FAULTS[fault](bench, name, job, given.kills if fault == "kills" else given.times)
            print(f"{name}, {fault}: {rows[name][fault].tried} tried, {rows[name][fault].lost} lost", flush=True)
    if not given.only or "review" in given.only:
        rows["review"] = {"kills": review(bench, given.kills)}
    print("\n| verb | " + " | ".join(given.faults) + " |\n|---|" + "---|" * len(given.faults))
    for name, found in rows.items():
        cells = [
            f"{found[f].tried}, {found[f].lost} lost" if f in found and found[f].tried else "" for f in given.faults
        ]
        print(f"| {name} | " + " | ".join(cells) + " |")
    for name, found in rows.items():
        for fault, outcome in found.items():
            for text in dict.fromkeys(outcome.said):
                print(f"{name}, {fault}: {text}")
    if given.json:
        given.json.write_text(
            json.dumps({n: {f: vars(o) for f, o in found.items()} for n, found in rows.items()}, indent=1)
        )
    return int(any(outcome.lost for found in rows.values() for outcome in found.values()))


if __name__ == "__main__":
    raise SystemExit(main())
