"""What the README and the notebook show can be run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from reid.cli import VERBS

ROOT = Path(__file__).resolve().parents[1]


def test_every_command_shown_exists() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"^\s*(?:\$ )?reid (\w+)", text, re.MULTILINE))
    assert shown
    assert shown <= set(VERBS)
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^\s*make (\w+)", text, re.MULTILINE)) <= targets


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            # the reference is made when the site is built, which is strict about its links
            made = link.startswith("reference/")
            assert made or (page.parent / link).exists(), f"{page.name} links to {link}"


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to run notebooks in, beside the samples; what one of them makes, the next one finds."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "notebooks").mkdir()
    (folder / "samples").symlink_to(ROOT / "samples")
    return folder / "notebooks"


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_run(path: Path, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "import umap" in path.read_text(encoding="utf-8"):
        pytest.importorskip("umap", reason="the extra 'notebooks' is not installed")
    monkeypatch.chdir(workplace)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names: dict[str, object] = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            assert not cell["outputs"], "clear the outputs before committing"
            exec("".join(cell["source"]), names)


def test_the_example_of_the_readme_runs(jaguars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, object] = {}
    exec(blocks[0], names)
    assert "matches" in names
