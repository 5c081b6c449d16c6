"""Which photo a detections file means: its names may have another root, other slashes, other letter case."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["Matching", "Tie", "match_names", "parts"]

Parts = tuple[str, ...]
PASSES = (("same", False), ("same", True), ("end", False), ("end", True))
LAST_PASSES = (("any", False), ("any", True))


def parts(name: str) -> Parts:
    r"""A path's folders and file name, whichever way it is written.

    Letters that can be written in two ways (é, or e and an accent) are brought to one, as file systems differ
    in it.

    >>> parts("./RL_5/a.jpg"), parts("RL_5\\a.jpg"), parts("/RL_5//a.jpg")
    (('RL_5', 'a.jpg'), ('RL_5', 'a.jpg'), ('RL_5', 'a.jpg'))
    """
    name = unicodedata.normalize("NFC", name).replace("\\", "/")
    return tuple(part for part in name.split("/") if part not in ("", "."))


@dataclass(frozen=True)
class Tie:
    """Listed names and photos, by position, of which it cannot be told which means which."""

    listed: tuple[int, ...]
    photos: tuple[int, ...]


@dataclass
class Matching:
    """Which listed name means which photo, both by position."""

    photo_of: dict[int, int] = field(default_factory=dict)
    ties: list[Tie] = field(default_factory=list)


def match_names(listed: Sequence[str], photos: Sequence[str]) -> Matching:
    """Find the photo that each listed name means.

    Tried in this order, each first as written and then ignoring case, the longest common end of the two paths
    first:

    1. the whole path is the same;
    2. one path is the end of the other: the names start above or below the photo folder;
    3. only where nothing fitted so far, the paths start differently and at least the file name is the same.
       Where some names fit, the folders are the same ones, and a file of the same name in another folder is
       another photo.

    A name means a photo where no other photo fits it and no other name fits that photo; else they are a tie.

    Args:
        listed: Names, each of another file.
        photos: Paths of the photos.

    >>> match_names(["C:\\\\season\\\\RL_5\\\\1.JPG", "x/2.jpg"], ["RL_5/1.jpg", "RL_5/2.jpg"]).photo_of
    {0: 0}
    """
    out = Matching()
    names, paths = [parts(name) for name in listed], [parts(path) for path in photos]
    for how, fold in PASSES:
        _pass(out, names, paths, how, fold)
    if not out.photo_of:
        for how, fold in LAST_PASSES:
            _pass(out, names, paths, how, fold)
    return out


def _pass(out: Matching, names: list[Parts], paths: list[Parts], how: str, fold: bool) -> None:
    if fold:
        names, paths = ([tuple(part.casefold() for part in path) for path in given] for given in (names, paths))
    open_names = set(range(len(names))) - set(out.photo_of) - {i for tie in out.ties for i in tie.listed}
    taken = set(out.photo_of.values()) | {i for tie in out.ties for i in tie.photos}
    for length in range(max(map(len, paths), default=0), 0, -1):
        if not open_names:
            return
        # As written, a taken photo is out of the question. Ignoring case, it still is a reason for doubt.
        at = _by_end(paths, length, (i for i in range(len(paths)) if fold or i not in taken))
        for end, ours in _by_end(names, length, sorted(open_names)).items():
            for mine, theirs in _groups(ours, at.get(end, []), names, paths, length, how):
                free = tuple(i for i in theirs if i not in taken)
                if not mine or not free:
                    continue
                if len(mine) == len(theirs) == 1:
                    out.photo_of[mine[0]] = free[0]
                else:
                    out.ties.append(Tie(tuple(mine), free))
                open_names.difference_update(mine)
                taken.update(free)


def _by_end(paths: list[Parts], length: int, which: Iterable[int]) -> dict[Parts, list[int]]:
    out = defaultdict(list)
    for i in which:
        if len(paths[i]) >= length:
            out[paths[i][-length:]].append(i)
    return out


def _groups(
    ours: list[int], theirs: list[int], names: list[Parts], paths: list[Parts], length: int, how: str
) -> Iterator[tuple[list[int], list[int]]]:
    """Of names and photos with one common end, those that may mean each other."""
    whole_names = [i for i in ours if len(names[i]) == length]
    whole_paths = [i for i in theirs if len(paths[i]) == length]
    if how == "same":
        yield whole_names, whole_paths
    elif how == "end":
        yield whole_names, theirs
        yield [i for i in ours if len(names[i]) > length], whole_paths
    else:
        yield ours, theirs
