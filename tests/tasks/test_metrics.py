"""Metrics of predictions: known values, and none that is NaN."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from scalearn.tasks.metrics import baseline, compute

ALL = ("accuracy", "f1", "matthews")
BOTH = ("pearson", "spearman")


def one_hot(predictions: list[int], classes: int) -> np.ndarray:
    return np.eye(classes)[predictions] * 3 - 1


def test_two_classes_by_hand() -> None:
    # class 1: two hits, one miss, one false alarm
    labels = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
    scores = compute(ALL, "classification", labels, one_hot([1, 1, 0, 1, 0, 0], 2))
    assert scores == pytest.approx({"accuracy": 4 / 6, "f1": 2 / 3, "matthews": 1 / 3})
    assert list(scores) == list(ALL)


def test_f1_of_two_classes_is_that_of_class_1_even_if_only_class_0_occurs() -> None:
    assert compute(["f1"], "classification", np.zeros(3), one_hot([0, 0, 0], 2)) == {"f1": 0.0}


def test_f1_of_three_classes_is_macro_even_if_class_2_does_not_occur() -> None:
    labels, logits = np.array([0, 0, 1, 1]), one_hot([0, 0, 1, 0], 3)
    assert compute(["f1"], "classification", labels, logits)["f1"] == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_correlations_by_hand() -> None:
    labels = np.array([0.0, 1.0, 2.0, 5.0])
    scores = compute(BOTH, "regression", labels, np.array([[0.0], [1.0], [4.0], [25.0]], dtype=np.float32))
    assert scores["spearman"] == pytest.approx(1.0)
    assert scores["pearson"] == pytest.approx(np.corrcoef(labels, [0, 1, 4, 25])[0, 1])


@pytest.mark.parametrize("predictions", [[2.0, 2.0, 2.0], [math.nan, 1.0, 2.0], [math.inf, 1.0, 2.0]])
def test_an_undefined_correlation_is_zero_without_a_warning(predictions: list[float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = compute(BOTH, "regression", np.array([0.0, 1.0, 2.0]), np.array(predictions)[:, None])
    assert all(value == 0.0 or math.isfinite(value) for value in scores.values())
    assert scores["pearson"] == 0.0


def test_the_baseline_of_a_class_and_of_a_mean() -> None:
    labels = np.array([0.0, 0.0, 0.0, 1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert baseline(ALL, "classification", labels, 0) == {"accuracy": 0.75, "f1": 0.0, "matthews": 0.0}
        assert baseline(["f1"], "classification", labels, 1) == {"f1": pytest.approx(0.4)}
        assert baseline(["f1"], "classification", labels, 0, classes=3) == {"f1": pytest.approx(3 / 7)}
        assert baseline(BOTH, "regression", labels, 0.25, classes=1) == {"pearson": 0.0, "spearman": 0.0}
