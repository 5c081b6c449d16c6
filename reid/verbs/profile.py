"""What each stage of a run took: time, work of the processors, memory; recorded by the run itself."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reid.store import write_json
from reid.unchanged import PROFILE

__all__ = ["Profile", "duration", "memory"]

MIB = 1 << 20


class Profile:
    """Writes `profile.json` after each stage, so that a run that was killed has it too.

    `seconds` are by the clock; `cpu_seconds` those of all processors, of the run's own processes too; `memory_mib` is what
    the process held when the stage ended and `peak_mib` the most that it had held until then, null where the system does
    not say.

    Args:
        folder: Of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stages: list[dict[str, Any]] = []
        self.catalogue: dict[str, Any] | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what happens inside, and keep it when it has gone well."""
        clock, work = time.perf_counter(), _work()
        yield
        now, peak = memory()
        row = {"stage": name, "seconds": round(time.perf_counter() - clock, 3), "cpu_seconds": round(_work() - work, 3)}
        self.stages.append({**row, "memory_mib": now, "peak_mib": peak})
        self._write()

    def based_on(self, catalogue: Path, event: int, run_id: str) -> None:
        """Note the last event of the catalogue when the run began to look into it, and what the run is called there."""
        self.catalogue = {"file": str(catalogue.resolve()), "event": event, "run": run_id}
        self._write()

    def _write(self) -> None:
        write_json({"stages": self.stages, "catalogue": self.catalogue}, self.folder / PROFILE)

    def summary(self) -> str:
        """One line for the terminal."""
        total = sum(row["seconds"] for row in self.stages)
        parts = ", ".join(f"{row['stage']} {duration(row['seconds'])}" for row in self.stages)
        peak = max((row["peak_mib"] or 0 for row in self.stages), default=0)
        most = f", {peak / 1024:.1f} GB of memory at most" if peak else ""
        return f"Took {duration(total)} ({parts}){most}."


def _work() -> float:
    """Seconds that processors worked for this process, its threads, and the processes that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def memory() -> tuple[int | None, int | None]:
    """MiB that this process holds now, and the most that it has held; None where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        now = round(pages * os.sysconf("SC_PAGE_SIZE") / MIB)
    except (OSError, ValueError):
        now = None
    try:
        import resource
        import sys

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return now, round(peak / (MIB if sys.platform == "darwin" else 1024))
    except ImportError:  # Windows
        return now, None


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(0.42), duration(75), duration(7322)
    ('0.4 s', '1 min 15 s', '2 h 2 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
