"""What the documentation site is given beside `docs/`: reference pages made from the code, and the files that pages link to.

`mkdocs.yml` names this file as a hook of MkDocs. Pages in `docs/` also have to read well as plain files, so they link to
files of the project by paths such as `../benchmarks/detect.py`; here each such file gets its place in the site.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from posixpath import dirname, join, normpath, relpath
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from docs_settings import settings_page  # noqa: E402

LINK = re.compile(r"(\]\()([^)#:\s]+)((?:#[^)]*)?\))")
BESIDE = {"contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
"""Pages of the site that lie at the top of the project."""


def public_names(module: Path) -> list[str]:
    """Where each public name of a package's `__init__.py` is defined, as a dotted path, in the order of `__all__`."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    places: dict[str, str] = {}
    listed: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("reid"):
            places.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
        elif isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            listed = [str(name) for name in ast.literal_eval(node.value)]
    return [places[name] for name in listed if name in places]


def reference_pages() -> dict[str, str]:
    """Generated pages by their place in the site."""
    pages = {"reference/settings.md": settings_page()}
    top = ["# reid", "", "Names at the top of the package, and the verbs as functions.", ""]
    for name in public_names(ROOT / "reid" / "__init__.py"):
        if not name.startswith("reid._"):
            top += [f"::: {name}", ""]
    for title, module in (("The verbs as functions", "reid.api"), ("Errors", "reid.errors")):
        top += [
            f"## {title}",
            "",
            f"::: {module}",
            "    options:",
            "      show_root_heading: false",
            "      heading_level: 3",
            "",
        ]
    pages["reference/reid.md"] = "\n".join(top)
    for init in sorted((ROOT / "reid").glob("*/__init__.py")):
        room = init.parent.name
        if not public_names(init):
            continue
        about = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or ""
        lines = [f"# reid.{room}", "", about, ""]
        for name in public_names(init):
            lines += [f"::: {name}", ""]
        pages[f"reference/{room}.md"] = "\n".join(lines)
    return pages


def repository_path(page: str) -> str:
    """Where a page of the site lies in the project, or where its links are meant from."""
    if page in BESIDE:
        return BESIDE[page]
    return page.removeprefix("files/") if page.startswith("files/") else f"docs/{page}"


def site_path(target: str) -> str:
    """Where a file of the project lies in the site."""
    at_top = {name: page for page, name in BESIDE.items()}
    if target in at_top:
        return at_top[target]
    return target.removeprefix("docs/") if target.startswith("docs/") else f"files/{target}"


def moved_links(text: str, page: str) -> str:
    """A page with its links to files of the project turned into links within the site.

    >>> moved_links("[the benchmark](../benchmarks/detect.py)", "detecting.md")
    '[the benchmark](files/benchmarks/detect.py)'
    >>> moved_links("[formats](formats.md#photos)", "review.md")
    '[formats](formats.md#photos)'
    """

    def moved(found: re.Match[str]) -> str:
        target = normpath(join(dirname(repository_path(page)), found[2]))
        if not (ROOT / target).is_file():
            return found[0]
        return found[1] + relpath(site_path(target), dirname(page) or ".") + found[3]

    return LINK.sub(moved, text)


def linked_files(text: str, page: str) -> list[str]:
    """Files of the project outside `docs/` that a page links to."""
    base = dirname(repository_path(page))
    targets = [normpath(join(base, found[2])) for found in LINK.finditer(text)]
    return [t for t in targets if (ROOT / t).is_file() and not t.startswith("docs/") and t not in BESIDE.values()]


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages and the linked files, with those that they link to in turn."""
    for page, name in BESIDE.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text(encoding="utf-8")))
    for page, text in reference_pages().items():
        files.append(File.generated(config, page, content=text))
    waiting = [(file.src_uri, file.content_string) for file in files if file.src_uri.endswith(".md")]
    while waiting:
        page, text = waiting.pop()
        for target in linked_files(text, page):
            place = site_path(target)
            if files.get_file_from_path(place) is None:
                content = (ROOT / target).read_bytes()
                files.append(File.generated(config, place, content=content))
                if target.endswith(".md"):
                    waiting.append((place, content.decode("utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turn links to the project's files into links within the site."""
    return moved_links(markdown, page.file.src_uri)
