"""Settings from YAML, files and words: wrong ones are refused by name, right ones arrive unchanged."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reid.cli import VERBS, import_verb, main
from reid.config import compose, groups, overrides_of
from reid.errors import ConfigError
from reid.verbs.census import CensusConfig
from reid.verbs.train import TrainConfig

GIVEN = ["photos=a", "output=b"]


# a training has no loss until its YAML chooses one, so its dataclass alone is no set of defaults
@pytest.mark.parametrize("verb", [name for name, verb in VERBS.items() if verb.config and name != "train"])
def test_yaml_and_dataclass_have_the_same_keys_and_defaults(verb: str) -> None:
    _, schema = import_verb(verb)
    needed = [f.name for f in dataclasses.fields(schema) if f.default is f.default_factory is dataclasses.MISSING]
    words = [
        f"{name}=[x]" if verb in ("calibrate", "evaluate", "train") and name == "data" else f"{name}=x"
        for name in needed
    ]
    config = compose(verb, schema, words)
    plain = schema(**{name: getattr(config, name) for name in needed})
    for field in dataclasses.fields(schema):
        if field.name not in ("detector", *needed):
            assert getattr(config, field.name) == getattr(plain, field.name), field.name


@pytest.mark.parametrize("group", groups())
def test_every_choice_of_a_group_fits(group: str) -> None:
    for choice in groups()[group]:
        for verb, about in VERBS.items():
            if about.config and group in {f.name for f in dataclasses.fields(import_verb(verb)[1])}:
                _, schema = import_verb(verb)
                names = [f for f in dataclasses.fields(schema) if f.default is f.default_factory is dataclasses.MISSING]
                words = [f"{f.name}=[x]" if "tuple" in str(f.type) else f"{f.name}=x" for f in names]
                words += ["protocol.truth=x"] if choice == "atrw" else []
                assert compose(verb, schema, [*words, f"{group}={choice}"])


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20))
def test_any_path_arrives_unchanged(name: str) -> None:
    config = compose("census", CensusConfig, overrides_of({"photos": name, "output": "x"}))
    assert config.photos == name


@pytest.mark.parametrize(
    "path", ["my photos/2015 (a), b", "фото/леопарды", "a=b", "it's", 'say "hi"', "${oc.env:HOME}", "[x", "1e5"]
)
def test_odd_paths_from_the_command_line(path: str) -> None:
    assert compose("census", CensusConfig, [f"photos={path}", "output=x"]).photos == path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], r"needs photos, output: write photos=\.\.\. output=\.\.\."),
        (["photos=a"], "needs output"),
        ([*GIVEN, "photo=b"], "Did you mean photos"),
        (
            [*GIVEN, "matcher=surf"],
            "matcher='surf' is unknown; choose one of aliked, auto, disk, lightglue, sift, xfeat",
        ),
        ([*GIVEN, "matcher.name=surf"], "choose one of aliked, auto, disk, sift, xfeat"),
        ([*GIVEN, "matcher.pints=3"], "Did you mean matcher.points"),
        ([*GIVEN, "index.candidates=many"], "index.candidates='many' does not fit"),
        ([*GIVEN, "decision.accept=2"], "0 < reject <= accept < 1"),
        ([*GIVEN, "photos"], "'photos' is no setting; write key=value"),
        ([*GIVEN, "config=none.yaml"], "no settings can be read from none.yaml"),
    ],
)
def test_wrong_settings_end_with_one_line_and_status_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import re

    assert main(["census", *words]) == 2
    error = capsys.readouterr().err
    assert re.search(message, error), error
    assert error.count("\n") == 1


def test_a_settings_file_applies_before_the_words(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("matcher: {points: 99}\nindex:\n  candidates: 7\nseason: '2015'\n")
    config = compose("census", CensusConfig, [*GIVEN, "index.candidates=8", f"config={tmp_path / 'mine.yaml'}"])
    assert (config.matcher.points, config.index.candidates, config.season) == (99, 8, "2015")
    (tmp_path / "wrong.yaml").write_text("matcher: {pints: 99}\n")
    with pytest.raises(ConfigError, match=r"matcher\.pints"):
        compose("census", CensusConfig, [*GIVEN, f"config={tmp_path / 'wrong.yaml'}"])
    (tmp_path / "wrong.yaml").write_text("- a\n- b\n")
    with pytest.raises(ConfigError, match="key: value"):
        compose("census", CensusConfig, [*GIVEN, f"config={tmp_path / 'wrong.yaml'}"])


def test_hydra_of_the_caller_is_left_as_it_was(tmp_path: Path) -> None:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir

    (tmp_path / "theirs.yaml").write_text("colour: red\n")
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        assert compose("census", CensusConfig, GIVEN).photos == "a"
        assert hydra_compose("theirs").colour == "red"


def test_help_names_every_verb_and_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(verb in text for verb in VERBS)
    for verb, about in VERBS.items():
        assert main([verb, "--help"]) == 0
        text = capsys.readouterr().out
        names: list[Any] = [f.name for f in dataclasses.fields(import_verb(verb)[1])] if about.config else []
        assert all(name in text for name in names), verb
    assert main(["leopards"]) == 2


def test_a_recipe_sets_whole_groups_and_words_go_before_it() -> None:
    words = ["data=x", "output=y", "recipe=reid-base"]
    made = compose("train", TrainConfig, words)
    assert (made.network.pooling, made.loss.arcface.begin, made.optimiser.freeze_stages) == ("grid", "means", 3)
    made = compose("train", TrainConfig, [*words, "trainer.epochs=2", "network=lite0", "validation=auto"])
    assert (made.network.pooling, made.trainer.epochs, made.validation.by) == ("gem", 2, "auto")
    assert made.optimiser.freeze_stages == 3
    with pytest.raises(ConfigError, match="recipe='reid-bass' is unknown; choose one of coat, lightglue, reid-base"):
        compose("train", TrainConfig, ["data=x", "output=y", "recipe=reid-bass"])


@pytest.mark.parametrize("path", ["my boxes, all", "C:/nets/one.onnx", "{x}", "it's", "[y"])
def test_odd_paths_inside_lists_and_mappings(path: str) -> None:
    members = [{"name": "own", "model": path}, {"name": "whole"}]
    given = {"photos": "x", "output": "y", "detector.name": "together", "detector.members": members}
    config = compose("census", CensusConfig, overrides_of(given))
    assert [dict(member) for member in config.detector.members] == members
