"""The runs behind a table's cells as `statistics` takes them: values per unit of test rows, and what varies by run."""

from __future__ import annotations

import zlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scalearn.errors import UserError
from scalearn.results.layout import Layout
from scalearn.results.records import RUN, Part, RunRecord, ScoreRecord
from scalearn.results.scores import main_outcome
from scalearn.statistics.bootstrap import FEWEST_SEEDS, draw_scores
from scalearn.statistics.crossed import Runs, unit_values
from scalearn.statistics.sums import sums_of


@dataclass(frozen=True)
class FinishedRun:
    """A run behind a cell; a joint run is behind the cells of several tasks."""

    row: str
    part: Part
    record: ScoreRecord


def measured(task: str, finished: Sequence[FinishedRun], layout: Layout, runs: Path) -> dict[str, Runs]:
    """Return the finished runs of a task by row, measured on the main test rows by the headline metric.

    Raises: UserError if a run's predictions are missing or damaged or give another score than its record, or two runs
        were tested on different rows.
    """
    of_runs, labels = [], []
    for run in finished:
        folder = runs / run.part.folder
        outcome = main_outcome(folder, run.record.positive)
        labels.append(outcome.labels)
        of_runs.append(sums_of(run.record.headline, RunRecord.read(folder / RUN).task.kind, outcome))
    for run, sums, of_run in zip(finished, of_runs, labels, strict=True):
        if sums.terms.shape != of_runs[0].terms.shape or not np.array_equal(of_run, labels[0]):
            raise UserError(f"{runs / run.part.folder}: it was tested on other rows than {finished[0].part.folder}")
    if not of_runs:
        return {}
    terms, value = np.stack([sums.terms for sums in of_runs]), of_runs[0].value
    values, levels = unit_values(terms, value), _levels(finished, layout, runs)
    for run, of_run in zip(finished, values, strict=True):
        if not abs(float(of_run.mean()) - run.record.score) <= 1e-6:  # also where one of them is no number
            raise UserError(f"{runs / run.part.folder}: its predictions give another score than its record says")
    places = {run.row: [place for place, other in enumerate(finished) if other.row == run.row] for run in finished}
    drawing = [place for of_row in places.values() if _is_drawn(len(of_row), layout) for place in of_row]
    drawn = (
        dict(zip(drawing, draw_scores(terms[drawing], value, seed=zlib.crc32(task.encode())).T, strict=True))
        if drawing
        else {}
    )
    return {
        row: Runs(
            task,
            values[of_row],
            tuple(levels[place] for place in of_row),
            np.stack([drawn[place] for place in of_row], axis=1) if of_row[0] in drawn else None,
        )
        for row, of_row in places.items()
    }


def _is_drawn(seeds: int, layout: Layout) -> bool:
    """Return whether the intervals of a row with so many seeds are bootstrapped."""
    return layout.intervals == "bootstrap" or (layout.intervals == "auto" and seeds >= FEWEST_SEEDS)


def _levels(finished: Sequence[FinishedRun], layout: Layout, runs: Path) -> list[Hashable]:
    """Return what varies with each run: the seed of its source adapters if other runs share them, else the run itself.

    A joint run is one run for all tasks.
    """
    if layout.source_seed != "paired":
        return [run.part.run for run in finished]
    sources = [RunRecord.read(runs / run.part.folder / RUN).run_spec.sources for run in finished]
    composed = {source for of_run in sources for source in of_run}
    return [
        ("source seed", run.record.identity.seed) if of_run or run.part.run in composed else run.part.run
        for run, of_run in zip(finished, sources, strict=True)
    ]
