"""What runs again after which change: dry runs on a finished campaign. The commands are stubs, the workflow is real."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from scalearn.cluster.resume import SNAKEMAKE
from scalearn.cluster.unfinished import outdated_runs
from tests.workflow.project import CAMPAIGN, VIEWS, Planned, Project, campaign_of, short

NOTHING = Planned(set(), {})


# The jobs that follow from new runs: the collection of scores and the table, which score what has no current score.
STAGE_2 = ("adapter_fusion", "scalearn")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_finished_campaign_has_nothing_to_do(done: Project) -> None:
    assert done.planned() == NOTHING
    assert "Nothing to be done" in done.snakemake("--profile", "local", "-n")


def test_one_more_seed_runs_just_that_seed(done: Project) -> None:
    done.configure(seeds=[0, 1, 2])
    runs = {f"adapter/single/{task}/2" for task in ("one", "two")}
    runs |= {f"{method}/pair/{task}/2" for method in ("adapter_fusion", "scalearn") for task in ("one", "two")}
    assert done.planned() == (runs, VIEWS)


def test_one_more_method_runs_just_that_method(done: Project) -> None:
    done.configure(methods=[*CAMPAIGN["methods"], "scalearn_pp"])
    runs = {f"scalearn_pp/pair/{task}/{seed}" for task in ("one", "two") for seed in (0, 1)}
    assert done.planned() == (runs, VIEWS)


def test_one_more_benchmark_leaves_the_others_alone_and_shares_stage_1(done: Project) -> None:
    done.configure(benchmarks={"pair": ["one", "two"], "other": ["two", "three"]})
    planned = done.planned()
    runs = {f"adapter/single/three/{seed}" for seed in (0, 1)}
    runs |= {
        f"{method}/other/{task}/{seed}"
        for method in ("adapter_fusion", "scalearn")
        for task in ("two", "three")
        for seed in (0, 1)
    }
    assert planned.runs == runs
    made = {"task_from_files": 1, "encode": 1, "stack_sources": 1}
    assert planned.jobs == {**VIEWS, **made}


def test_one_more_task_changes_the_sources_and_so_all_of_stage_2_but_no_adapter(done: Project) -> None:
    done.configure(benchmarks={"pair": ["one", "two", "three"]})
    planned = done.planned()
    stage1 = {run for run in planned.runs if run.startswith("adapter/")}
    assert stage1 == {"adapter/single/three/0", "adapter/single/three/1"}
    assert len(planned.runs - stage1) == 2 * 3 * 2


def test_other_sources_change_all_of_stage_2_and_only_missing_ones_are_trained(done: Project) -> None:
    done.configure(benchmarks={"pair": {"tasks": ["one", "two"], "sources": ["two", "three"]}})
    planned = done.planned()
    stage1 = {run for run in planned.runs if run.startswith("adapter/")}
    assert stage1 == {"adapter/single/three/0"}  # a source and no target: the one seed that is composed
    assert len(planned.runs - stage1) == 2 * 2 * 2


def test_a_source_s_own_runs_stay_when_it_is_no_target(done: Project) -> None:
    done.configure(benchmarks={"pair": {"tasks": ["one"], "sources": ["one", "two"]}})
    assert done.planned() == (set(), VIEWS)


def test_the_reference_protocol_reruns_what_it_does_otherwise(done: Project) -> None:
    done.configure(protocol="reference")
    runs = {f"adapter_fusion/pair/{task}/{seed}" for task in ("one", "two") for seed in (0, 1)}
    assert done.planned() == (runs, VIEWS)


def test_a_limit_of_rows_makes_that_task_anew(done: Project) -> None:
    done.configure(train_rows={"two": 2})
    planned = done.planned()
    assert planned.jobs["task_from_files"] == planned.jobs["encode"] == 1
    assert {run.split("/")[2] for run in planned.runs if run.startswith("adapter/")} == {"two"}


def test_a_task_that_is_unavailable_is_waited_for_by_nobody(done: Project) -> None:
    done.configure(benchmarks={"pair": ["one", "two"], "more": ["two", "three"]}, unavailable=["three"])
    planned = done.planned()
    assert planned.runs == {f"{method}/more/two/{seed}" for method in ("adapter_fusion", "scalearn") for seed in (0, 1)}
    assert "task_from_files" not in planned.jobs


def test_a_learning_rate_of_stage_2_reruns_that_method(done: Project) -> None:
    done.configure(hyperparameters={"scalearn": {"learning_rate": 0.003}})
    runs = {f"scalearn/pair/{task}/{seed}" for task in ("one", "two") for seed in (0, 1)}
    assert done.planned() == (runs, VIEWS)


def test_a_learning_rate_of_stage_1_reruns_what_is_built_on_it(done: Project) -> None:
    done.configure(hyperparameters={"adapter": {"learning_rate": 0.003}})
    planned = done.planned()
    assert len(planned.runs) == 12
    assert planned.jobs == {**VIEWS, "stack_sources": 1}


def test_a_default_spelt_out_reruns_nothing(done: Project) -> None:
    done.configure(hyperparameters={"all": {"epochs": 30, "weight_decay": 0}})
    assert done.planned() == NOTHING


def test_how_to_compute_reruns_all_trainings_unless_it_is_auto(done: Project) -> None:
    done.configure(compute={"precision": "auto", "compile": "auto"})
    assert done.planned() == NOTHING
    done.configure(compute={"precision": "bf16", "tf32": False})
    planned = done.planned()
    assert len(planned.runs) == 12 and planned.jobs == {**VIEWS, "stack_sources": 1}
    done.run()
    again = done.trained()[-12:]
    assert all(spec["compute"] == {"precision": "bf16", "tf32": False} for spec in again)
    assert done.planned() == NOTHING


def test_a_method_version_reruns_that_method(done: Project) -> None:
    edit(done.path / "scalearn/methods/adapter_fusion.py", "METHODS = ", "VERSION = 2\nMETHODS = ")
    assert done.planned() == NOTHING
    edit(
        done.path / "scalearn/methods/adapter_fusion.py", 'name="adapter_fusion",', 'name="adapter_fusion", version=9,'
    )
    runs = {f"adapter_fusion/pair/{task}/{seed}" for task in ("one", "two") for seed in (0, 1)}
    assert done.planned() == (runs, VIEWS)


@pytest.mark.parametrize(
    ("stage", "jobs"),
    [
        ("FETCHING", {"fetch_model": 1, "encode": 2, "stack_sources": 1}),
        ("PREPARING", {"task_from_files": 2, "encode": 2, "stack_sources": 1}),
        ("ENCODING", {"encode": 2, "stack_sources": 1}),
        ("TRAINING", {"stack_sources": 1}),
    ],
)
def test_the_version_of_a_stage_reruns_it_and_what_is_built_on_it(
    stage: str, jobs: dict[str, int], done: Project
) -> None:
    edit(done.path / "scalearn/campaign/versions.py", f"{stage} = ", f"{stage} = 10 + ")
    planned = done.planned()
    assert planned.jobs == {**VIEWS, **jobs}
    assert len(planned.runs) == 12


def test_the_version_of_stacking_stacks_anew_and_reruns_stage_2(done: Project) -> None:
    edit(done.path / "scalearn/campaign/versions.py", "STACKING = ", "STACKING = 10 + ")
    runs = {f"{method}/pair/{task}/{seed}" for method in STAGE_2 for task in ("one", "two") for seed in (0, 1)}
    assert done.planned() == (runs, {**VIEWS, "stack_sources": 1})


def test_no_run_waits_for_embeddings_that_it_does_not_need(done: Project) -> None:
    edit(done.path / "scalearn/campaign/versions.py", "EMBEDDING = ", "EMBEDDING = 10 + ")
    assert done.planned() == NOTHING


def test_the_version_of_scoring_scores_again_and_trains_nothing(done: Project) -> None:
    edit(done.path / "scalearn/campaign/versions.py", "SCORING = ", "SCORING = 10 + ")
    assert done.planned() == (set(), VIEWS)


def test_another_metric_scores_again_and_trains_nothing(done: Project) -> None:
    one = {**CAMPAIGN["tasks"]["one"], "metrics": ["f1", "accuracy"]}
    for change in ({}, {"positive": "no"}):
        done.configure(tasks={**CAMPAIGN["tasks"], "one": {**one, **change}})
        assert done.planned() == (set(), VIEWS)
        done.run()
        assert done.planned() == NOTHING
    tables = [call for call in done.calls() if call.startswith("table")]
    layout = campaign_of(tables[-1]).layout("pair")
    assert layout["metrics"] == {"one": ("f1", "accuracy"), "two": ("accuracy",)}
    assert layout["positive"] == {"one": "no"}


def test_prose_reruns_nothing(done: Project) -> None:
    (done.path / "README.md").write_text("A new word.\n")
    edit(done.path / "scalearn/methods/adapter.py", '"""', '"""New: ')
    edit(done.path / "scalearn/campaign/plan.py", '"""', '"""New: ')
    edit(done.path / "workflow/rules/stage1.smk", "# Stage 1", "# New: stage 1")
    edit(done.path / "config.yaml", "methods:", "# New.\nmethods:")
    assert done.planned() == NOTHING


def test_new_rows_rerun_their_task(done: Project) -> None:
    (done.path / "one.csv").write_text("other rows\n")
    planned = done.planned()
    assert planned.jobs["task_from_files"] == planned.jobs["encode"] == 1
    assert {run for run in planned.runs if run.startswith("adapter/")} == {
        "adapter/single/one/0",
        "adapter/single/one/1",
    }


def test_a_copied_campaign_with_new_times_reruns_nothing(done: Project) -> None:
    """Contents are compared, not times; files too large for that are guarded by a small one with their checksum."""
    (weights,) = done.path.glob("resources/models/*/model.safetensors")
    os.truncate(weights, 200_000_000)
    files = [path for name in ("resources", "results") for path in (done.path / name).rglob("*") if path.is_file()]
    random.Random(0).shuffle(files)
    for second, path in enumerate(files):
        os.utime(path, (2e9 + second, 2e9 + second))
    assert done.planned() == NOTHING


START = "command, *arguments = sys.argv[1:]\n"
FAILING = f"{START}if command == 'train': sys.exit(1)\n"
FAILING_SCALEARN = f"{START}if command == 'train' and '\"method\":\"scalearn\"' in arguments[1]: sys.exit(1)\n"


@pytest.mark.parametrize("more", [[], ["--keep-incomplete"]])
def test_a_change_whose_trainings_fail_is_not_forgotten(
    more: list[str], done: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Snakemake puts the old runs back and remembers the new parameters with them."""
    fusion = 'name="adapter_fusion",'
    edit(done.path / "scalearn/methods/adapter_fusion.py", fusion, f"{fusion} version=9,")
    stub = done.path / "bin/scalearn"
    whole = stub.read_text()
    stub.write_text(whole.replace(START, FAILING))
    planned = done.planned()
    assert len(planned.runs) == 4
    line = ["--profile", "local", "--cores", "2", "--resources", "gpu=2", *more]
    done.snakemake(*line, status=1)
    assert done.planned() == planned
    (table,) = [call for call in done.calls() if call.startswith("table") and "--due" in call]
    assert "--due .snakemake " in table
    monkeypatch.chdir(done.path)  # no table shows scores of before the change as today's
    assert {short(str(path)) for path in outdated_runs(SNAKEMAKE)} == planned.runs
    stub.write_text(whole)
    (model,) = done.path.glob("resources/models/*/model.json")
    done.snakemake(str(model.relative_to(done.path)), "--force", *line)  # a success of something else
    assert done.planned() == planned
    done.run()
    assert done.planned() == Planned(set(), {})


def test_a_failure_makes_anew_the_tables_of_what_has_runs_and_no_others(done: Project) -> None:
    edit(done.path / "scalearn/campaign/versions.py", "TRAINING = ", "TRAINING = 10 + ")
    done.configure(benchmarks={"pair": ["one", "two"], "other": ["three"]})
    stub, table = done.path / "bin/scalearn", done.path / "results/pair_table.md"
    stub.write_text(stub.read_text().replace(START, FAILING))
    table.write_text("before the change")
    done.snakemake("--profile", "local", "--cores", "2", "--resources", "gpu=2", status=1)
    assert table.read_text() != "before the change"
    assert " --due .snakemake " in (done.path / "results/pair_cost.md").read_text()
    assert not (done.path / "results/other_table.md").exists()


def test_what_succeeded_and_changed_nothing_is_not_due_though_another_run_failed(
    done: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its score stands in the table of what there is."""
    stub = done.path / "bin/scalearn"
    stub.write_text(stub.read_text().replace(START, FAILING_SCALEARN))
    line = ["--forcerun", "train_composition", "--profile", "local", "--cores", "2", "--resources", "gpu=2"]
    done.snakemake("results/pair_table.md", *line, status=1)
    monkeypatch.chdir(done.path)
    assert {short(str(path)).split("/")[0] for path in outdated_runs(SNAKEMAKE)} == {"scalearn"}


def test_what_failed_is_tried_again_although_a_table_was_made_without_it(fresh: Project) -> None:
    """The target is the table itself, which is newer than all that is there, and of a first start nothing is older."""
    stub = fresh.path / "bin/scalearn"
    whole = stub.read_text()
    stub.write_text(whole.replace(START, FAILING_SCALEARN))
    line = ["results/pair_table.md", "--profile", "local", "--cores", "2", "--resources", "gpu=2"]
    fresh.snakemake(*line, status=1)
    shutil.rmtree(fresh.path / "logs")
    for _ in range(2):
        assert (fresh.path / "results/pair_table.md").exists() and not list(fresh.path.glob("results/pair_cost.*"))
        assert len(fresh.planned("results/pair_table.md").runs) == 4
        fresh.snakemake(*line, status=1)
    stub.write_text(whole)
    fresh.snakemake(*line)
    assert fresh.planned("results/pair_table.md") == Planned(set(), {})


def test_a_run_that_finds_nothing_to_change_is_not_due_for_ever(done: Project) -> None:
    done.run("results/pair_table.md", "--forcerun", "train_composition")
    assert done.planned() == Planned(set(), {})


def test_a_failure_of_a_part_of_the_graph_makes_no_table_that_shows_runs_outside_it(done: Project) -> None:
    """All runs are of an older version. Only the one that is the target is known to be due at this start."""
    edit(done.path / "scalearn/campaign/versions.py", "TRAINING = ", "TRAINING = 10 + ")
    stub, table = done.path / "bin/scalearn", done.path / "results/pair_table.md"
    whole = stub.read_text()
    stub.write_text(whole.replace(START, FAILING))
    before, made = table.read_bytes(), len(done.calls())
    run = f"{done.run_path('adapter', 'pair', 'one', 0)}/run.json"
    done.snakemake(run, "--profile", "local", "--cores", "2", "--resources", "gpu=2", status=1)
    assert done.calls()[made:] == [] and table.read_bytes() == before
    stub.write_text(whole)
    assert len(done.planned().runs) == 12
