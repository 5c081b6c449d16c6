"""The page of all settings for the documentation site, made from `configs/` and the verbs, so that it is never out of date."""

from __future__ import annotations

import re
from pathlib import Path

from reid.cli import VERBS
from reid.config import groups
from reid.resources import configs_folder

__all__ = ["settings_page", "settings_rows"]

LINE = re.compile(r"^( *)([\w-]+):(?: (.*?))?(?:\s+# (.*))?$")
PARTS = re.compile(r"^  - ([\w-]+): ([\w-]+)", re.MULTILINE)


def settings_rows(text: str, prefix: str = "") -> list[tuple[str, str, str]]:
    """The settings of a YAML file of `configs/`: name, default, what it means.

    >>> settings_rows("# About.\\nside: 0  # pixels\\nburst:\\n  lift: 0.5\\n", "detector.")
    [('detector.side', '0', 'pixels'), ('detector.burst.lift', '0.5', '')]
    """
    rows: list[tuple[str, str, str]] = []
    above: list[tuple[int, str, str]] = []
    for line in text.splitlines():
        item = re.match(r" +- (.*)", line)
        if item and above:  # a list with a line for each of its values
            _, key, about = above[-1]
            name = prefix + ".".join([*(other for _, other, _ in above[:-1]), key])
            before = rows.pop()[1] + ", " if rows and rows[-1][0] == name else ""
            rows.append((name, before + item[1], about))
            continue
        found = LINE.match(line)
        if not found or line.lstrip().startswith("#"):
            continue
        depth, name, value, about = len(found[1]), found[2], found[3] or "", found[4] or ""
        above = [one for one in above if one[0] < depth]
        if value and not value.startswith("#"):
            rows.append((prefix + ".".join([*(key for _, key, _ in above), name]), value, about))
        else:
            above.append((depth, name, about or value.removeprefix("# ")))
    return rows


def settings_page() -> str:
    """The page as Markdown: the verbs with their own settings, then the groups with every choice."""
    folder, choices = configs_folder(), groups()
    lines = [
        "# Settings",
        "",
        "Every verb takes `key=value`. A value of `???` must be given. A group is a set of settings with a name:",
        "`matcher=sift` chooses one, `matcher.points=256` changes one of its settings. `config=FILE` reads a YAML file,",
        "such as the `settings.yaml` that every run leaves in its output. This page is made from the program itself.",
        "",
    ]
    for verb, about in VERBS.items():
        lines += [f"## reid {verb}", "", f"{about.does[0].upper()}{about.does[1:]}.", "", f"    {about.example}", ""]
        lines += _actions() if verb == "catalogue" else _steps(folder) if verb == "exchange" else _verb(folder, verb)
    for group, names in choices.items():
        lines += [f"## Group {group}", ""]
        for name in names:
            lines += _choice(folder / group, group, name)
    return "\n".join(lines)


def _verb(folder: Path, name: str) -> list[str]:
    """Own settings of a verb, and which groups it takes."""
    text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    defaults, _, own = text.partition("  - _self_\n")
    whole = [("recipe", "none")] if "- recipe: null" in own else []
    own = own.replace("  - recipe: null", "# ") if whole else own
    lines = _table(settings_rows(own or defaults.partition("defaults:")[0]))
    taken = [*PARTS.findall(defaults), *whole]
    if taken:
        links = ", ".join(f"[{group}](#group-{group}) (`{choice}`)" for group, choice in taken)
        lines += [f"Groups, with the choice that is taken unless you name another: {links}.", ""]
    return lines


def _steps(folder: Path) -> list[str]:
    from reid.verbs.exchange import ACTIONS

    lines: list[str] = []
    for step, about in ACTIONS.items():
        lines += [f"### reid exchange {step}", "", f"{about.does[0].upper()}{about.does[1:]}.", ""]
        lines += _verb(folder, f"exchange-{step}")
    return lines


def _actions() -> list[str]:
    from reid.verbs.catalogue import TABLE

    lines = ["| action | what it does | settings |", "| --- | --- | --- |"]
    for name, action in TABLE.items():
        options = ", ".join(f"`{option}`" for option in action.options)
        lines.append(f"| `{name} {_cell(action.usage)}` | {_cell(action.does)} | {options} |")
    return [*lines, ""]


def _choice(folder: Path, group: str, name: str) -> list[str]:
    if not (folder / f"{name}.yaml").is_file():
        return []
    text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    about = [line[2:] for line in text.splitlines() if line.startswith("# ") and not line.startswith("# @")]
    lines = [f"### {group}={name}", "", *about[:1], ""]
    if group == "recipe":
        return [*lines, *(f"    {line}" for line in text.splitlines() if not line.startswith("#")), ""]
    return lines + _table(settings_rows(text, f"{group}."))


def _table(rows: list[tuple[str, str, str]]) -> list[str]:
    if not rows:
        return []
    body = [f"| `{_cell(key)}` | `{_cell(value)}` | {_cell(about)} |" for key, value, about in rows]
    return ["| setting | default | what it is |", "| --- | --- | --- |", *body, ""]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
