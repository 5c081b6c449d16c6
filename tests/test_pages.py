"""Every command that README and docs show: each is understood by the program, and most are run, on a made-up season.

A block of code that is neither a command, nor Python, nor named here as something to look at fails, and so does a command
that is neither run nor named here with the reason why not.
"""

from __future__ import annotations

import configparser
import dataclasses
import json
import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reid.cli import VERBS, import_verb, run_verb, with_detector
from reid.config import check_words, compose
from reid.photos import read_stations

markdown = pytest.importorskip("markdown", reason="the extra 'docs' is not installed")

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
LOOKED_AT = {
    "photos ─► detections": "the way through the house, drawn",
    "(2a - 1)²": "the formula of the review page",
}
"""Blocks without a language that are no commands, by how they begin."""
SHOWN = {"text", "csv"}
ONLY_READ = {
    r"(make|git|cd|pip|python|\.venv/bin/(python|pre-commit)) ": "changes the machine; what it names is checked",
    r"reid .*(s3://|/shared/)": "needs a store of objects or a cluster; tests/cluster runs against both",
    r"reid train recipe=coat ": "tests/train runs it on toy animals",
    r"reid train matcher=lightglue ": "tests/train runs it on painted coats and on made-up cats",
    r"reid calibrate .*matcher.weights=runs/spots": "needs that network",
    r"reid calibrate .*coats.weights=runs/coat": "needs that network",
    r"reid review ": "serves a page until it is stopped; tests/review runs it",
    r"reid exchange ": "needs the files of another park; tests/exchange runs every step",
    r"reid (train|evaluate) detector=": "learns from boxes on real photos; tests/train and tests/evaluate run it",
    r"reid census .*detector.model=runs/detector": "needs that detector",
    r"reid train .*(nyala|trainer=gpu|accelerator=gpu)": "needs data that is not here, or a GPU; the same verb runs on other pages",
    r"reid train recipe=reid-base model=reid-base data=labels.csv": "runs on the page of the tutorial",
    r"reid evaluate model=\[reid-base,runs/mine\] data=labels.csv": "runs on the page of the tutorial",
    r"reid export ": "needs onnx; tests/train runs it",
    r"reid catalogue embed ": "tests/catalogue runs it with a network that is quick to make",
    r"reid estimate .*runs/2007": "needs two seasons; tests/abundance runs it",
    r"reid census .*model=runs/mine": "that network is trained on few photos here; tests/verbs runs a census with a model",
}
"""Commands that are understood but not run, by pattern, with the reason."""
SMALL = {
    "census": "matcher=sift decision.needs_flank=false index.flank_sure=1.0 count.draws=50 population.draws=0",
    "identify": "matcher=sift decision.needs_flank=false",
    "calibrate": "matcher=sift photos=12",
    "synthesise": "individuals=8 photos=3 picture.width=240 picture.height=180",
    "train": "trainer.epochs=1 trainer.accelerator=cpu sampler.batch=8",
    "evaluate": "draws=20",
    "estimate": "population.draws=0 population.spatial='no'",
}
"""Words that make a verb quick; they come last, so they win."""
CENSUS = "reid census photos=season/ output=runs/2015 catalogue=park.sqlite"
"""What the reader of every page has done already: further outputs of this one cost little."""
BEFORE = {
    "docs/tutorial-census.md": ["reid census photos=season/ output=runs/jaguars"],
    "docs/tutorial-train.md": ["reid catalogue merge park.sqlite ind-001 ind-002"],
}
"""What the reader of one page has done as well."""
OTHER = {
    "samples/jaguars/megadetector.json": "megadetector.json",
    "samples/jaguars": "season/",
    "season2015/": "season/",
}
"""The season that stands in for another one."""
VISITS = [("north", 10, [1]), ("north", 300, [2]), ("south", 700, [1]), ("south", 1500, [2])]


@dataclass
class Code(HTMLParser):
    """The blocks of code of a page, each with its language, and its code within sentences."""

    blocks: list[tuple[str, str]] = field(default_factory=list)
    inline: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.block = self.code = False
        self.language, self.text = "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.block |= tag == "pre"
        if tag == "code":
            self.code, self.text = True, ""
            self.language = str(dict(attrs).get("class") or "").removeprefix("language-")

    def handle_endtag(self, tag: str) -> None:
        if tag == "code":
            self.code = False
            if self.block:
                self.blocks.append((self.language, self.text.strip("\n")))
            else:
                self.inline.append(self.text)
        elif tag == "pre":
            self.block = False

    def handle_data(self, data: str) -> None:
        if self.code:
            self.text += data


def code_of(page: Path) -> Code:
    code = Code()
    code.feed(markdown.markdown(page.read_text(encoding="utf-8"), extensions=["fenced_code", "tables", "def_list"]))
    return code


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def commands_of(text: str) -> list[str]:
    return [line.strip().removeprefix(".venv/bin/") if ".venv/bin/reid" in line else line for line in text.splitlines()]


def is_command(line: str) -> bool:
    return bool(re.match(r"(reid|\.venv/bin/\w[\w-]*|make|git|cd|pip|python) ", line))


def commands(page: Path) -> list[str]:
    """Commands of the page's blocks, in order; a list of verbs with what they do is none."""
    found = [line for language, text in code_of(page).blocks if not language for line in commands_of(text)]
    return [line for line in found if is_command(line) and not re.match(r"reid \w+  +\w", line)]


def why_not(command: str) -> str:
    return next((reason for pattern, reason in ONLY_READ.items() if re.match(pattern, command)), "")


def understand(command: str, whole: bool = True) -> None:
    """Fails where the program would refuse the command by its words alone."""
    program, *words = shlex.split(command)
    if program == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert words[0] in targets, command
    elif program in ("pip", "git", "cd"):
        setup = configparser.ConfigParser()
        setup.read(ROOT / "setup.cfg")
        extras = [extra for found in re.findall(r"(?:reid|\.)\[([\w,]+)\]", command) for extra in found.split(",")]
        assert set(extras) <= set(setup["options.extras_require"]), command
    elif program != "reid":
        scripts = [word for word in words if word.endswith(".py")]
        assert program in ("python", ".venv/bin/python", ".venv/bin/pre-commit"), f"what is {program}? {command}"
        assert all((ROOT / script).is_file() for script in scripts), command
    elif words and words[0] in VERBS:
        understand_verb(words[0], words[1:], whole)
    else:
        assert words and words[0] in ("VERB", "--help"), f"no such verb: {command}"


def understand_verb(verb: str, words: list[str], whole: bool) -> None:
    from reid.verbs.catalogue import TABLE
    from reid.verbs.exchange import ACTIONS

    if "--help" in words:
        return
    if verb == "catalogue":
        assert not words or words[0] in TABLE, words
        given = {word.partition("=")[0] for word in words if "=" in word}
        assert given <= {option for name in words[:1] for option in TABLE[name].options}, words
        return
    schema = import_verb(verb)[1] if verb != "exchange" else None
    if verb == "exchange":
        if not words or words == ["STEP"]:
            return
        schema, verb, words = ACTIONS[words[0]].schema, f"exchange {words[0]}", words[1:]
    words = with_detector(words)
    if whole:
        compose(verb, schema, words)
    else:
        check_words([word for word in words if "=" in word], schema, verb)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_is_known(page: Path) -> None:
    for language, text in code_of(page).blocks:
        # the example in Python of the README is run by tests/test_readme.py
        shown = SHOWN | ({"python"} if page.name == "README.md" else set())
        assert not language or language in shown, f"{page.name} has a block of {language}"
        if not language and not any(text.lstrip().startswith(start) for start in LOOKED_AT):
            strange = [line for line in text.splitlines() if not is_command(line.strip())]
            assert not strange, f"{page.name} shows what no test knows: {strange[0]}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_is_understood(page: Path) -> None:
    for command in commands(page):
        # those that are run are put together with their settings there
        understand(command, whole=bool(why_not(command)))
    for text in code_of(page).inline:
        if re.match(r"(reid|make) \w", text := " ".join(text.split())):
            understand(text, whole=False)


def test_a_wrong_command_is_found(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(
        "Do\n\n    reid census fotos=season/ output=runs\n\n- item\n\n        reid sensus\n"
    )
    found = commands(tmp_path / "page.md")
    assert found == ["reid census fotos=season/ output=runs", "reid sensus"] or found[0].startswith("reid census")
    with pytest.raises(Exception, match="Did you mean photos"):
        understand(found[0])
    with pytest.raises(AssertionError, match="no such verb"):
        understand("reid sensus")


def test_every_reason_is_still_needed() -> None:
    every = [command for page in PAGES for command in commands(page)]
    idle = [pattern for pattern in ONLY_READ if not any(re.match(pattern, command) for command in every)]
    assert not idle


def test_tables_shown_are_read(tmp_path: Path) -> None:
    seen = 0
    for page in PAGES:
        for language, text in code_of(page).blocks:
            if language == "csv" and text.startswith("camera,location"):
                (tmp_path / "stations.csv").write_text(text + "\n")
                assert len(read_stations(tmp_path / "stations.csv")) == 3
                seen += 1
    assert seen == 2


def test_the_settings_page_has_every_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from docs_settings import settings_page

    page = settings_page()
    for verb, about in VERBS.items():
        own = page.partition(f"\n## reid {verb}\n")[2].partition("\n## ")[0]
        assert own, f"{verb} is missing"
        for entry in dataclasses.fields(import_verb(verb)[1]) if about.config else []:
            group = f"[{entry.name}](#group-{entry.name})" in own
            assert group or f"| `{entry.name}` |" in own, f"{verb}: {entry.name} is missing"


def test_every_page_is_in_the_contents() -> None:
    contents = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        assert f": {page.relative_to(ROOT / 'docs').as_posix()}\n" in contents, f"{page} is in no menu"
    for room in ROOT.glob("reid/*/__init__.py"):
        named = f"reference/{room.parent.name}.md" in contents
        assert named or room.parent.name in ("train", "verbs"), f"the reference of {room.parent.name} is in no menu"


@pytest.fixture(scope="session")
def base(
    make_season: Callable[..., Path], paint_coat: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What the pages take for granted: a season, boxes, stations, labelled animals."""
    folder = tmp_path_factory.mktemp("base")
    make_season(folder / "season", VISITS)
    (folder / "season" / "detections.json").rename(folder / "megadetector.json")
    (folder / "stations.csv").write_text(
        "camera,location,latitude,longitude\nnorth,waterhole,-24.99,31.59\nsouth,ridge,-24.97,31.61\n"
    )
    rng, rows = np.random.default_rng(0), []
    for animal in range(8):
        for photo in range(4):
            name = f"crops/{animal}/{photo}.jpg"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(paint_coat(animal)).resize((240 + int(rng.integers(0, 20)), 150))
            image.save(folder / name, quality=92)
            rows.append((name, f"animal {animal}", "left", f"{animal}-{photo}"))
    table = pd.DataFrame(rows, columns=["path", "identity", "orientation", "encounter"])
    for name in ("labels.csv", "known.csv"):
        table.to_csv(folder / name, index=False)
    table.assign(encounter="q" + table["encounter"]).iloc[::9].drop(columns="identity").to_csv(
        folder / "unnamed.csv", index=False
    )
    boxes = json.loads((folder / "megadetector.json").read_text())["images"]
    coco = {
        "images": [{"id": n, "file_name": one["file"], "width": 640, "height": 400} for n, one in enumerate(boxes)],
        "annotations": [
            {
                "id": n,
                "image_id": n,
                "category_id": 1,
                "bbox": [v * s for v, s in zip(box, (640, 400) * 2, strict=True)],
            }
            for n, one in enumerate(boxes)
            for box in [one["detections"][0]["bbox"]]
        ],
        "categories": [{"id": 1, "name": "animal"}],
    }
    (folder / "boxes.json").write_text(json.dumps(coco))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run(CENSUS)
    shutil.copytree(folder, folder.parent / "kept")
    return folder


def small(command: str) -> tuple[str, list[str]]:
    """The verb, and the words of its small run."""
    for there, here in OTHER.items():
        command = command.replace(there, here)
    _, verb, *words = shlex.split(command)
    if verb == "census" and not any(word.startswith(("detections=", "detector=")) for word in words):
        words.append("detections=megadetector.json")
    return verb, [*words, *shlex.split(SMALL.get(verb, ""))]


def run(command: str) -> None:
    verb, words = small(command)
    assert run_verb(verb, words), command


RUN = [page for page in PAGES if any(not why_not(command) for command in commands(page))]


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_the_commands_of_a_page_run(page: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # always the same place, since a run knows where its photos lie
    shutil.rmtree(base)
    shutil.copytree(base.parent / "kept", base)
    monkeypatch.chdir(base)
    for command in [*BEFORE.get(name_of(page), []), *commands(page)]:
        if not why_not(command):
            run(command)
