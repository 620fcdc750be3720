"""Correlations, against sums and ranks made without any library."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalearn.tasks.metrics import Outcome, compute

BOTH = ("pearson", "spearman")


def scores(targets: list[float], predictions: list[float]) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outcome = Outcome(np.array(targets), np.array(predictions, dtype=np.float32)[:, None])
        return compute(BOTH, "regression", outcome)


def slow_pearson(one: list[float], other: list[float]) -> float:
    if len(set(one)) == 1 or len(set(other)) == 1:
        return 0.0
    mean, other_mean = sum(one) / len(one), sum(other) / len(other)
    above = math.fsum((a - mean) * (b - other_mean) for a, b in zip(one, other, strict=True))
    return above / math.sqrt(math.fsum((a - mean) ** 2 for a in one) * math.fsum((b - other_mean) ** 2 for b in other))


def ranks(values: list[float]) -> list[float]:
    """Equal values share the mean of the places that they take."""
    return [sum(other < value for other in values) + (values.count(value) + 1) / 2 for value in values]


QUARTERS = st.integers(-20, 20).map(lambda number: number / 4)


@settings(deadline=None)  # the first example imports SciPy
@given(st.lists(st.tuples(QUARTERS, QUARTERS), min_size=1, max_size=20))
def test_any_rows_against_the_slow_form(table: list[tuple[float, float]]) -> None:
    targets, predictions = (list(column) for column in zip(*table, strict=True))
    assert scores(targets, predictions) == pytest.approx(
        {"pearson": slow_pearson(targets, predictions), "spearman": slow_pearson(ranks(targets), ranks(predictions))},
        abs=1e-12,
    )


def test_correlations_by_hand() -> None:
    # deviations: -2 -1 0 3 and -1 1 -2 2, whose products sum to 7; squares to 14 and 10. Ranks: 1 2 3 4 and 2 3 1 4
    found = scores([0.0, 1.0, 2.0, 5.0], [0.0, 2.0, -1.0, 3.0])
    assert found == pytest.approx({"pearson": 7 / math.sqrt(140), "spearman": 1 - 6 * 6 / (4 * 15)})
    assert list(found) == list(BOTH)


@pytest.mark.parametrize("predictions", [[2.0, 2.0, 2.0], [math.nan, 1.0, 2.0], [math.nan] * 3, [math.inf] * 3])
def test_an_undefined_correlation_is_zero_without_a_warning(predictions: list[float]) -> None:
    assert scores([0.0, 1.0, 2.0], predictions) == {"pearson": 0.0, "spearman": 0.0}


def test_infinity_has_a_rank_and_no_distance() -> None:
    assert scores([0.0, 1.0, 2.0], [-1.0, 1.0, math.inf]) == {"pearson": 0.0, "spearman": pytest.approx(1.0)}


@pytest.mark.parametrize("targets", [[1.0], [3.0, 3.0]])
def test_one_row_or_one_target_has_no_correlation(targets: list[float]) -> None:
    assert scores(targets, [1.0, 2.0][: len(targets)]) == {"pearson": 0.0, "spearman": 0.0}
