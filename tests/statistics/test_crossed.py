"""Variance components against slow forms, and what varies together."""

from __future__ import annotations

import numpy as np
import pytest

from scalearn.statistics.crossed import Runs, Term, estimate, unit_values
from scalearn.statistics.moments import ratio


def values(runs: int, units: int, seed: int = 0, of_seeds: float = 1.0, of_rows: float = 1.0) -> np.ndarray:
    """Return crossed values: an effect of each run, one of each unit, and a rest."""
    rng = np.random.default_rng(seed)
    effects = of_seeds * rng.normal(size=(runs, 1)) + of_rows * rng.normal(size=(1, units))
    return np.asarray(effects + rng.normal(size=(runs, units)))


def runs_of(table: np.ndarray, name: str = "a", task: str = "rte") -> Runs:
    return Runs(task, table, tuple((name, run) for run in range(len(table))))


def slow_variance(table: np.ndarray) -> float:
    """Return the variance of the mean by analysis of variance, with loops over the sums of squares."""
    runs, units = table.shape
    mean = table.mean()
    of_runs = sum(units * (row.mean() - mean) ** 2 for row in table) / (runs - 1)
    of_units = sum(runs * (column.mean() - mean) ** 2 for column in table.T) / (units - 1)
    rest = sum(
        (table[run, unit] - table[run].mean() - table[:, unit].mean() + mean) ** 2
        for run in range(runs)
        for unit in range(units)
    ) / ((runs - 1) * (units - 1))
    seeds, rows = (of_runs - rest) / units, (of_units - rest) / runs
    return float(seeds / runs + rows / units + rest / (runs * units))


def test_the_variance_of_a_mean_is_that_of_the_analysis_of_variance() -> None:
    table = values(4, 30)
    result = estimate([Term(1.0, runs_of(table))])
    assert result is not None
    assert result.value == pytest.approx(table.mean())
    assert result.variance == pytest.approx(slow_variance(table))
    assert 3 <= result.freedom < 32


def test_runs_that_vary_together_are_compared_pair_by_pair() -> None:
    one, other = values(4, 30), values(4, 30, seed=1)
    result = estimate([Term(1.0, runs_of(one)), Term(-1.0, runs_of(other))])
    assert result is not None
    assert result.variance == pytest.approx(slow_variance(one - other))


def test_seeds_of_runs_that_share_nothing_are_independent_and_their_rows_are_shared() -> None:
    one, other = values(400, 50), values(300, 50, seed=1, of_seeds=2.0)
    both = one.mean(axis=0) - other.mean(axis=0)
    expected = both.var(ddof=1) / 50 + one.mean(axis=1).var(ddof=1) / 400 + other.mean(axis=1).var(ddof=1) / 300
    result = estimate([Term(1.0, runs_of(one)), Term(-1.0, runs_of(other, "b"))])
    assert result is not None
    assert result.variance == pytest.approx(expected, rel=0.02)  # but for the rest, which is small here
    shared = other + one.mean(axis=0) * 3
    apart = estimate([Term(1.0, runs_of(one)), Term(-1.0, runs_of(shared, "b", task="cb"))])
    assert apart is not None
    assert apart.variance > result.variance


def test_a_joint_run_varies_in_all_its_tasks_at_once() -> None:
    effect = np.random.default_rng(2).normal(size=(20, 1)) * 5
    first, second = values(20, 40) + effect, values(20, 60, seed=1) + effect
    average = [Term(0.5, runs_of(first)), Term(0.5, runs_of(second, task="cb"))]
    independent = [Term(0.5, runs_of(first)), Term(0.5, runs_of(second, "b", task="cb"))]
    together, apart = estimate(average), estimate(independent)
    assert together is not None
    assert apart is not None
    assert together.variance == pytest.approx(((first.mean(1) + second.mean(1)) / 2).var(ddof=1) / 20, rel=0.1)
    assert together.variance > 1.6 * apart.variance


def test_a_seed_that_only_one_of_two_has_adds_at_most_its_own_spread() -> None:
    one, other = values(4, 30), values(3, 30, seed=1)
    result = estimate([Term(1.0, runs_of(one)), Term(-1.0, runs_of(other))])
    all_apart = estimate([Term(1.0, runs_of(one)), Term(-1.0, runs_of(other, "b"))])
    assert result is not None
    assert all_apart is not None
    assert 0.3 * all_apart.variance < result.variance < 3 * all_apart.variance


def test_one_seed_has_an_interval_for_new_rows_alone_and_no_p() -> None:
    table = values(1, 100)
    result = estimate([Term(1.0, runs_of(table))])
    assert result is not None
    assert result.covers == "rows"
    assert result.variance == pytest.approx(table.var(ddof=1) / 100)
    assert result.p is None


def test_runs_that_never_differ_have_no_interval_and_no_p() -> None:
    result = estimate([Term(1.0, runs_of(np.ones((3, 50))))])
    assert result is not None
    assert (result.interval, result.p) == (None, None)


def test_a_single_row_cannot_be_judged() -> None:
    assert estimate([Term(1.0, runs_of(np.ones((3, 1))))]) is None


def test_interval_and_p_agree() -> None:
    table = values(5, 40) + 0.7
    result = estimate([Term(1.0, runs_of(table))])
    assert result is not None
    assert result.interval is not None
    at_its_end = estimate([Term(1.0, runs_of(table - result.interval.low))])
    assert at_its_end is not None
    assert at_its_end.p == pytest.approx(0.05)


def test_values_of_units_have_the_score_as_their_mean_and_the_jackknifes_spread() -> None:
    rng = np.random.default_rng(0)
    terms = np.stack([rng.integers(0, 4, (2, 30)), rng.integers(1, 5, (2, 30))], axis=2).astype(float)
    result = unit_values(terms, ratio)
    for of_run, of_units in zip(result, terms, strict=True):
        score = of_units[:, 0].sum() / of_units[:, 1].sum()
        without = [np.delete(of_units[:, 0], unit).sum() / np.delete(of_units[:, 1], unit).sum() for unit in range(30)]
        jackknife = 29 / 30 * sum((value - np.mean(without)) ** 2 for value in without)
        assert of_run.mean() == pytest.approx(score)
        assert of_run.var(ddof=1) / 30 == pytest.approx(jackknife)
