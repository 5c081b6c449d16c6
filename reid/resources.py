"""Where the settings that come with the package lie."""

from __future__ import annotations

from pathlib import Path

from reid.errors import InputError

__all__ = ["configs_folder"]


def configs_folder() -> Path:
    """The folder of the YAML files: inside an installed package, or at the top of a working copy."""
    package = Path(__file__).parent
    for folder in (package / "configs", package.parent / "configs"):
        if (folder / "census.yaml").is_file():
            return folder
    raise InputError(f"the settings are missing beside {package}; install reid again.")
