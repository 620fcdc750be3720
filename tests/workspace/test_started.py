"""The note of campaigns that were started: which files, which overrides, and what they ask for now."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from scalearn.errors import UserError
from scalearn.workspace.made_by import campaign_files
from scalearn.workspace.started import NOTE, campaigns, forget, note_start
from tests.pair import CONFIG

SNAKEMAKE = Path(".snakemake")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(yaml.safe_dump(CONFIG))


def names() -> list[str]:
    return list(map(str, campaigns(Path())))


def test_equal_starts_are_noted_once_and_config_yaml_counts_where_it_is_there() -> None:
    Path("link.yaml").symlink_to("mine.yaml")
    for file, overrides in [("mine.yaml", {}), ("mine.yaml", {"seeds": [7]}), ("link.yaml", {}), ("./mine.yaml", {})]:
        note_start(SNAKEMAKE, [file], overrides)
    assert names() == ['mine.yaml with --config {"seeds": [7]}', "mine.yaml"]
    assert all(start.when for start in campaigns(Path()))
    Path("config.yaml").touch()
    assert names()[2:] == ["config.yaml"]
    assert campaign_files(Path()) == ["config.yaml", "mine.yaml"]


def test_a_campaign_is_read_from_the_files_as_they_are_now_with_its_overrides() -> None:
    more = {"hyperparameters": {"all": {"epochs": 2}}, "seeds": [5]}
    Path("more.yaml").write_text(yaml.safe_dump(more))
    note_start(SNAKEMAKE, ["mine.yaml", "more.yaml"], {"hyperparameters": {"all": {"learning_rate": 0.5}}})
    read = campaigns(Path())[0].read()
    config = read.config
    assert (config.seeds, [row.name for row in read.rows]) == ((5,), CONFIG["methods"])
    assert config.hyperparameters == {"all": {"epochs": 2, "learning_rate": 0.5}}
    Path("mine.yaml").write_text(yaml.safe_dump({**CONFIG, "methods": ["adapter"]}))
    assert [row.name for row in campaigns(Path())[0].read().rows] == ["adapter"]
    Path("mine.yaml").write_text(yaml.safe_dump({**CONFIG, "methods": ["no"]}))
    with pytest.raises(UserError, match=r"^mine\.yaml, more\.yaml with --config \{.*\}: methods"):
        campaigns(Path())[0].read()


def test_a_file_that_is_gone_is_forgotten_and_one_that_is_there_counts_without_overrides() -> None:
    for file, overrides in [("mine.yaml", {"seeds": [7]}), ("mine.yaml", {"seeds": [8]}), ("gone.yaml", {})]:
        note_start(SNAKEMAKE, [file], overrides)
    with pytest.raises(UserError, match=r"^--forget no\.yaml: no start .* files are mine\.yaml, gone\.yaml$"):
        forget(Path(), "no.yaml")
    assert forget(Path(), "gone.yaml") == 1
    assert forget(Path(), "mine.yaml") == 2
    assert names() == ["mine.yaml"]


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"starts": 1}', '{"starts": [{"files": ["a"]}]}'])
def test_a_damaged_note_is_an_error_where_something_is_removed_by_it(content: str) -> None:
    note_start(SNAKEMAKE, ["mine.yaml"], {})
    (SNAKEMAKE / NOTE).write_text(content)
    with pytest.raises(UserError, match=r"started\.json: not readable; remove it and start each campaign file"):
        campaigns(Path())
    note_start(SNAKEMAKE, ["mine.yaml"], {})
    assert names() == ["mine.yaml"]
