"""Hostile files for every reader of outside data, steered by the code that they reach (atheris, of libFuzzer).

    pip install atheris
    python benchmarks/fuzz.py --seconds 600 --output runs/fuzz [--only coco photo-JPEG ...]

Prints a table: of each target the inputs tried, read and refused, and the defects: whatever is no error of
`reid.errors`, or takes more than 20 seconds of the processor. Each defect is kept once, as a file in the output folder; put it into
`tests/hostile/cases/` as TARGET--WHAT when it is mended. Without atheris the inputs are drawn at random.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "hostile")]
SLOWEST_S = 20
LONGEST = 200_000
"""Bytes of an input whose bytes are all the fuzzer's own."""


class Trial:
    """What came of each target's inputs."""

    def __init__(self, names: list[str], seconds: float, output: Path, folder: Path) -> None:
        from hostile_targets import TARGETS

        self.targets = {name: TARGETS[name] for name in names}
        self.names, self.output, self.folder = names, output, folder
        self.end = time.monotonic() + seconds
        self.counts: dict[str, collections.Counter[str]] = {name: collections.Counter() for name in names}
        self.defects: dict[tuple[str, ...], str] = {}
        self.slowest = 0.0

    def one(self, data: bytes) -> None:
        """One input: which target, whether the rest is a recipe or the file itself, and the rest."""
        from hostile_mutate import Recipe
        from hostile_targets import tried

        if time.monotonic() > self.end:
            self.finish()
        if len(data) < 2:
            return
        name = self.names[data[0] % len(self.names)]
        target = self.targets[name]
        content = data[2:] if data[1] % 4 == 3 else target.bend(target.sound(), Recipe(data[2:]))
        (self.folder / name).mkdir(exist_ok=True)
        began = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, SLOWEST_S)
        try:
            self.counts[name][tried(target, content, self.folder / name)] += 1
        except BaseException as error:
            signal.setitimer(signal.ITIMER_PROF, 0)
            if isinstance(error, KeyboardInterrupt):
                self.finish()
            self.counts[name]["defects"] += 1
            self._keep(name, content, error)
        signal.setitimer(signal.ITIMER_PROF, 0)
        self.slowest = max(self.slowest, time.process_time() - began)

    def _keep(self, name: str, content: bytes, error: BaseException) -> None:
        own = [at for at in traceback.extract_tb(error.__traceback__) if str(ROOT) in at.filename][-1]
        key = (type(error).__name__, str(Path(own.filename).relative_to(ROOT)), str(own.lineno))
        if key not in self.defects:
            self.defects[key] = name
            (self.output / f"{name}--{len(self.defects)}").write_bytes(content)
            print(f"{name}: {' '.join(key)}: {str(error)[:200]}", flush=True)

    def finish(self) -> None:
        """Print the table and end the process: libFuzzer would go on."""
        print(f"{'target':<36}{'tried':>9}{'read':>9}{'refused':>9}{'defects':>9}")
        for name, found in self.counts.items():
            refused = found.total() - found["read"] - found["defects"]
            print(f"{name:<36}{found.total():>9}{found['read']:>9}{refused:>9}{found['defects']:>9}")
        total = sum((found for found in self.counts.values()), collections.Counter())
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{total.total()} inputs for {len(self.names)} targets, {total['read']} read, {len(self.defects)} kinds of defect; "
            f"the slowest took {self.slowest:.2f} s of the processor; peak memory {peak:.0f} MB",
            flush=True,
        )
        os._exit(1 if self.defects else 0)


def _too_slow(*_: Any) -> None:
    raise TimeoutError(f"more than {SLOWEST_S} s of the processor")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--output", type=Path, default=ROOT / "runs" / "fuzz")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"
    warnings.simplefilter("ignore")
    try:
        import atheris
    except ImportError:
        atheris = None
        print("atheris is not installed; inputs are drawn at random.")
    with atheris.instrument_imports(include=["reid"]) if atheris else contextlib.nullcontext():
        from hostile_targets import TARGETS, tried
    names = given.only or list(TARGETS)
    given.output.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGPROF, _too_slow)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        corpus = folder / "corpus"
        corpus.mkdir()
        with atheris.instrument_imports(include=["reid"]) if atheris else contextlib.nullcontext():
            for number, name in enumerate(names):  # the readers import their modules when they are first called
                (folder / name).mkdir()
                content = TARGETS[name].sound()
                tried(TARGETS[name], content, folder / name)
                (corpus / name).write_bytes(bytes([number, 3]) + content)
        print(f"{len(names)} targets ready", flush=True)
        trial = Trial(names, given.seconds, given.output, folder)
        if atheris:
            words = [
                f"-seed={given.seed + 1}",
                f"-max_len={LONGEST}",
                "-rss_limit_mb=8000",
                "-verbosity=0",
                "-close_fd_mask=0",
            ]
            atheris.Setup([sys.argv[0], *words, str(corpus)], trial.one)
            atheris.Fuzz()
        rng = random.Random(given.seed)
        while True:
            trial.one(rng.randbytes(rng.choice((6, 10, 18, 42))))


if __name__ == "__main__":
    main()
