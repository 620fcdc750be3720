"""Joint methods in a campaign: one job for all tasks of a benchmark."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflow.project import VIEWS, Planned, Project, spec_of

JOINT = {"methods": ["adapter", "hyperformer", "scalearn"]}


@pytest.fixture
def joint(fresh: Project) -> Project:
    fresh.configure(**JOINT)
    return fresh


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project.make(tmp_path_factory.mktemp("joint") / "project")
    project.configure(**JOINT)
    project.run()
    return project


def test_one_job_learns_all_tasks_and_the_table_waits_for_it(done: Project) -> None:
    calls = [call for call in done.calls() if "hyperformer" in call and call.startswith("train ")]
    campaign = done.campaign()
    model = campaign.model_key("tiny")
    tasks = [campaign.task_key(task) for task in ("one", "two")]
    assert {call.partition(" --output ")[2] for call in calls} == {
        done.run_path("hyperformer", "pair", "one", seed) for seed in (0, 1)
    }
    assert [(spec_of(call)["model"], spec_of(call)["tasks"]) for call in calls] == [(model, tasks)] * 2
    assert (done.path / "results/pair_table.md").is_file()
    assert done.planned() == Planned(set(), {})


def test_joint_methods_have_seeds_of_their_own(joint: Project) -> None:
    joint.configure(**JOINT, joint_seeds=[4], task_seeds={"one": [0]})
    runs = {run for run in joint.planned().runs if run.startswith("hyperformer")}
    assert runs == {"hyperformer/pair/joint/4"}


def test_what_a_change_runs_again(done: Project, tmp_path: Path) -> None:
    project = done.copy(tmp_path / "copy")
    everything = {"hyperformer/pair/joint/0", "hyperformer/pair/joint/1"}
    for changes, expected in (
        ({"hyperparameters": {"joint": {"max_steps": 100}}}, everything),
        ({"hyperparameters": {"hyperformer": {"temperature": 1}}}, set()),
        ({"task_hyperparameters": {"one": {"all": {"epochs": 7}}}}, set()),
        ({"benchmark_hyperparameters": {"pair": {"joint": {"max_steps": 100}}}}, everything),
        ({"protocol": "reference"}, everything),
    ):
        project.configure(**JOINT, **changes)
        assert {run for run in project.planned().runs if "hyperformer" in run} == expected, changes


def test_a_task_that_cannot_be_had_is_left_out(joint: Project) -> None:
    joint.configure(**JOINT, unavailable=["two"])
    joint.run("results/pair_table.md")
    learned = [spec["tasks"] for spec in joint.trained() if spec["method"] == "hyperformer"]
    assert learned == [[joint.campaign().task_key("one")]] * 2


def test_a_new_joint_run_makes_the_table_and_the_collection_anew(done: Project, tmp_path: Path) -> None:
    project = done.copy(tmp_path / "copy")
    (project.path / project.run_path("hyperformer", "pair", "one", 0) / "run.json").write_text("another")
    assert project.planned() == Planned(set(), VIEWS)


def test_joint_is_no_name_for_a_task(fresh: Project) -> None:
    task = {"source": {"kind": "files", "train": "one.csv", "test": "one.csv"}}
    fresh.configure(tasks={"joint": task}, benchmarks={"pair": ["joint"]})
    said = fresh.snakemake("--profile", "local", "-n", status=1).splitlines()[-1]
    assert said == "error: config.yaml: tasks: 'joint' is the folder of runs on all tasks at once; choose another name"
