"""Where the settings that come with the package lie, and where it keeps what it found out about this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from reid.errors import InputError

__all__ = ["cache_folder", "configs_folder"]


def configs_folder() -> Path:
    """The folder of the YAML files: inside an installed package, or at the top of a working copy."""
    package = Path(__file__).parent
    for folder in (package / "configs", package.parent / "configs"):
        if (folder / "census.yaml").is_file():
            return folder
    raise InputError(f"the settings are missing beside {package}; install reid again.")


def cache_folder() -> Path:
    """Where this user's machine keeps what can be made again: networks in the form of other engines, which of them is fastest.

    `REID_CACHE` names another folder. It need not exist yet, and may lie where nothing can be written.
    """
    if named := os.environ.get("REID_CACHE"):
        return Path(named).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or "~/AppData/Local")
    elif sys.platform == "darwin":
        base = Path("~/Library/Caches")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    return base.expanduser() / "reid"
