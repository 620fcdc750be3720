"""Paths of a campaign: the home of the user, and signs that Snakemake would read as its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from scalearn.campaign.plan import Campaign
from scalearn.cli import method_list
from scalearn.cli.commands import app
from scalearn.errors import UserError
from scalearn.fields import local_path
from scalearn.preflight.inputs import check_files
from scalearn.workspace.user_files import named_files
from tests.tasks.making import ROWS, write_rows
from tests.tiny import make_model

PAIRS = [{"sentence1": row["text"], "sentence2": "b", "label": number % 2} for number, row in enumerate(ROWS)]


CAMPAIGN: dict[str, Any] = {
    "model": "tiny",
    "models": {"tiny": {"kind": "folder", "path": "~/models/tiny"}},
    "mirror": "~/mirror",
    "tasks": {"mine": {"source": {"kind": "files", "train": "~/rows.csv"}}},
    "benchmarks": {"pair": ["rte", "mine"]},
    "methods": ["adapter"],
    "seeds": [0],
}


def campaign(**changes: Any) -> Campaign:
    return Campaign.parse({**CAMPAIGN, **changes})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def home(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a user, with a model, a mirror and rows in it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(model, tmp_path / "models/tiny")
    write_rows(tmp_path / "rows.csv", ROWS)
    (tmp_path / "mirror/glue/rte").mkdir(parents=True)
    for split in ("train", "validation"):
        write_rows(tmp_path / f"mirror/glue/rte/{split}-00000-of-00001.parquet", PAIRS)
    return tmp_path


def test_the_users_home_is_found_and_is_no_part_of_a_definition(home: Path) -> None:
    here = campaign()
    check_files(here)
    assert here.model_inputs("tiny") == [f"{home}/models/tiny/config.json", f"{home}/models/tiny/model.safetensors"]
    assert here.task_inputs("mine") == [f"{home}/rows.csv"]
    assert here.task_inputs("rte")[0] == f"{home}/mirror/glue/rte/train-00000-of-00001.parquet"
    said = [here.definition("mine"), here.model_definition("tiny"), here.config.mirror]
    assert method_list.sizes(here, "pair", {}).hidden == 32
    assert not any(str(home) in str(text) for text in said) and '"~/rows.csv"' in here.definition("mine")


def test_commands_find_the_home_that_no_shell_has_written_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    made = campaign()
    for arguments in (
        ["prepare-task", "mine", "--definition", made.definition("mine"), "--output", "mine"],
        ["prepare-task", "rte", "--definition", made.definition("rte"), "--output", "rte", "--mirror", "~/mirror"],
        ["fetch-model", "tiny", "--source", made.model_definition("tiny"), "--output", "fetched"],
    ):
        app(arguments, standalone_mode=False)
    assert (home / "fetched/model.json").is_file() and (home / "rte/task.json").is_file()
    assert json.loads((home / "mine/task.json").read_text())["source"]["train"] == "~/rows.csv"


def test_a_home_that_there_is_not() -> None:
    with pytest.raises(UserError, match="~nobody-of-this-name/a: the home of that user is unknown; write"):
        local_path("~nobody-of-this-name/a")
    assert local_path("a/~") == Path("a/~")


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        (r"tasks\.mine\.source", {"tasks": {"mine": {"source": {"kind": "files", "train": "~/{2024}.csv"}}}}),
        (r"tasks\.mine\.source", {"tasks": {"mine": {"source": {"kind": "files", "train": "~/{task}.csv"}}}}),
        ("mirror", {"mirror": "~/{mirror}"}),
        (r"models\.tiny\.path", {"models": {"tiny": {"kind": "folder", "path": "~/{model}"}}}),
    ],
)
def test_a_brace_in_a_path_is_refused_before_work(home: Path, key: str, changes: dict[str, Any]) -> None:
    for old, new in (("rows.csv", "{2024}.csv"), ("mirror", "{mirror}"), ("models/tiny", "{model}")):
        (home / new).symlink_to(home / old)
    with pytest.raises(
        UserError, match=rf"^mine\.yaml: {key}: Snakemake would read the brace in .*\{{.* as a wildcard; rename"
    ):
        check_files(campaign(**changes), "mine.yaml")


def test_what_a_pack_leaves_behind_is_found_in_the_home(home: Path) -> None:
    (home / "work").mkdir()
    (home / "work/config.yaml").write_text(yaml.safe_dump(CAMPAIGN))
    assert {path.relative_to(home).parts[0] for path in named_files(home / "work")} == {"models", "mirror", "rows.csv"}
