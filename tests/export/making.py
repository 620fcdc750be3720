"""Finished runs of every method in a campaign's folder, tiny ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from scalearn.campaign.places import ENCODED, MODELS, RUNS, SIMILARITIES, SOURCES, TASKS
from scalearn.campaign.spec import RunSpec
from scalearn.cli.by_hand import planned_by_hand
from scalearn.methods import METHODS
from scalearn.training.data.encode import encode
from scalearn.training.runs import joint, run
from scalearn.training.runs.planned import PlannedRun
from scalearn.training.runs.stacking import stack
from tests.methods.cases import tiny_values, write_similarities
from tests.tiny import make_model, make_task
from tests.training.planning import like

TWO = ("first", "second")
BENCHMARK = "both"


def make_folder(root: Path, kind: str = "bert", kinds: tuple[str, ...] = ("classification", "classification")) -> Path:
    """Make a work directory with a tiny encoder of this kind and two encoded tasks of these kinds; return it."""
    model = make_model(root / MODELS / kind, kind, initializer_range=0.2)
    for seed, (name, task_kind) in enumerate(zip(TWO, kinds, strict=True)):
        task = make_task(root / TASKS / name, task_kind, rows=32, seed=seed, noise=(4, 2))
        encode(task, model, root / ENCODED / kind / name)
    return root


def make_sources(root: Path, kind: str = "bert") -> None:
    """Train and stack the source adapters of the two tasks."""
    folders = [make_run(root, "adapter", kind, task=name) for name in TWO]
    spec = planned(root, "adapter", kind).spec
    stacked = like(planned(root, "adapter", kind), method="scalearn", benchmark=BENCHMARK, sources=TWO).spec
    assert spec.model == stacked.model
    runs = tuple(str(folder.relative_to(root / RUNS)) for folder in folders)
    stack(folders, root / SOURCES / f"{stacked.model_copy(update={'sources': runs}).stack}.safetensors")
    (root / SIMILARITIES / "encoder").mkdir(parents=True, exist_ok=True)
    write_similarities(root / SIMILARITIES / "encoder" / f"{kind}.json", TWO)


def planned(root: Path, method: str, kind: str = "bert", task: str = "first", **changes: float) -> PlannedRun:
    """Return the run of this method, where its campaign would have it."""
    values = {"epochs": 1, "learning_rate": 5e-2, "batch_size": 16, **changes}
    wanted = TWO if METHODS[method].family == "joint" else (task,)
    (*stacks,) = (root / SOURCES / kind).glob("*.safetensors") if METHODS[method].family == "two_stage" else ()
    made = planned_by_hand(
        method,
        root / MODELS / kind,
        [root / ENCODED / kind / name for name in wanted],
        root,
        benchmark=BENCHMARK,
        changed=tiny_values(METHODS[method]).but(**values).model_dump(),
        sources=stacks[0] if stacks else None,
    )
    similar = root / SIMILARITIES / "encoder" / f"{kind}.json" if METHODS[method].similarity else None
    return in_place(root, replace(made, similarities=similar))


def in_place(root: Path, made: PlannedRun) -> PlannedRun:
    """Return the run with its output where its campaign would have it."""
    spec: RunSpec = made.spec
    return replace(made, output=root / RUNS / spec.path)


def make_run(root: Path, method: str, kind: str = "bert", task: str = "first", **changes: float) -> Path:
    """Train the run, unless it is done, and return its folder; of a joint run that of one task."""
    made = planned(root, method, kind, task, **changes)
    return train(made, task)


def train(made: PlannedRun, task: str = "first") -> Path:
    """Train a planned run and return its folder; of a joint run that of one task."""
    joint_run = made.spec.family == "joint"
    (joint if joint_run else run).train(made)
    return made.output / "tasks" / task if joint_run else made.output
