"""How often 95 % intervals hold the true value, on simulated runs whose seeds and rows are crossed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from scipy.stats import norm, t

from scalearn.statistics.bootstrap import bootstrap_interval, draw_scores, draw_sums
from scalearn.statistics.crossed import Runs, Term, estimate, unit_values
from scalearn.statistics.interval import Interval
from scalearn.statistics.moments import ratio


class Spread(NamedTuple):
    """Standard deviations of the effects, and how many rows a group has."""

    seeds: float
    rows: float
    rest: float
    group: int = 1


EVEN = Spread(0.3, 3, 3)
SEEDS = Spread(0.3, 1, 1)
ROWS = Spread(0.02, 3, 1)
GROUPS = Spread(0.2, 3, 1, group=4)
UNITS = 150


def simulated(rng: np.random.Generator, runs: int, spread: Spread, rows: np.ndarray) -> np.ndarray:
    """Return values of runs on test rows, shape (runs, units, 2): sums and counts. The true mean is 0."""
    of_rows = np.repeat(rows * spread.rows, spread.group, axis=1)
    values = spread.seeds * rng.normal(size=(runs, 1)) + of_rows
    values = values + spread.rest * rng.normal(size=values.shape)
    return np.stack([values, np.ones_like(values)], axis=2).reshape(runs, len(rows[0]), spread.group, 2).sum(axis=2)


def runs_of(terms: np.ndarray, name: str, draws: int) -> Runs:
    drawn = draw_scores(terms, ratio, draws) if draws else None
    return Runs("rte", unit_values(terms, ratio), tuple((name, run) for run in range(len(terms))), drawn)


def interval_of(terms: list[Term]) -> Interval | None:
    of, draws = estimate(terms), draw_sums(terms)
    assert of is not None
    return of.interval if draws is None else bootstrap_interval(draws, of)


def coverage(runs: int, spread: Spread, times: int, draws: int = 0, difference: bool = False) -> float:
    """Return the share of simulated campaigns whose interval holds the true value 0."""
    hits = 0
    for time in range(times):
        rng = np.random.default_rng(time)
        rows = rng.normal(size=(1, UNITS))
        terms = [Term(1.0, runs_of(simulated(rng, runs, spread, rows), "a", draws))]
        if difference:  # the other method finds half of the same rows as hard
            other = simulated(rng, runs, spread, 0.5 * rows + 0.5 * rng.normal(size=(1, UNITS)))
            terms.append(Term(-1.0, runs_of(other, "b", draws)))
        interval = interval_of(terms)
        hits += interval is not None and 0.0 in interval
    return hits / times


@pytest.mark.parametrize("spread", [EVEN, SEEDS, ROWS, GROUPS], ids=["even", "seeds", "rows", "groups"])
@pytest.mark.parametrize(("runs", "difference"), [(3, False), (5, False), (10, False), (3, True), (10, True)])
def test_t_intervals_cover(runs: int, spread: Spread, difference: bool) -> None:
    assert 0.93 <= coverage(runs, spread, 1500, difference=difference) <= 0.97


@pytest.mark.parametrize("spread", [EVEN, SEEDS, GROUPS], ids=["even", "seeds", "groups"])
@pytest.mark.parametrize("difference", [False, True])
def test_the_bootstrap_covers_from_ten_seeds_on(spread: Spread, difference: bool) -> None:
    assert 0.93 <= coverage(10, spread, 400, draws=1000, difference=difference) <= 0.97


def test_the_intervals_of_shares_of_right_rows_cover() -> None:
    hits, truth = 0, float(norm.cdf(0.8 / (0.2**2 + 1 + 1) ** 0.5))
    for time in range(1500):
        rng = np.random.default_rng(time)
        values = 0.2 * rng.normal(size=(3, 1)) + rng.normal(size=(1, UNITS)) + rng.normal(size=(3, UNITS))
        right = (values > -0.8).astype(float)
        interval = interval_of([Term(1.0, runs_of(np.stack([right, np.ones_like(right)], axis=2), "a", 0))])
        hits += interval is not None and truth in interval
    assert 0.93 <= hits / 1500 <= 0.97


def test_plain_percentiles_of_ten_seeds_would_not_cover() -> None:
    """Why percentiles are expanded."""
    hits = 0
    for time in range(400):
        rng = np.random.default_rng(time)
        terms = simulated(rng, 10, Spread(1, 0, 1), rng.normal(size=(1, UNITS)))
        draws = draw_sums([Term(1.0, runs_of(terms, "a", 500))], seed=time)
        assert draws is not None
        low, high = np.quantile(draws, [0.025, 0.975])
        hits += low <= 0 <= high
    assert hits / 400 < 0.93


@pytest.mark.parametrize(("joint", "runs"), [(False, 3), (True, 3), (True, 10)])
def test_the_intervals_of_averages_over_eight_tasks_cover(joint: bool, runs: int) -> None:
    hits, times = 0, 600
    for time in range(times):
        rng = np.random.default_rng(time)
        of_joint = 0.3 * rng.normal(size=(runs, 1))
        terms = []
        for task in range(8):
            of_seeds = of_joint if joint else 0.3 * rng.normal(size=(runs, 1))
            values = of_seeds + rng.normal(size=(1, UNITS)) + rng.normal(size=(runs, UNITS))
            levels = tuple(("joint", run) if joint else (task, run) for run in range(runs))
            terms.append(Term(1 / 8, Runs(str(task), values, levels)))
        interval = interval_of(terms)
        hits += interval is not None and 0.0 in interval
    assert 0.93 <= hits / times <= 0.97


@pytest.mark.parametrize(("ours", "theirs"), [(10, 3), (3, 10)])
def test_differences_of_methods_with_unequal_seeds_cover(ours: int, theirs: int) -> None:
    hits, times = 0, 1000
    for time in range(times):
        rng = np.random.default_rng(time)
        rows = rng.normal(size=(1, UNITS))
        terms = [
            Term(1.0, runs_of(simulated(rng, ours, EVEN, rows), "a", 0)),
            Term(-1.0, runs_of(simulated(rng, theirs, EVEN, rows), "b", 0)),
        ]
        interval = interval_of(terms)
        hits += interval is not None and 0.0 in interval
    assert 0.93 <= hits / times <= 0.97


@pytest.mark.parametrize("spread", [EVEN, SEEDS, ROWS], ids=["even", "seeds", "rows"])
@pytest.mark.parametrize("difference", [False, True])
def test_two_seeds_cover_less_but_not_much_less(spread: Spread, difference: bool) -> None:
    assert 0.89 <= coverage(2, spread, 1500, difference=difference) <= 0.97


def test_satterthwaites_freedom_of_seeds_and_rows_would_not_cover() -> None:
    """Why variances of seeds and rows are weighted without the square: three seeds, most of the variance theirs."""
    rng = np.random.default_rng(0)
    of_seeds = 0.9 * rng.chisquare(2, 20_000) / 2  # estimates; the true variances are 0.9 and 0.1
    variance = of_seeds + 0.1
    half = t.ppf(0.975, variance**2 / (of_seeds**2 / 2 + 0.1**2 / 1000)) * np.sqrt(variance)
    ours = t.ppf(0.975, variance / (of_seeds / 2 + 0.1 / 1000)) * np.sqrt(variance)
    errors = np.abs(rng.normal(size=20_000))
    assert (errors < half).mean() < 0.93
    assert (errors < ours).mean() > 0.935
