"""What a result table shows: a benchmark's tasks, rows and seeds, and the runs behind each value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from scalearn.fields import Name
from scalearn.methods import METHODS
from scalearn.methods.base import Method
from scalearn.results.records import Part
from scalearn.tasks.protocol import Protocol

FAMILIES = {"single": "Single-task", "joint": "Joint", "two_stage": "Two-stage"}  # in table order, with their titles


@dataclass(frozen=True)
class Scoring:
    """By what runs are scored: metrics, the headline first, and of two labels the one that f1 is of."""

    metrics: tuple[str, ...] = ()
    positive: str | None = None


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Setting(_Frozen):
    """One setting of a row: what it is in words, and its runs' paths by task, in the order of the row's seeds.

    Tasks that cannot be had have no runs.
    """

    said: str
    runs: dict[Name, tuple[str, ...]]


class LayoutRow(_Frozen):
    """A row: several settings, of which validation chooses for each task, or one."""

    name: str
    title: str
    method: str
    seeds: dict[Name, tuple[int, ...]]
    settings: tuple[Setting, ...] = Field(min_length=1)

    @property
    def learner(self) -> Method:
        """Its method."""
        return METHODS[self.method]

    def parts(self, task: str, setting: Setting) -> dict[int, Part]:
        """Return what each seed's value of a cell is the score of."""
        joint = self.learner.family == "joint"
        paths = setting.runs.get(task, ())
        return dict(zip(self.seeds[task], (Part(path, task, joint) for path in paths), strict=False))


class Layout(_Frozen):
    """What the table of a benchmark shows, as Campaign.layout gives it.

    metrics, the headline first, and positive, of two labels the one that f1 is of, say by task how its runs are scored;
    where they say nothing of a task, what the runs recorded counts.
    """

    benchmark: Name
    model: Name
    protocol: Protocol = "corrected"
    tasks: tuple[Name, ...] = Field(min_length=1)
    rows: tuple[LayoutRow, ...] = Field(min_length=1)
    metrics: dict[str, tuple[str, ...]] = Field({})
    positive: dict[str, str] = Field({})

    def parts(self) -> Iterator[Part]:
        """Yield everything whose score the table may show."""
        for row in self.rows:
            for setting in row.settings:
                for task in self.tasks:
                    yield from row.parts(task, setting).values()

    def scoring(self, task: str) -> Scoring:
        """Return by what the task's runs are scored."""
        return Scoring(self.metrics.get(task, ()), self.positive.get(task))

    def by_family(self) -> dict[str, list[LayoutRow]]:
        """Return the rows of each family that has some, both in table order."""
        groups = {family: [row for row in self.rows if row.learner.family == family] for family in FAMILIES}
        return {family: rows for family, rows in groups.items() if rows}
