"""What the rows of a table cost: parameters, time, memory, and bytes to keep. Time is the clock's, so it never repeats.

The stage-1 runs of a two-stage row's source adapters are counted once for the whole benchmark, and apart from the row's
own runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from statistics import mean

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scalearn.campaign.run_folder import WEIGHTS
from scalearn.campaign.spec import foreign_key
from scalearn.errors import UserError
from scalearn.results.layout import Layout, LayoutRow, Setting
from scalearn.results.records import RUN, Part, RunRecord, ScoreRecord
from scalearn.results.selection import chosen
from scalearn.storage.files import read_json

TIMING = "timing.json"


@dataclass(frozen=True)
class Cost:
    """Costs that add up; each is None where it is not known.

    parameters: trained ones, without heads. hours: of a device. size: bytes to keep, heads included.
    """

    parameters: int | None = 0
    hours: float | None = 0.0
    size: int | None = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            None if self.parameters is None or other.parameters is None else self.parameters + other.parameters,
            None if self.hours is None or other.hours is None else self.hours + other.hours,
            None if self.size is None or other.size is None else self.size + other.size,
        )


UNKNOWN = Cost(None, None, None)


@dataclass(frozen=True)
class RunCost:
    """What one finished run cost. memory, gpu_memory: at their peak, in MiB. fault: why its time is not known."""

    cost: Cost
    device: str = ""
    memory: int | None = None
    gpu_memory: int | None = None
    fault: str = ""


@dataclass(frozen=True)
class TaskCost:
    """What a row's runs on one task cost, or a joint row's runs on all tasks (task None).

    planned: how many runs there are to be; runs: those that are finished.
    """

    task: str | None
    planned: int
    runs: tuple[RunCost, ...]

    @property
    def complete(self) -> bool:
        """Whether all planned runs are finished."""
        return len(self.runs) == self.planned

    @property
    def cost(self) -> Cost:
        """The cost for one seed: the mean over the finished runs; of hours, over those whose time is known."""
        hours = [run.cost.hours for run in self.runs if run.cost.hours is not None]
        sizes = [run.cost.size for run in self.runs if run.cost.size is not None]
        return Cost(
            self.runs[0].cost.parameters if self.runs else None,
            mean(hours) if hours else None,
            max(sizes) if sizes else None,
        )


@dataclass(frozen=True)
class RowCost:
    """What a row cost.

    tasks: by task, in table order; a joint row has one entry. sources: the stage-1 runs whose adapters it composes,
    each once; nothing for other families. spent: hours of all finished runs of the row, of all seeds and settings.
    """

    name: str
    title: str
    family: str
    tasks: tuple[TaskCost, ...]
    sources: Cost
    spent: float
    faults: tuple[str, ...] = ()

    @property
    def own(self) -> Cost:
        """The cost of the row's own runs for one seed, on all tasks. Unknown if a planned run or a time is missing."""
        if not all(task.complete for task in self.tasks):
            return UNKNOWN
        total = reduce(Cost.__add__, (task.cost for task in self.tasks), Cost())
        timed = all(run.cost.hours is not None for task in self.tasks for run in task.runs)
        return total if timed else Cost(total.parameters, None, total.size)

    @property
    def with_sources(self) -> Cost:
        """The same, and its source adapters once."""
        return self.own + self.sources

    @property
    def runs(self) -> list[RunCost]:
        """The finished runs behind the row's cells."""
        return [run for task in self.tasks for run in task.runs]


def hours(costs: Iterable[RowCost]) -> dict[str, float]:
    """Return the device-hours of each row for one seed, on all tasks and with its source adapters once, by name.

    Rows of which a run or a time is missing are left out.
    """
    known = ((row.name, row.with_sources.hours) for row in costs)
    return {name: value for name, value in known if value is not None}


def row_costs(layout: Layout, records: Mapping[Part, ScoreRecord], runs: Path) -> list[RowCost]:
    """Return what each row of a layout cost, in the layout's order.

    Args:
        layout: What the table shows.
        records: The score records of the finished runs (scalearn.results.scored.current_scores).
        runs: The folder of all runs.

    Raises: UserError if run.json of a run is damaged. A timing.json that is missing or damaged is noted as a fault.
    """
    reader = _Reader(runs, records)
    return [_row(row, layout, reader) for row in layout.rows]


def _row(row: LayoutRow, layout: Layout, reader: _Reader) -> RowCost:
    choices = chosen(row, layout, reader.runs, reader.records)
    groups = [layout.tasks] if row.learner.family == "joint" else [(task,) for task in layout.tasks]
    shown = [reader.finished(row, group, [choices[group[0]].setting]) for group in groups]
    every = reader.finished(row, layout.tasks, row.settings)
    sources, their_faults = Cost(), list[str]()
    if row.learner.family == "two_stage":
        sources, their_faults = reader.sources([part for parts in shown for part in parts])
    spent = [reader.run(part.run).cost.hours for part in every]
    return RowCost(
        name=row.name,
        title=row.title,
        family=row.learner.family,
        tasks=tuple(
            TaskCost(
                None if row.learner.family == "joint" else group[0],
                len(row.seeds[group[0]]),
                tuple(reader.run(part.run) for part in parts),
            )
            for group, parts in zip(groups, shown, strict=True)
        ),
        sources=sources,
        spent=sum(value for value in spent if value is not None),
        faults=tuple(
            dict.fromkeys([*(fault for part in every if (fault := reader.run(part.run).fault)), *their_faults])
        ),
    )


class _Timing(BaseModel):
    """What of timing.json counts here; a run writes it (scalearn.training.runs.outputs)."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    seconds: float = Field(ge=0)
    device: str
    threads: int
    peak_memory_mib: int
    peak_gpu_memory_mib: int | None = None


class _Reader:
    """Reads what runs cost, each once. runs: the folder of all runs."""

    def __init__(self, runs: Path, records: Mapping[Part, ScoreRecord]) -> None:
        self.runs, self.records = runs, records
        self._parameters = {part.run: record.cost.trainable_parameters for part, record in records.items()}
        self._costs: dict[str, RunCost] = {}

    def finished(self, row: LayoutRow, tasks: Iterable[str], settings: Iterable[Setting | None]) -> list[Part]:
        """Return a part of each finished run of a row on these tasks, with these settings; of a joint run one part."""
        parts = [
            part
            for setting in settings
            if setting is not None
            for task in tasks
            for part in row.parts(task, setting).values()
            if part in self.records
        ]
        return list({part.run: part for part in reversed(parts)}.values())[::-1]

    def run(self, path: str, parameters: int | None = None) -> RunCost:
        """Return the cost of a finished run. parameters: by default those of its score record."""
        if path not in self._costs:
            self._costs[path] = _run_cost(
                self.runs, path, self._parameters.get(path) if parameters is None else parameters
            )
        return self._costs[path]

    def sources(self, parts: Sequence[Part]) -> tuple[Cost, list[str]]:
        """Return the cost of the source adapters of two-stage runs, each once, and why a part of it is not known.

        Runs of different seeds may compose different adapters (`source_seed: paired`); then the mean over these sets.
        Sources that train in stage 2 are among what the run itself trains and keeps, so that only their hours count.
        """
        composed: dict[tuple[str, ...], Cost] = {}
        faults: list[str] = []
        for part in parts:
            spec = RunRecord.read(self.runs / part.folder / RUN).run_spec
            paths = tuple(path for path in spec.sources if foreign_key(path) is None)
            if paths in composed:
                continue
            costs = [self._source(path) for path in paths]
            faults += [cost.fault for cost in costs if cost.fault]
            total = reduce(Cost.__add__, (run.cost for run in costs), Cost())
            composed[paths] = Cost(hours=total.hours) if getattr(spec.values, "train_sources", False) else total
        return _mean(list(composed.values())), faults

    def _source(self, path: str) -> RunCost:
        try:
            return self.run(path, RunRecord.read(self.runs / path / RUN).parameters.trainable)
        except UserError as error:
            return RunCost(UNKNOWN, fault=f"a source adapter: {error}")


def _run_cost(runs: Path, path: str, parameters: int | None) -> RunCost:
    folder = runs / path
    weights = folder / WEIGHTS
    size = weights.stat().st_size if weights.is_file() else None
    fault = "" if size is not None else f"{path}: {WEIGHTS} is missing"
    try:
        timing = _Timing.model_validate(read_json(folder / TIMING))
    except (UserError, ValidationError):
        state = "damaged" if (folder / TIMING).is_file() else "missing"
        return RunCost(Cost(parameters, None, size), fault=f"{path}: {TIMING} is {state}")
    device = f"{timing.device}, {timing.threads} {'thread' if timing.threads == 1 else 'threads'}"
    cost = Cost(parameters, timing.seconds / 3600, size)
    return RunCost(cost, device, timing.peak_memory_mib, timing.peak_gpu_memory_mib, fault)


def _mean(costs: Sequence[Cost]) -> Cost:
    """Return the mean of the costs of interchangeable sets; that of their hours, as sizes and parameters are equal."""
    if not costs:
        return UNKNOWN
    hours = [cost.hours for cost in costs if cost.hours is not None]
    return Cost(
        costs[0].parameters if all(cost.parameters == costs[0].parameters for cost in costs) else None,
        mean(hours) if len(hours) == len(costs) else None,
        costs[0].size if all(cost.size is not None for cost in costs) else None,
    )
