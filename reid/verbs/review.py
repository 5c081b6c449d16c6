"""`reid review`: a page on this machine where a person says who is who."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from reid.catalogue import Catalogue
from reid.errors import ConfigError, InputError, MissingPartError
from reid.review import Desk, ReviewSettings, Season, read_season
from reid.verbs.common import input_path

__all__ = ["ReviewConfig", "run"]

NEEDED = ("fastapi", "uvicorn")


@dataclass(frozen=True)
class ReviewConfig:
    catalogue: str
    census: str | list[str] = ""
    photos: str = ""
    name_pattern: str = "ind-{:03d}"
    by: str = ""
    port: int = 0
    browser: bool = True
    reviewer: float = 0.96
    draws: int = 2000

    def __post_init__(self) -> None:
        self.settings()

    def settings(self) -> ReviewSettings:
        """The page's own settings."""
        return ReviewSettings(self.by, self.port, self.browser, self.reviewer, self.draws)

    @property
    def folders(self) -> list[str]:
        """The census's folders."""
        named = [self.census] if isinstance(self.census, str) else list(self.census)
        return [name for name in named if name]


def run(config: ReviewConfig) -> str:
    """Serve the page until it is stopped; returns what was done, for the terminal."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingPartError(
            f"the review page needs {' and '.join(missing)}, not installed here; pip install 'reid[review]' brings them."
        )
    from reid.review.serve import serve

    path = Path(config.catalogue).expanduser()
    if not path.is_file():
        raise InputError(f"no catalogue at {config.catalogue}; `reid census` makes one.")
    seasons = _seasons(config, path)
    with Catalogue(path, create=False, name_pattern=config.name_pattern, by=config.by or None) as catalogue:
        unknown = [season for season in seasons if season.run not in set(catalogue.runs()["run"])]
        if unknown:
            raise ConfigError(
                f"the catalogue {path} does not hold the census in {unknown[0].folder}; name the catalogue that "
                "the census was taken with."
            )
        before = catalogue.last_event
        serve(Desk(catalogue, seasons, config.settings(), config.photos), config.port, config.browser)
        events = catalogue.last_event - before
    return f"{events} decisions were kept in {path}." if events else f"Nothing was changed in {path}."


def _seasons(config: ReviewConfig, catalogue: Path) -> list[Season]:
    """The seasons whose census's folder was named, or in which the catalogue lies."""
    folders = [input_path(name, "census", "folder") for name in config.folders]
    if not folders and (catalogue.parent / "matches.parquet").is_file():
        folders = [catalogue.parent]  # a census without a catalogue of its own keeps one in its output
    seasons = [read_season(folder, config.photos) for folder in folders]
    runs = [season.run for season in seasons]
    twice = sorted({run for run in runs if runs.count(run) > 1})
    if twice:
        raise ConfigError(f"two of the census's folders are of one season, {twice[0]!r}; name each season once.")
    return seasons
