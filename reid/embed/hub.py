"""Files of networks that others published, in a folder or on the Hugging Face hub, read without running any of them."""

from __future__ import annotations

import pickle
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reid.errors import FormatError, InputError, MissingPartError
from reid.outside import CARD, parse_yaml, read_bytes, read_json

__all__ = ["CONFIG", "Published", "from_folder", "from_hub", "read_state", "shorten"]

CONFIG = "config.json"
README = "README.md"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""Names of weights, the safer one first."""

LOCAL = f"or give a folder that holds {CONFIG} and {WEIGHTS[0]} (or {WEIGHTS[1]}) as model=FOLDER"


@dataclass(frozen=True)
class Published:
    """What was found under a name.

    Attributes:
        name: Short, for tables.
        source: Where it lies, for the card and for errors.
        config: Content of `config.json`.
        weights: Path of the weights on this machine.
        licence: As its files state it, and which of them.
    """

    name: str
    source: str
    config: dict[str, Any]
    weights: Path
    licence: str


def from_folder(folder: Path) -> Published:
    """The files of a folder in the hub's layout.

    Raises:
        FormatError: `config.json` or the weights are missing or unreadable.
    """
    weights = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if weights is None:
        raise FormatError(f"{folder} holds {CONFIG} and no weights: expected {' or '.join(WEIGHTS)} beside it.")
    config = _config(folder / CONFIG, str(folder))
    readme = folder / README
    name = folder.absolute().name
    return Published(name, name, config, weights, _licence(name, config, readme if readme.is_file() else None))


def from_hub(identifier: str) -> Published:
    """The files of a repository on the Hugging Face hub, kept in its own cache (`HF_HOME`, `HF_HUB_OFFLINE`).

    Args:
        identifier: `OWNER/NAME`, or `OWNER/NAME@REVISION`.

    Raises:
        InputError: there is no such repository or revision.
        FormatError: it has no `config.json`, or no weights.
        MissingPartError: the hub cannot be reached and the cache lacks the files.
    """
    repository, _, revision = identifier.partition("@")
    source = f"hf-hub:{identifier}"
    owner, slash, name = repository.partition("/")
    if not (owner and slash and name) or "/" in name:
        raise InputError(f"{source} names no repository; write hf-hub:OWNER/NAME or hf-hub:OWNER/NAME@REVISION.")
    config = _config(_download(repository, revision, (CONFIG,)), source)
    weights = _download(repository, revision, WEIGHTS)
    try:
        readme: Path | None = _download(repository, revision, (README,))
    except (FormatError, MissingPartError):
        readme = None
    return Published(identifier.partition("/")[2], source, config, weights, _licence(name, config, readme))


def read_state(path: Path) -> dict[str, Tensor]:
    """Named tensors of a file of weights; never runs what a pickle asks for.

    A training checkpoint's `model` or `state_dict` is taken out of it.

    Raises:
        FormatError: the file is damaged, holds more than plain data, or no named tensors.
    """
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise FormatError(
            f"{path.name} is refused: it asks for more than plain tensors ({_asked(path, error) or shorten(error)}), which "
            f"could run any code; ask its publisher for {WEIGHTS[0]}."
        ) from None
    except Exception as error:  # the readers meet hostile bytes with every kind of exception
        raise FormatError(f"{path.name} cannot be read as weights ({shorten(error)}); fetch it anew.") from None
    for key in ("model", "state_dict"):
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    tensors = {k: v for k, v in state.items() if isinstance(v, Tensor)} if isinstance(state, dict) else {}
    if not tensors:
        raise FormatError(f"{path.name} holds no named tensors; expected a network's state.")
    return tensors


def shorten(error: object, length: int = 300) -> str:
    """An error's words on one line.

    >>> shorten("two  lines\\nof words.")
    'two lines of words'
    """
    text = " ".join(str(error).split()).rstrip(".")
    return text if len(text) <= length else text[:length].rsplit(" ", 1)[0] + " …"


def _asked(path: Path, error: Exception) -> str:
    # reads the pickle's names and imports none of them
    try:
        return ", ".join(sorted(torch.serialization.get_unsafe_globals_in_checkpoint(str(path))))
    except Exception:  # an old kind of file, or torch 2.4, which names the first of them; the refusal stands
        return "".join(re.findall(r"GLOBAL (\S+)", str(error))[:1])


def _config(path: Path, source: str) -> dict[str, Any]:
    try:
        config = read_json(path)
    except (OSError, ValueError) as error:
        raise FormatError(f"{CONFIG} of {source} cannot be read ({shorten(error)}).") from None
    if not isinstance(config, dict):
        raise FormatError(f"{CONFIG} of {source} holds no settings by name.")
    return config


def _download(repository: str, revision: str, names: tuple[str, ...]) -> Path:
    """The first of these files that the repository has."""
    import huggingface_hub
    from huggingface_hub.utils import (
        EntryNotFoundError,
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    unreached: Exception | None = None
    for name in names:
        try:
            return Path(huggingface_hub.hf_hub_download(repository, name, revision=revision or None))
        except LocalEntryNotFoundError as error:
            unreached = error  # without a connection the cache may still hold the next name
        except EntryNotFoundError:
            continue
        except GatedRepoError:
            raise InputError(
                f"hf-hub:{repository} asks for consent: accept its terms on huggingface.co/{repository} and log in "
                f"with huggingface_hub, {LOCAL}."
            ) from None
        except RevisionNotFoundError:
            raise InputError(f"hf-hub:{repository} has no revision {revision!r}; name a branch or a commit.") from None
        except RepositoryNotFoundError:
            raise InputError(
                f"hf-hub:{repository} does not exist, or is private: check the spelling on huggingface.co/{repository}, {LOCAL}."
            ) from None
        except Exception as error:
            # the client lets through whatever its HTTP library raises
            unreached = error
            break
    tried = " or ".join(names)
    if unreached is not None:
        raise MissingPartError(
            f"hf-hub:{repository}: {tried} is neither in the cache nor could it be downloaded "
            f"({type(unreached).__name__}: {shorten(unreached, 160)}); connect to a network once, {LOCAL}."
        ) from None
    raise FormatError(f"hf-hub:{repository} has no {tried}; it is not laid out as a network of timm or MiewID.")


def _licence(name: str, config: dict[str, Any], readme: Path | None) -> str:
    """What the files say of the licence, the README before the config: that one often names the backbone's."""
    if readme is not None:
        try:
            head = read_bytes(readme, CARD).decode("utf-8", "replace").split("---", 2)
            facts = parse_yaml(head[1]) if len(head) == 3 and not head[0].strip() else None
        except (OSError, ValueError):
            facts = None
        if isinstance(facts, dict) and facts.get("license"):
            return f"{facts.get('license_name') or facts['license']} ({README})"
    if name.startswith("MegaDescriptor-"):
        return "cc-by-nc-4.0 (as published with MegaDescriptor)"
    cfg = config.get("pretrained_cfg")
    stated = config.get("license") or (cfg.get("license") if isinstance(cfg, dict) else None)
    return f"{stated} ({CONFIG})" if stated else "none stated; ask its publisher"
