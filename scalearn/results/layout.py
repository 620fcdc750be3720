"""The layout of a result table: a benchmark's tasks, rows and seeds, and the runs behind each cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from scalearn.fields import Name
from scalearn.methods import METHODS
from scalearn.methods.base import Method
from scalearn.results.records import Part
from scalearn.tasks.protocol import Protocol

FAMILIES = {"single": "Single-task", "joint": "Joint", "two_stage": "Two-stage"}  # in table order, with their titles


@dataclass(frozen=True)
class Scoring:
    """How a task is scored: the metrics, headline first, and the positive label of f1, of two labels."""

    metrics: tuple[str, ...] = ()
    positive: str | None = None


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Setting(_Frozen):
    """One setting of a row: its name in words, and the paths of its runs by task, in the order of the row's seeds.

    An unavailable task has no runs.
    """

    description: str
    runs: dict[Name, tuple[str, ...]]


class LayoutRow(_Frozen):
    """A row of the table. It has one setting, or several of which validation chooses one for each task."""

    name: str
    title: str
    method: str
    seeds: dict[Name, tuple[int, ...]]
    settings: tuple[Setting, ...] = Field(min_length=1)

    @property
    def learner(self) -> Method:
        """The row's method."""
        return METHODS[self.method]

    def parts(self, task: str, setting: Setting) -> dict[int, Part]:
        """Return the part behind each seed's value in the cell of this task and setting."""
        joint = self.learner.family == "joint"
        paths = setting.runs.get(task, ())
        return dict(zip(self.seeds[task], (Part(path, task, joint) for path in paths), strict=False))


class Layout(_Frozen):
    """What the table of a benchmark shows. `Campaign.layout` builds it.

    metrics: each task's metrics, the headline first. positive: each task's positive label of f1. A task without an
    entry is scored as its runs recorded. foreign: where each source adapter from elsewhere comes from, by name.
    baseline: the name of the row that others are compared with. source_seed: of the source adapters that two-stage runs
    compose; `paired`: each run those of its own seed.
    """

    benchmark: Name
    model: Name
    protocol: Protocol = "corrected"
    tasks: tuple[Name, ...] = Field(min_length=1)
    rows: tuple[LayoutRow, ...] = Field(min_length=1)
    metrics: dict[str, tuple[str, ...]] = Field({})
    positive: dict[str, str] = Field({})
    foreign: dict[str, str] = Field({})
    baseline: str | None = None
    source_seed: int | Literal["paired"] = 0
    intervals: Literal["auto", "t", "bootstrap"] = "auto"

    def parts(self) -> Iterator[Part]:
        """Yield each part whose score the table may show."""
        for row in self.rows:
            for setting in row.settings:
                for task in self.tasks:
                    yield from row.parts(task, setting).values()

    def scoring(self, task: str) -> Scoring:
        """Return how the task's runs are scored."""
        return Scoring(self.metrics.get(task, ()), self.positive.get(task))

    def by_family(self) -> dict[str, list[LayoutRow]]:
        """Return the rows by family, both in table order, without empty families."""
        groups = {family: [row for row in self.rows if row.learner.family == family] for family in FAMILIES}
        return {family: rows for family, rows in groups.items() if rows}
