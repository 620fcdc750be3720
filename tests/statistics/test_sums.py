"""Every metric as a function of sums equals the metric of scalearn.tasks.metrics, on all rows and on redrawn ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scalearn.statistics.sums import sums_of
from scalearn.tasks.definition import METRICS
from scalearn.tasks.metrics import Outcome, compute

CASES = [(kind, metric) for kind, metrics in METRICS.items() for metric in metrics]


def outcome_of(kind: str, rows: int = 60, classes: int = 3, seed: int = 0) -> Outcome:
    """Return random labels and logits, some of them NaN; groups of three rows where a kind has groups."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(rows, classes))
    if kind == "multi_label":
        return Outcome((rng.random((rows, classes)) < 0.3).astype(float), logits)
    if kind == "regression":
        return Outcome(np.round(rng.normal(size=rows), 1), logits[:, :1])
    if kind == "candidates":
        words = ["the red house", "a red dog", "house", "Dog!", ""]
        answers = [[words[question % 5], words[(question + 1) % 5]] for question in np.repeat(np.arange(rows // 3), 3)]
        candidate = [words[index] for index in rng.integers(0, 5, rows)]
        group = np.repeat(np.arange(rows // 3)[::-1], 3)
        return Outcome(np.zeros(rows), logits[:, :2], group, candidate, answers)
    logits[::17] = np.nan
    group = np.repeat(np.arange(rows // 3), 3) if kind == "classification" else None
    return Outcome(rng.integers(0, classes, rows).astype(float), logits, group)


@pytest.mark.parametrize(("kind", "metric"), CASES)
@pytest.mark.parametrize("classes", [2, 3])
def test_the_sum_over_all_units_is_the_metric(kind: str, metric: str, classes: int) -> None:
    outcome = outcome_of(kind, classes=classes)
    sums = sums_of(metric, kind, outcome)
    assert sums.value(sums.terms.sum(axis=0)) == pytest.approx(compute([metric], kind, outcome)[metric], abs=1e-12)


def rows_of_units(outcome: Outcome, metric: str, units: np.ndarray) -> np.ndarray:
    """Return the rows of these units: of groups, where there are any."""
    if outcome.group is None:
        return units
    return np.concatenate([np.flatnonzero(outcome.group == name) for name in np.unique(outcome.group)[units]])


@pytest.mark.parametrize(("kind", "metric"), [case for case in CASES if case[1] != "spearman"])
def test_the_sum_over_drawn_units_is_the_metric_of_their_rows(kind: str, metric: str) -> None:
    outcome = outcome_of(kind)
    sums = sums_of(metric, kind, outcome)
    units = np.random.default_rng(1).integers(0, len(sums.terms), len(sums.terms))
    rows = rows_of_units(outcome, metric, units)
    copies = np.repeat(np.arange(len(units)), len(rows) // len(units))
    drawn = Outcome(
        outcome.labels[rows],
        outcome.logits[rows],
        None if outcome.group is None else copies,  # a question that is drawn twice is two questions
        None if outcome.candidate is None else [outcome.candidate[row] for row in rows],
        None if outcome.answers is None else [outcome.answers[row] for row in rows],
    )
    assert sums.value(sums.terms[units].sum(axis=0)) == pytest.approx(compute([metric], kind, drawn)[metric], abs=1e-9)


def test_f1_is_of_the_positive_class() -> None:
    outcome = replace(outcome_of("classification", classes=2), positive=0)
    sums = sums_of("f1", "classification", outcome)
    assert sums.value(sums.terms.sum(axis=0)) == pytest.approx(compute(["f1"], "classification", outcome)["f1"])


@pytest.mark.parametrize("predictions", [np.full(9, 2.0), np.array([np.nan, *np.arange(8)])])
def test_a_correlation_that_is_undefined_is_zero(predictions: np.ndarray) -> None:
    sums = sums_of("pearson", "regression", Outcome(np.arange(9.0), predictions[:, None]))
    assert sums.value(sums.terms.sum(axis=0)) == 0.0


def test_rows_of_a_group_are_one_unit() -> None:
    outcome = outcome_of("classification")
    assert sums_of("accuracy", "classification", outcome).terms[:, 1].tolist() == [3.0] * 20
    assert len(sums_of("exact_match", "classification", outcome).terms) == 20


def test_spearmans_blocks_spread_as_redrawn_rows_do() -> None:
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(30):
        labels = rng.normal(size=400)
        outcome = Outcome(labels, (labels + rng.normal(size=400))[:, None])
        values = sums_of("spearman", "regression", outcome).terms[:, 0]
        errors.append(values.std(ddof=1) / len(values) ** 0.5)
    scores = []
    for _ in range(400):
        labels = rng.normal(size=400)
        outcome = Outcome(labels, (labels + rng.normal(size=400))[:, None])
        scores.append(compute(["spearman"], "regression", outcome)["spearman"])
    assert np.mean(errors) == pytest.approx(np.std(scores), rel=0.1)
