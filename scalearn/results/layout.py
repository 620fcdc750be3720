"""What a result table shows: a benchmark's tasks, methods and seeds, and the runs that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from scalearn.campaign import FULL, Run
from scalearn.complaints import complaint
from scalearn.errors import UserError, nearest
from scalearn.methods import METHODS
from scalearn.protocol import Protocol
from scalearn.tasks.definition import Name

FAMILIES = {"single": "Single-task", "joint": "Joint", "two_stage": "Two-stage"}  # in table order, with their titles


@dataclass(frozen=True)
class Scoring:
    """By what runs are scored: metrics, the headline first, and of two labels the one that f1 is of."""

    metrics: tuple[str, ...] = ()
    positive: str | None = None


class Layout(BaseModel):
    """The content of Campaign.layout(benchmark).

    metrics, the headline first, and positive, of two labels the one that f1 is of, say by task how its runs are scored;
    where they say nothing of a task, what the runs recorded counts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    benchmark: Name
    model: Name
    protocol: Protocol = "corrected"
    tasks: tuple[Name, ...] = Field(min_length=1)
    methods: tuple[str, ...] = Field(min_length=1)
    seeds: dict[str, tuple[int, ...]]
    joint_seeds: tuple[int, ...] = ()
    metrics: dict[str, tuple[str, ...]] = {}
    positive: dict[str, str] = {}

    @classmethod
    def parse(cls, content: Mapping[str, Any]) -> Layout:
        """Return the checked layout; a UserError names what is wrong with it."""
        try:
            layout = cls.model_validate(content)
        except ValidationError as error:
            wrong = complaint(error, cls, content)
            raise UserError(f"--layout: {wrong}; take what Campaign.layout(benchmark) gives") from None
        for method in layout.methods:
            if method not in METHODS:
                raise UserError(f"--layout: methods: unknown method '{method}'{nearest(method, METHODS)}")
        for task in layout.tasks:
            if not layout.seeds.get(task):
                raise UserError(f"--layout: seeds: none for task '{task}'; name at least one")
        if "joint" in layout.by_family() and not layout.joint_seeds:
            raise UserError("--layout: joint_seeds: none, and there are joint methods; name at least one")
        return layout

    def run(self, method: str, task: str, seed: int) -> Run:
        """Return the run behind one value of the table; single-task runs are shared by all benchmarks."""
        group = "single" if METHODS[method].family == "single" else self.benchmark
        return Run(self.model, method, group, task, FULL, seed)

    def seeds_of(self, method: str, task: str) -> tuple[int, ...]:
        """Return the seeds of a cell."""
        return self.joint_seeds if METHODS[method].family == "joint" else self.seeds[task]

    def runs(self) -> list[Run]:
        """Return every run that the table shows."""
        return [
            self.run(method, task, seed)
            for method in self.methods
            for task in self.tasks
            for seed in self.seeds_of(method, task)
        ]

    def scoring(self, task: str) -> Scoring:
        """Return by what the task's runs are scored."""
        return Scoring(self.metrics.get(task, ()), self.positive.get(task))

    def by_family(self) -> dict[str, list[str]]:
        """Return the methods of each family that has some, both in table order."""
        groups = {family: [name for name in self.methods if METHODS[name].family == family] for family in FAMILIES}
        return {family: methods for family, methods in groups.items() if methods}
