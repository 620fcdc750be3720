"""`scalearn tasks`: every task once, with what a campaign makes of it; sizes are published ones until it has rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scalearn.__main__ import main
from scalearn.campaign.plan import Campaign
from scalearn.tasks import TASKS
from scalearn.tasks.definition import Task
from scalearn.tasks.listing import PUBLISHED, listing
from scalearn.tasks.preparing.prepare import prepare
from tests.places import DATA, ROOT
from tests.tasks.making import ROWS, write_rows
from tests.tiny import make_task


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, object]]:
    assert main(["tasks", "--json", *arguments]) == 0
    return {row["task"]: row for row in json.loads(capsys.readouterr().out)}


def test_the_paper_s_tasks_with_their_benchmarks(capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(capsys, "--config", str(ROOT / "config.yaml"))
    assert set(TASKS) <= set(rows)
    assert rows["rte"]["benchmarks"] == ["glue", "superglue", "gsg"]
    assert rows["record"]["kind"] == "candidates"
    assert rows["record"]["metrics"] == ["token_f1", "exact_match"]
    assert rows["subpillars_1d"]["classes"] == 33
    assert rows["stsb"]["sizes"] == {"train": 5174, "validation": 575, "test": 1500}
    assert {row["task"] for row in rows.values() if row["sizes"] is None} == {
        name for name, task in TASKS.items() if task.source.kind == "generated"
    }


def test_a_task_of_one_s_own_is_listed_and_its_sizes_come_with_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = {"kind": "files", "train": write_rows(tmp_path / "train.csv", ROWS)}
    content = {
        "model": "m",
        "models": {"m": {"kind": "folder", "path": "m"}},
        "tasks": {"mine": {"source": source}, "rte": {"source": source}},
        "benchmarks": {"own": ["mine", "cola"]},
        "methods": ["adapter"],
        "seeds": [0],
        "train_rows": {"cola": 100},
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.chdir(tmp_path)
    rows = listed(capsys)
    assert (rows["mine"]["sizes"], rows["mine"]["benchmarks"], rows["mine"]["prepared"]) == (None, ["own"], False)
    assert rows["rte"]["sizes"] is None  # not the hub's any more
    assert rows["cola"]["sizes"] is None  # not all of its rows
    assert main(["prepare-task", "mine", "--definition", json.dumps(content["tasks"]["mine"]), "--output",
                 folder_of("mine")]) == 0  # fmt: skip
    capsys.readouterr()
    mine = listed(capsys)["mine"]
    assert (mine["prepared"], mine["classes"]) == (True, 2)
    assert sum(mine["sizes"].values()) == len(ROWS)  # type: ignore[attr-defined]
    assert main(["tasks"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["task", "kind", "train", "validation", "test", "metric", "source", "benchmarks"]
    assert ["cola", "classification", "(2)", "?", "?", "?", "matthews", "glue/cola", "own"] in lines


def folder_of(task: str) -> str:
    """Return where the workflow prepares this task of config.yaml: what a campaign defines has a key."""
    key = Campaign.read(Path("config.yaml")).task_key(task)
    assert key.startswith(f"{task}@")
    return f"resources/tasks/{key}"


def config(folder: Path, **changes: object) -> None:
    """Write a campaign on the task 'mine' into the folder."""
    content = {
        "model": "m",
        "models": {"m": {"kind": "folder", "path": "m"}},
        "benchmarks": {"own": ["mine"]},
        "methods": ["adapter"],
        "seeds": [0],
        **changes,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(content))


def test_metrics_are_the_campaign_s_also_where_rows_are_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The workflow prepares rows without them, for a change of metrics prepares nothing anew."""
    source = {"kind": "files", "train": write_rows(tmp_path / "train.csv", ROWS)}
    config(tmp_path, tasks={"mine": {"source": source, "metrics": ["f1", "matthews"]}})
    monkeypatch.chdir(tmp_path)
    prepare("mine", Task.model_validate({"source": source}), Path(folder_of("mine")))
    capsys.readouterr()
    mine = listed(capsys)["mine"]
    assert (mine["prepared"], mine["metrics"]) == (True, ["f1", "matthews"])


@pytest.mark.parametrize("named", [None, ["spearman"]])
def test_a_rule_s_task_is_what_the_rule_says(
    named: list[str] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = {"metrics": named, "kind": "regression"} if named else {}
    config(tmp_path, tasks={"mine": {"source": {"kind": "rule"}, **metrics}})
    monkeypatch.chdir(tmp_path)
    mine = listed(capsys)["mine"]
    assert [mine[key] for key in ("kind", "max_length", "sizes", "metrics")] == [None, None, None, named or []]
    assert main(["tasks"]) == 0
    *_, line = capsys.readouterr().out.splitlines()
    assert line.split() == ["mine", "?", "?", "?", "?", (named or "?")[0], "rule", "own"]
    make_task(tmp_path / "resources/tasks/mine", "regression")
    mine = listed(capsys)["mine"]
    assert [mine[key] for key in ("kind", "max_length", "metrics")] == ["regression", 32, named or ["pearson"]]


def test_sizes_are_published_of_the_built_in_task_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another cut of the same rows has other sizes."""
    multirc = TASKS["multirc"].model_copy(update={"cut_seed": 1}).model_dump(mode="json")
    config(tmp_path, tasks={"multirc": multirc}, benchmarks={"own": ["multirc", "cb"]})
    monkeypatch.chdir(tmp_path)
    rows = listed(capsys)
    assert rows["multirc"]["sizes"] is None and rows["cb"]["sizes"] is not None


def test_no_file_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "--config", "none.yaml"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_it_loads_nothing_heavy() -> None:
    code = (
        "import sys; from scalearn.__main__ import main; main(['tasks'])\n"
        "print([name for name in ('torch', 'transformers', 'pandas', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.data("glue", "super_glue")
@pytest.mark.parametrize("name", ["rte", "mrpc", "cola", "stsb", "sst2", "cb", "copa", "wic", "wsc"])
def test_published_sizes_are_those_of_the_real_rows(name: str, tmp_path: Path) -> None:
    info = prepare(name, TASKS[name], tmp_path / name, DATA)
    assert tuple(info.sizes.values()) == PUBLISHED[name]
    (row,) = listing({name: TASKS[name]}, {}, tmp_path)
    assert (row["prepared"], row["sizes"]) == (True, info.sizes)
