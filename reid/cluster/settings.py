"""Who does the work."""

from __future__ import annotations

from dataclasses import dataclass

from reid.errors import ConfigError, choices

__all__ = ["ExecutorSettings"]

NAMES = ("local", "ray")


@dataclass(frozen=True)
class ExecutorSettings:
    """Where photos are looked at.

    Attributes:
        name: `local`, in this process; `ray`, by the workers of a Ray cluster.
        address: Of a Ray cluster that runs already, `auto` for the one that this machine belongs to; empty starts one on this
            machine for as long as the command takes.
        workers: Processes that look at photos; 0 for as many as the processors allow.
        cpus: Processors of each, and threads of its networks.
        block: Photos that a worker gets at a time: the most that is done twice when one is killed.

    Raises:
        ConfigError: a value is wrong.
    """

    name: str = "local"
    address: str = ""
    workers: int = 0
    cpus: int = 1
    block: int = 32

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ConfigError(f"executor={self.name!r} is unknown; choose one of {choices(NAMES)}.")
        for name, least in (("workers", 0), ("cpus", 1), ("block", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"executor.{name}={getattr(self, name)} must be at least {least}.")
