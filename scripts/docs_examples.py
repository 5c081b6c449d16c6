"""Examples in docstrings as code blocks of the documentation site: an extension of griffe, which reads the docstrings."""

from __future__ import annotations

import re
from typing import Any

import griffe

__all__ = ["Examples", "fenced"]

EXAMPLE = re.compile(r"^( *)>>> .*(?:\n\1.+)*", re.MULTILINE)


def fenced(text: str) -> str:
    """A docstring with its interactive examples in fences.

    >>> fenced(">>> 1 + 1\\n2\\n\\nAdds.").splitlines()
    ['```pycon', '>>> 1 + 1', '2', '```', '', 'Adds.']
    """
    return EXAMPLE.sub(lambda found: f"{found[1]}```pycon\n{found[0]}\n{found[1]}```", text)


class Examples(griffe.Extension):
    """Puts the examples of every docstring into fences."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called for each object that was read."""
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)
