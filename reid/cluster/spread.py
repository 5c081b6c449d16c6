"""Blocks handed out: to this process, or by Ray Data to processes on any number of machines."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from reid.cluster.settings import ExecutorSettings
from reid.cluster.work import Block, Done, Work, Worker
from reid.errors import ConfigError, MissingPartError, ReidError

__all__ = ["spread"]

QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DATA_DISABLE_PROGRESS_BARS": "1"}
"""Ray tells its makers how it is used, unless it is told not to; our own bar is enough."""
STORE = 256 << 20
"""Bytes of shared memory for a cluster that we start ourselves: blocks and rows are small."""


def spread(work: Work, blocks: Sequence[Block], settings: ExecutorSettings) -> Iterator[Done]:
    """The results of the blocks as they come, in any order.

    A worker that is killed is replaced, and its block given out again; what other blocks gave is not lost.

    Args:
        work: What is to be done.
        blocks: With what.
        settings: By whom.

    Raises:
        MissingPartError: Ray is asked for and not installed.
        ReidError: a worker met a mistake that the user can mend.
    """
    if not blocks:
        return
    if settings.name == "ray":
        yield from _by_ray(work, blocks, settings)
        return
    worker = Worker(work)
    try:
        for block in blocks:
            yield worker.do(block)
    finally:
        worker.close()


_KEPT: dict[str, Worker] = {}
"""The worker of this process, under the name of the job that it works for. Ray gives a process one task after the other, of all
stages of a command: what is imported and loaded stays."""


def _do(row: dict[str, Any], work: Work, job: str) -> dict[str, Any]:
    """A block as a task of Ray Data: one row in, one row out; a user's mistake travels as words."""
    if job not in _KEPT:
        for other in [*_KEPT]:  # its networks are not needed any more
            _KEPT.pop(other).close()
        _KEPT[job] = Worker(work)
    empty = {"facts": b"", "unread": b"", "boxes": b"", "vectors": b"", "failed": b"", "mistake": ""}
    block = {"paths": _lines(row["paths"]), "keys": _lines(row["keys"]), "crops": row["crops"]}
    try:
        done = _KEPT[job].do(block)
    except ReidError as error:
        return {**empty, "mistake": str(error), "process": os.getpid()}
    return {**empty, **done, "failed": _text(done["failed"]), "process": os.getpid()}


def _by_ray(work: Work, blocks: Sequence[Block], settings: ExecutorSettings) -> Iterator[Done]:
    ray = _session(settings)
    workers = settings.workers or max(1, int(ray.cluster_resources().get("CPU", 1)) // settings.cpus)
    rows = [
        {
            "paths": _text(block.get("paths", [])),
            "keys": _text(block.get("keys", [])),
            "crops": block.get("crops", b""),
        }
        for block in blocks
    ]
    data = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
        _do,
        fn_kwargs={"work": work, "job": uuid.uuid4().hex},
        compute=ray.data.TaskPoolStrategy(size=min(workers, len(rows))),
        num_cpus=settings.cpus,
    )
    for batch in data.iter_batches(batch_size=None, batch_format="pyarrow"):
        for row in pa.table(batch).to_pylist():
            if row["mistake"]:
                raise ReidError(row["mistake"])
            yield {**row, "failed": _lines(row["failed"])}


def _session(settings: ExecutorSettings) -> Any:
    """Ray, connected; a cluster that we start serves all stages and ends with this process."""
    os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
    try:
        import ray
        import ray.data
    except ImportError:
        raise MissingPartError("executor=ray needs Ray: pip install 'reid[cluster]'.") from None
    if not ray.is_initialized():
        here: dict[str, Any] = {} if settings.address else {"include_dashboard": False, "object_store_memory": STORE}
        if not settings.address and settings.workers:
            here["num_cpus"] = settings.workers * settings.cpus
        try:
            ray.init(address=settings.address or "local", log_to_driver=False, logging_level=logging.ERROR, **here)
        except (ConnectionError, ValueError) as error:
            raise ConfigError(
                f"no Ray cluster answers at executor.address={settings.address!r} ({error}). Start one with `ray start --head`, or "
                "leave executor.address empty for the cores of this machine."
            ) from None
    ray.data.DataContext.get_current().enable_progress_bars = False
    return ray


def _text(words: Sequence[str]) -> bytes:
    return "\0".join(words).encode("utf-8", "surrogateescape")


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "surrogateescape").split("\0") if data else []
