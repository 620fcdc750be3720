"""Rows with settings of their own, and other sources, on a finished campaign: what they make beside what is there."""

from __future__ import annotations

import re

from tests.workflow.project import VIEWS, Planned, Project

COMPOSED = {"scalearn/pair/one/0", "scalearn/pair/one/1", "scalearn/pair/two/0", "scalearn/pair/two/1"}


def announced(project: Project) -> set[str]:
    """Return the paths of the trainings that a dry run announces, settings and digests included."""
    said = project.snakemake("--profile", "local", "-n")
    return set(re.findall(r"^    output: results/trained/(\S+?)/(?:weights.safetensors|run.json)", said, re.MULTILINE))


def test_a_sweep_plans_one_run_per_value_task_and_seed_and_a_selection_the_same(fresh: Project) -> None:
    sweep = {"method": "adapter", "learning_rate": [0.1, 0.2]}
    fresh.configure(methods=[sweep])
    runs = announced(fresh)
    assert len(runs) == 2 * 2 * 2
    assert len([run for run in runs if "/adapter/learning_rate=0.1/single/" in run]) == 4
    fresh.configure(methods=[{**sweep, "select": "validation"}])
    assert announced(fresh) == runs


def test_a_row_at_its_defaults_is_the_method_itself(done: Project) -> None:
    done.configure(methods=["adapter", "adapter_fusion", {"method": "scalearn", "name": "Ours", "epochs": 30}])
    planned = done.planned()
    assert planned.runs == set() and planned.jobs.keys() == VIEWS.keys()


def test_sources_of_another_seed_are_stacked_beside_those_of_the_first(done: Project) -> None:
    before = set(done.campaign().stacks)
    fused = {run.replace("scalearn", "adapter_fusion") for run in COMPOSED}
    for source_seed, runs in ((1, COMPOSED | fused), ("paired", {run for run in COMPOSED | fused if run[-1] == "1"})):
        done.configure(source_seed=source_seed)
        planned = done.planned()
        assert (planned.runs, planned.jobs["stack_sources"]) == (runs, 1)
    assert len(set(done.campaign().stacks) - before) == 1
    done.configure()
    assert done.planned() == Planned(set(), {})


def test_a_row_with_sources_of_its_own_stacks_them_beside_the_plain_ones(done: Project) -> None:
    slow = {"method": "adapter", "name": "Slow", "learning_rate": 0.5}
    done.configure(methods=["adapter", slow, "scalearn", {"method": "scalearn", "sources": "Slow"}])
    planned = done.planned()
    adapters = {f"adapter/single/{task}/{seed}" for task in ("one", "two") for seed in (0, 1)}
    assert planned.runs == COMPOSED | adapters and planned.jobs["stack_sources"] == 1
    stacks = done.campaign().stacks
    assert len(stacks) == 2 and sum("learning_rate=0.5" in "".join(runs) for runs in stacks.values()) == 1
