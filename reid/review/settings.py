"""Settings of the review page."""

from __future__ import annotations

from dataclasses import dataclass

from reid.errors import ConfigError

__all__ = ["ReviewSettings"]


@dataclass(frozen=True)
class ReviewSettings:
    """How the page asks, and where it is served.

    Attributes:
        by: Who signs the answers, until somebody else says so on the page; empty for the login name.
        port: On 127.0.0.1; 0 for any that is free.
        browser: Whether to open the page in the browser.
        reviewer: How often a person is right about two photos, as the order of the queue assumes: 0.96 is what people
            reached on zebras and giraffes (Parham 2021). Above 0.5.
        draws: How often the open links are drawn for the count.
    """

    by: str = ""
    port: int = 0
    browser: bool = True
    reviewer: float = 0.96
    draws: int = 2000

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"port={self.port} is none; give a number up to 65535, or 0 for any that is free.")
        if not 0.5 < self.reviewer <= 1:
            raise ConfigError(f"reviewer={self.reviewer} must lie above 0.5 and up to 1: how often an answer is right.")
        if self.draws < 1:
            raise ConfigError(f"draws={self.draws} must be at least 1.")
        if self.by.startswith("reid "):
            raise ConfigError(f"by={self.by!r} signs as the program; give a person's name.")
