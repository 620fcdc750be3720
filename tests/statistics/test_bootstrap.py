"""The Multi-Bootstrap against a slow form that redraws seeds and rows one by one."""

from __future__ import annotations

import numpy as np
import pytest

from scalearn.statistics.bootstrap import bootstrap_interval, bootstrap_p, draw_scores, draw_sums
from scalearn.statistics.crossed import Runs, Term, estimate, unit_values
from scalearn.statistics.sums import sums_of
from scalearn.tasks.metrics import Outcome


def outcomes(runs: int, rows: int = 80) -> list[Outcome]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, rows).astype(float)
    hard = rng.normal(size=rows)
    return [Outcome(labels, np.stack([-labels, labels + hard + rng.normal(size=rows)], axis=1)) for _ in range(runs)]


def runs_of(of_runs: list[Outcome], draws: int, name: str = "a") -> Runs:
    sums = [sums_of("matthews", "classification", outcome) for outcome in of_runs]
    terms, value = np.stack([of.terms for of in sums]), sums[0].value
    drawn = draw_scores(terms, value, draws)
    return Runs("cola", unit_values(terms, value), tuple((name, run) for run in range(len(sums))), drawn)


def test_draws_spread_as_those_of_a_slow_form() -> None:
    of_runs, slow = outcomes(10), []
    labels = of_runs[0].labels
    predictions = [outcome.logits.argmax(axis=1) for outcome in of_runs]
    rng = np.random.default_rng(5)
    for _ in range(1500):
        rows, seeds = rng.integers(0, 80, 80), rng.integers(0, 10, 10)
        # Matthews' correlation is Pearson's of zeros and ones.
        slow.append(np.mean([np.corrcoef(labels[rows], predictions[seed][rows])[0, 1] for seed in seeds]))
    draws = draw_sums([Term(1.0, runs_of(of_runs, 4000))])
    assert draws is not None
    assert draws.mean() == pytest.approx(np.mean(slow), abs=0.01)
    assert draws.std() == pytest.approx(np.std(slow), rel=0.06)
    assert np.quantile(draws, [0.05, 0.5, 0.95]) == pytest.approx(np.quantile(slow, [0.05, 0.5, 0.95]), abs=0.02)


def test_all_runs_get_the_same_rows_in_a_draw() -> None:
    one = outcomes(1)[0]
    draws = draw_sums([Term(1.0, runs_of([one] * 10, 500)), Term(-1.0, runs_of([one] * 10, 500, "b"))])
    assert draws is not None
    assert np.abs(draws).max() < 1e-6


def test_a_draw_takes_as_many_units_as_there_are() -> None:
    terms = np.ones((1, 30, 1))
    assert draw_scores(terms, lambda sums: sums[..., 0], 50).tolist() == [[30.0]] * 50


def test_the_same_seed_draws_the_same() -> None:
    of_runs = outcomes(10)
    first, second = (draw_sums([Term(1.0, runs_of(of_runs, 200))]) for _ in range(2))
    assert first is not None
    assert first.tobytes() == np.asarray(second).tobytes()


def test_interval_and_p_agree() -> None:
    runs = runs_of(outcomes(10), 4000)
    terms = [Term(1.0, runs)]
    draws, of = draw_sums(terms), estimate(terms)
    assert draws is not None
    assert of is not None
    interval = bootstrap_interval(draws, of)
    assert interval is not None
    assert interval.by == "bootstrap"
    assert bootstrap_p(draws - interval.low, of) == pytest.approx(0.05, abs=0.005)
    assert (bootstrap_p(draws, of) or 1) < 0.01


def test_too_few_seeds_have_no_bootstrapped_interval() -> None:
    terms = [Term(1.0, runs_of(outcomes(2), 1000))]
    draws, of = draw_sums(terms), estimate(terms)
    assert draws is not None
    assert of is not None
    assert of.freedom < 10
    assert bootstrap_interval(draws[:100], of) is None


def test_without_drawn_rows_there_is_no_bootstrap() -> None:
    runs = Runs("cola", np.ones((10, 5)), tuple(range(10)))
    assert draw_sums([Term(1.0, runs)]) is None
