"""What a campaign file says reaches no shell but as one quoted word; Snakemake refuses as `scalearn check` does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.bad_input.case import content
from tests.tasks.making import write_rows
from tests.workflow.project import CAMPAIGN, Project, campaign_of

NASTY = "$(touch owned) `touch owned` ' \" ;touch owned"
FILES = {"one.csv": f"{NASTY}.csv", "two.csv": "two words.csv"}


def nasty_task(path: str) -> dict[str, Any]:
    """A task with free text wherever a definition may hold some."""
    return {
        "source": {"kind": "files", "train": path, "test": path},
        "kind": "multi_label",
        "texts": [NASTY],
        "label": f"label{NASTY}",
        "labels": ["a", f"b{NASTY}"],
        "separator": ";touch owned;",
    }


def test_free_text_of_a_campaign_is_not_run(tmp_path: Path) -> None:
    project = Project.make(tmp_path / "p")
    (project.path / "tiny model").rename(project.path / f"model{NASTY}")
    rows = [{NASTY: "x", f"label{NASTY}": f"a;touch owned;b{NASTY}"}] * 30
    write_rows(project.path / FILES["one.csv"], rows)
    write_rows(project.path / FILES["two.csv"], [{"text": "x", "label": ("a", f"b{NASTY}")[n % 2]} for n in range(30)])
    mirrored = [{"sentence1": "a", "sentence2": "b", "label": number % 2} for number in range(30)]
    (project.path / f"mirror{NASTY}/glue/rte").mkdir(parents=True)
    for split in ("train", "validation"):
        write_rows(project.path / f"mirror{NASTY}/glue/rte/{split}-00000-of-00001.parquet", mirrored)
    two = {"source": {"kind": "files", "train": FILES["two.csv"]}, "metrics": "f1", "positive": f"b{NASTY}"}
    project.configure(
        models={"tiny": {"kind": "folder", "path": f"model{NASTY}"}},
        mirror=f"mirror{NASTY}",
        tasks={"one": nasty_task(FILES["one.csv"]), "two": two},
        benchmarks={"pair": ["one", "two", "rte"]},
        methods=["adapter"],
        seeds=[0],
        hyperparameters={"adapter": {"epochs": 3}},
    )
    project.run()
    assert not list(tmp_path.rglob("owned*"))
    calls = project.calls()
    prepared = next(call for call in calls if call.startswith("prepare-task one"))
    definition = json.loads(prepared.partition("--definition ")[2].partition(" --output")[0])
    assert definition["texts"] == [NASTY] and definition["source"]["train"] == FILES["one.csv"]
    assert any(f"--mirror mirror{NASTY} --output" in call for call in calls)
    table = next(call for call in calls if call.startswith("table"))
    layout = campaign_of(table).layout("pair")
    assert (layout["metrics"]["two"], layout["positive"]["two"]) == (("f1",), f"b{NASTY}")
    assert any(json.dumps(f"model{NASTY}") in call for call in calls if call.startswith("fetch-model"))


YTE = "__use_yte__: true\n__definitions__:\n- open('owned', 'w')\nmodel: ?open('owned', 'w').name\n"
REFUSED = {
    "code for templates": (YTE, "error: config.yaml: "),
    "a tag that calls Python": ("a: !!python/object/apply:os.system ['touch owned']", "error: config.yaml: line 1: "),
    "a key twice": ("seeds: [0]\nseeds: [1]\n", "error: config.yaml: line 2: "),
    "a name for a shell": (
        {"benchmarks": {"$(touch owned)": ["one"]}},
        "error: config.yaml: benchmarks.$(touch owned)",
    ),
    "a name above": ({"tasks": {"../up": CAMPAIGN["tasks"]["one"]}}, "error: config.yaml: tasks.../up"),
    "an absolute name": ({"models": {"/up": CAMPAIGN["models"]["tiny"]}}, "error: config.yaml: models./up"),
    "brackets without end": ("a: " + "[" * 20_000, "error: config.yaml: not readable as YAML (nested too deeply)"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project.make(tmp_path_factory.mktemp("refused") / "p")


@pytest.mark.parametrize("case", REFUSED)
def test_snakemake_refuses_in_one_sentence_and_changes_nothing(project: Project, case: str) -> None:
    written, says = REFUSED[case]
    if isinstance(written, dict):
        project.configure(**written)
    else:
        (project.path / "config.yaml").write_text(written)
    shutil.rmtree(project.path / ".snakemake", ignore_errors=True)
    before = content(project.path)
    said = project.snakemake("--cores", "1", status=1)
    assert said.startswith(says) and said.count("\n") == 1, said
    shutil.rmtree(project.path / ".snakemake", ignore_errors=True)
    after = {name: what for name, what in content(project.path).items() if "__pycache__" not in name}
    assert after == {name: what for name, what in before.items() if "__pycache__" not in name}


def test_config_values_on_the_command_line_still_count_on_top_of_config_yaml(project: Project) -> None:
    project.configure()
    said = project.snakemake("--cores", "1", "-n", "--config", "methods=[adapter]")
    assert "config.yaml: 4 runs for 1 rows and 2 tasks" in said


def test_another_campaign_file_still_replaces_config_yaml(project: Project) -> None:
    project.configure()
    text = (project.path / "config.yaml").read_text()
    (project.path / "config.yaml").write_text("no campaign")
    (project.path / "other.yaml").write_text(text)
    said = project.snakemake("--cores", "1", "-n", "--configfile", "other.yaml")
    assert "other.yaml: 12 runs" in said, said
    (project.path / "other.yaml").write_text(text + "seeds: [5]\n")
    said = project.snakemake("--cores", "1", "-n", "--configfile", "other.yaml", status=1)
    assert "error: other.yaml: line" in said and "more than once" in said
