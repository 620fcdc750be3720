"""Uncertainty of a sum of mean scores whose training seeds and test rows are crossed: variance components and t.

A seed's score on a row is modelled as mean + effect of the seed + effect of the row + rest. The variance of a mean over
S seeds and R rows is then var(seeds) / S + var(rows) / R + var(rest) / (S R). The mean squares of seeds and of rows
both hold the rest, so that it is taken once from that of the rows, which have far more degrees of freedom.

Degrees of freedom: Satterthwaite's (1946) for variances of one kind, for example those of several tasks. For seeds and
rows together 1 / freedom is the mean of both, weighted by their variances. Satterthwaite's formula squares these
weights. Its intervals for three seeds cover 92 % in the worst case, because a variance that is small by chance also
seems to be well known. tests/statistics/test_coverage.py simulates what the intervals cover.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scalearn.statistics.interval import Covers, Interval
from scalearn.statistics.sums import Value

Array = npt.NDArray[np.float64]
CONFIDENCE = 0.95


@dataclass(frozen=True, eq=False)
class Runs:
    """The runs of one method on one task.

    values: (runs, units), a value per unit of test rows whose mean is the run's score (`unit_values`).
    levels: what varies from run to run, a name per run. Runs with the same name, also of other tasks and methods, vary
        together, for example those that share source adapters; all others vary independently.
    drawn: (draws, runs), the scores on redrawn rows, if there is a bootstrap.
    """

    task: str
    values: Array
    levels: tuple[Hashable, ...]
    drawn: Array | None = None


class Term(NamedTuple):
    """A part of an estimate: `weight` times the mean score of the runs."""

    weight: float
    runs: Runs


class Component(NamedTuple):
    """A variance and its degrees of freedom."""

    variance: float
    freedom: float


@dataclass(frozen=True)
class Estimate:
    """A weighted sum of mean scores with the variance that it has over new seeds and new rows."""

    value: float
    variance: float
    freedom: float
    covers: Covers

    @property
    def error(self) -> float:
        """The standard error."""
        return math.sqrt(self.variance)

    @property
    def p(self) -> float | None:
        """The two-sided p of the value 0; None if there is no spread, or only that over rows."""
        from scipy.special import stdtr

        if self.covers == "rows" or not self.variance:
            return None
        return float(2 * stdtr(self.freedom, -abs(self.value) / self.error))

    @property
    def interval(self) -> Interval | None:
        """The t-interval; None if there is no spread."""
        from scipy.special import stdtrit

        if not self.variance:
            return None
        half = float(stdtrit(self.freedom, (1 + CONFIDENCE) / 2)) * self.error
        return Interval(self.value - half, self.value + half, self.covers)

    @property
    def detectable(self) -> float:
        """The least difference that a test at 5 % would find 4 times in 5, if the true value is that far from 0."""
        from scipy.special import stdtrit

        return float(stdtrit(self.freedom, (1 + CONFIDENCE) / 2) + stdtrit(self.freedom, 0.8)) * self.error


def unit_values(terms: Array, value: Value) -> Array:
    """Return jackknife values of runs on units, shape (runs, units). The mean over units is the run's score.

    Args:
        terms: (runs, units, terms) of `sums.Sums`.
        value: The metric as a function of sums.
    """
    units = terms.shape[1]
    sums = terms.sum(axis=1)
    scores = value(sums)
    if units < 2:
        return np.repeat(scores[:, None], units, axis=1)
    without = np.stack([value(of_run - of_units) for of_run, of_units in zip(sums, terms, strict=True)])
    values = (units - 1) * (without.mean(axis=1, keepdims=True) - without)
    return np.asarray(values + scores[:, None])


def estimate(terms: Sequence[Term]) -> Estimate | None:
    """Return the sum of the terms with its variance, or None if a task has fewer than two units of rows.

    If a method has one seed, the variance is that over rows, with this seed.
    """
    if any(runs.values.shape[1] < 2 for _, runs in terms):
        return None
    value = float(sum(weight * runs.values.mean() for weight, runs in terms))
    rows = list(_over_rows(terms))
    if any(len(runs.levels) < 2 for _, runs in terms):
        return Estimate(value, *_pooled(rows), "rows")
    seeds, rest = zip(*(_over_seeds(terms, members, levels) for members, levels in strata(terms)), strict=True)
    of_rest = [component for of_stratum in rest for component in of_stratum]
    return Estimate(value, *_total(rows, list(seeds), of_rest), "seeds and rows")


def strata(terms: Sequence[Term]) -> list[tuple[tuple[int, ...], list[Hashable]]]:
    """Return the levels that belong to the same terms, as pairs of (indices of these terms, levels)."""
    members: dict[Hashable, list[int]] = defaultdict(list)
    for index, term in enumerate(terms):
        for level in term.runs.levels:
            members[level].append(index)
    groups: dict[tuple[int, ...], list[Hashable]] = defaultdict(list)
    for level, of_level in members.items():
        groups[tuple(of_level)].append(level)
    return list(groups.items())


def _over_rows(terms: Sequence[Term]) -> Iterator[Component]:
    """Yield the variance over new rows for each task."""
    by_task: dict[str, Array] = {}
    for weight, runs in terms:
        values = weight * runs.values.mean(axis=0)
        by_task[runs.task] = by_task[runs.task] + values if runs.task in by_task else values
    for values in by_task.values():
        yield Component(float(values.var(ddof=1)) / len(values), len(values) - 1)


def _over_seeds(
    terms: Sequence[Term], members: Sequence[int], levels: Sequence[Hashable]
) -> tuple[Component, list[Component]]:
    """Return the variance over new seeds in the terms of a stratum, and that of the rest, by task."""
    if len(levels) == 1:
        return _bound(terms, members), []
    by_task: dict[str, Array] = {}
    for index in members:
        weight, runs = terms[index]
        places = [runs.levels.index(level) for level in levels]
        values = weight / len(runs.levels) * runs.values[places]
        by_task[runs.task] = by_task[runs.task] + values if runs.task in by_task else values
    count = len(levels)
    of_seeds = np.asarray(sum(values.mean(axis=1) for values in by_task.values()))
    rest = []
    for values in by_task.values():
        units = values.shape[1]
        left = values - values.mean(axis=0) - values.mean(axis=1, keepdims=True) + values.mean()
        freedom = (count - 1) * (units - 1)
        rest.append(Component(count * float((left**2).sum()) / freedom / units, freedom))
    return Component(count * float(of_seeds.var(ddof=1)), count - 1), rest


def _bound(terms: Sequence[Term], members: Sequence[int]) -> Component:
    """Return the greatest variance that a single level of these terms can add: as if their scores varied alike."""
    spreads = [
        abs(terms[index].weight) / len(terms[index].runs.levels) * terms[index].runs.values.mean(axis=1).std(ddof=1)
        for index in members
    ]
    return Component(float(sum(spreads)) ** 2, min(len(terms[index].runs.levels) for index in members) - 1)


def _total(rows: list[Component], seeds: list[Component], rest: list[Component]) -> Component:
    """Return seeds + (rows - rest). The rest is taken from the rows' variance because that is known better."""
    of_rows, of_seeds = _pooled(rows), _pooled(seeds)
    beyond = max(of_rows.variance - sum(component.variance for component in rest), 0.0)
    variance = of_seeds.variance + beyond
    if not variance:
        return of_rows
    freedom = variance / (of_seeds.variance / of_seeds.freedom + beyond / of_rows.freedom)
    return Component(variance, max(freedom, 1.0))


def _pooled(components: list[Component]) -> Component:
    """Return the sum of independent variances with Satterthwaite's degrees of freedom."""
    variance = sum(component.variance for component in components)
    spread = sum(component.variance**2 / component.freedom for component in components)
    return Component(variance, max(variance**2 / spread, 1.0) if spread else 1.0)
