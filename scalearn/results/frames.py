"""Reads a campaign's results as tidy pandas DataFrames. pandas is imported when a frame is asked for."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from scalearn.campaign.places import RUNS
from scalearn.campaign.run_folder import HISTORY, TIMING, WEIGHTS
from scalearn.campaign.spec import JOINT, RunSpec
from scalearn.errors import UserError, shown
from scalearn.results.omega import learned_scales, omega_rows
from scalearn.results.records import PREDICTIONS, RUN
from scalearn.results.scored import recorded_score
from scalearn.storage.files import CHECKSUM, altered, read_json

if TYPE_CHECKING:
    import pandas as pd

PARTS = "tasks"  # the folder of a joint run that has a folder for each of its tasks
IDENTITY = ("run", "model", "method", "settings", "family", "benchmark", "task", "shots", "seed")
OMEGA = ("layer", "source", "mean", "std", "min", "max", "dimensions")


@dataclass(frozen=True)
class _Run:
    """A finished run, or the part of a joint run that is one of its tasks.

    folder: where its files are.
    content: the content of its run.json.
    task: the task's name; JOINT for a whole joint run.
    """

    folder: Path
    content: Mapping[str, Any]
    spec: RunSpec
    task: str

    @property
    def identity(self) -> dict[str, Any]:
        """The values of the columns with which every frame begins."""
        spec = self.spec
        method = (spec.method, spec.variant.partition("/")[2], spec.family)
        values = (spec.path, spec.model, *method, spec.benchmark, self.task, spec.shots, spec.seed)
        return dict(zip(IDENTITY, values, strict=True))

    def file(self, name: str) -> Path:
        """Return the path of one of its files. Raises: UserError if the file is missing or damaged."""
        if altered(self.folder, {name: self.content["sha256"].get(name, "")}):
            raise UserError(f"{self.folder / name}: missing or damaged; delete the folder and train the run again")
        return self.folder / name


class Results:
    """The finished runs of a results folder as DataFrames. A frame is read when it is first asked for.

    Every frame begins with the columns `run` (the path below results/trained/), `model`, `method`, `settings` (what
    differs from the defaults), `family`, `benchmark` ("single" for single-task methods), `task`, `shots` and `seed`. Of
    a joint run, `runs`, `histories`, `timings` and `omega` describe the whole, with the task "joint"; `scores` and
    `predictions` have each of its tasks. docs/results.md lists the other columns.
    """

    def __init__(self, runs: Sequence[_Run], parts: Sequence[_Run]) -> None:
        """Take the runs, and what is scored: the runs of one task, and each task of the joint ones."""
        self._runs, self._parts = runs, parts

    def __repr__(self) -> str:
        return f"<Results of {len(self._runs)} runs>"

    @cached_property
    def runs(self) -> pd.DataFrame:
        """A row per run: its hyper-parameters (JSON, defaults spelt out), parameters and epochs."""
        return _frame((run, [_facts(run)]) for run in self._runs)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """A row per run, task and metric. Values and baselines are fractions."""
        return _frame((part, _metrics(part)) for part in self._parts)

    @cached_property
    def histories(self) -> pd.DataFrame:
        """A row per run, epoch and metric: `train_loss`, `eval_loss` and the metrics on the validation split."""
        return _frame((run, _history(run.file(HISTORY))) for run in self._runs)

    @cached_property
    def timings(self) -> pd.DataFrame:
        """A row per run: seconds, peak memory and the machine."""
        return _frame((run, [_timing(run.folder / TIMING)]) for run in self._runs)

    @cached_property
    def omega(self) -> pd.DataFrame:
        """A row per run, layer and source: statistics of ω over the dimensions. Only runs of the ScaLearn family."""
        frame = _frame(((run, _omega(run)) for run in self._runs if run.spec.family == "two_stage"), OMEGA)
        return frame.astype({"layer": "Int64"})  # without a value where all layers share ω

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """A row per run and test row: label and logits. Filter `read_results` if this does not fit into memory."""
        tables = []
        for part in self._parts:
            table = pq.read_table(part.file(PREDICTIONS))
            for place, (name, value) in enumerate(part.identity.items()):
                table = table.add_column(place, name, pa.repeat(pa.scalar(value), len(table)))
            tables.append(table)
        return _joined(tables)


def read_results(
    folder: Path | str = "results",
    *,
    model: str | Collection[str] | None = None,
    method: str | Collection[str] | None = None,
    benchmark: str | Collection[str] | None = None,
    task: str | Collection[str] | None = None,
    seed: int | Collection[int] | None = None,
) -> Results:
    """Return the finished runs of a results folder as DataFrames; unfinished runs are left out.

    Args:
        folder: The `results/` of a campaign, or a folder in `results/trained/`.
        model, method, benchmark, task, seed: Values of the columns of these names. Only such runs are read.

    Raises: UserError if there is no such run, or if a run's record is damaged.
    """
    root = Path(folder)
    root = root / RUNS.name if (root / RUNS.name).is_dir() else root
    if not root.is_dir():
        raise UserError(f"{folder}: no such folder; name the results/ of a campaign")
    filters = {"model": model, "method": method, "benchmark": benchmark, "task": task, "seed": seed}
    wanted = {name: _collection(values) for name, values in filters.items() if values is not None}
    runs, parts = [], []
    for path in sorted(root.rglob(RUN)):
        if any(name.startswith(".") for name in path.relative_to(root).parts):
            continue  # a temporary folder
        content, is_part = read_json(path), path.parent.parent.name == PARTS
        spec, names = _described(path, content)
        joint = spec.family == JOINT
        if not is_part:
            runs.append(_Run(path.parent, content, spec, JOINT if joint else names[0]))
        if is_part or not joint:
            parts.append(_Run(path.parent, content, spec, names[0]))
    if not runs:
        raise UserError(f"{folder}: no finished run in it; start the campaign, or name the folder of its results")
    runs = _filtered(runs, wanted, folder)
    return Results(runs, _parts_of(runs, parts, wanted.get("task")))


def _described(path: Path, content: Mapping[str, Any]) -> tuple[RunSpec, list[str]]:
    """Return the specification of a record, and the names of its tasks. Raises: UserError if it is no such record."""
    if "spec" not in content and "identity" in content:
        raise UserError(f"{path}: a run of an earlier version; type `scalearn adopt` in the folder of its campaign")
    try:
        return RunSpec.of_record(content["spec"]), [task["name"] for task in content["tasks"]]
    except (KeyError, TypeError, ValueError) as error:
        why = str(error).splitlines()[0]
        raise UserError(f"{path}: not the record of a run ({why}); delete its folder and train the run again") from None


def _collection(values: Any) -> frozenset[Any]:
    return frozenset([values] if isinstance(values, str | int) else values)


def _filtered(runs: Sequence[_Run], wanted: Mapping[str, frozenset[Any]], folder: Path | str) -> list[_Run]:
    """Return the runs with these values. Of a joint run, the whole stays for any of its tasks."""
    for name, values in wanted.items():
        there = {value for run in runs for value in _values(run, name)}
        if missing := sorted(values - there):
            raise UserError(
                f"{folder}: no finished run with the {name} {missing[0]!r}; there is {shown(sorted(map(str, there)))}"
            )
    left = [run for run in runs if all(values.intersection(_values(run, name)) for name, values in wanted.items())]
    if not left:
        raise UserError(f"{folder}: no finished run has all of {', '.join(wanted)} as they are named; leave one out")
    return left


def _parts_of(runs: Sequence[_Run], parts: Iterable[_Run], tasks: frozenset[Any] | None) -> list[_Run]:
    """Return the parts of these runs, of all tasks or of those that a filter names."""
    paths = {run.spec.path for run in runs}
    every = tasks is None or JOINT in tasks
    return [part for part in parts if part.spec.path in paths and (every or part.task in (tasks or ()))]


def _values(run: _Run, name: str) -> set[Any]:
    """Return the values of a column that a filter accepts the run for."""
    if name == "task" and run.task == JOINT:
        return {JOINT, *(facts["name"] for facts in run.content["tasks"])}
    return {run.identity[name]}


# ---------------------------------------------------------------------- rows of the frames


def _frame(
    rows: Iterable[tuple[_Run, Sequence[Mapping[str, Any]]]], columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return a DataFrame of each run's rows, with the run's identity before them.

    columns: those beside the identity, for a frame that may be empty.
    """
    import pandas as pd

    content = [{**run.identity, **row} for run, of_run in rows for row in of_run]
    return pd.DataFrame(content, columns=None if columns is None else [*IDENTITY, *columns])


def _joined(tables: Sequence[pa.Table]) -> pd.DataFrame:
    """Return the rows of all tables. Arrow joins numbers, but not the lists of multi-label tasks with numbers."""
    import pandas as pd

    alike = groupby(tables, lambda table: pa.types.is_list(table.schema.field("label").type))
    frames = [pa.concat_tables(group, promote_options="permissive").to_pandas() for _, group in alike]
    joined: pd.DataFrame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    return joined


def _facts(run: _Run) -> dict[str, Any]:
    content = run.content
    return {
        "hyperparameters": json.dumps(content["spec"]["hyperparameters"], sort_keys=True),
        "trainable_parameters": content["parameters"]["trainable"],
        "head_parameters": content["parameters"]["head"],
        "epochs": content["training"]["epochs"],
        "best_epoch": content["training"]["best_epoch"],
        "steps": content["training"]["steps"],
        "examples": content["training"]["examples"],
    }


def _metrics(part: _Run) -> list[dict[str, Any]]:
    record = recorded_score(part.folder)
    return [
        {"metric": name, "value": value, "baseline": record.baseline[name], "headline": name == record.headline}
        for name, value in record.scores.items()
    ]


def _history(path: Path) -> list[dict[str, Any]]:
    """Return a row per epoch and metric. An epoch of a joint run is a round, the steps between two evaluations."""
    table = pq.read_table(path)
    (counter,) = {"epoch", "round"}.intersection(table.column_names)
    names = [name for name in table.column_names if name != counter]
    return [
        {"epoch": row[counter], "metric": name, "value": row[name]}
        for row in table.to_pylist()
        for name in names
        if row[name] is not None
    ]


def _timing(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise UserError(f"{path}: missing; leave the run out by a filter, or delete its folder and train it again")
    return {name: value for name, value in read_json(path).items() if name != CHECKSUM}


def _omega(run: _Run) -> list[dict[str, Any]]:
    names = run.content["inputs"]["sources"]["names"]
    return omega_rows(learned_scales(run.file(WEIGHTS), run.spec, names, run.task))
