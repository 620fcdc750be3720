"""Any number of labels per row, against counts made without any library."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalearn.tasks.definition import METRICS
from scalearn.tasks.metrics import Outcome, compute

ALL = METRICS["multi_label"]


def scores(labels: list[list[int]], logits: list[list[float]]) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return compute(ALL, "multi_label", Outcome(np.array(labels, dtype=np.float32), np.array(logits)))


def slow(labels: list[list[int]], logits: list[list[float]]) -> dict[str, float]:
    """The same by counting: a label is given where its logit is above 0, and 0/0 is 0."""
    given = [[int(logit > 0) for logit in row] for row in logits]
    count = len(labels[0])
    precision, recall, f1 = [], [], []
    for label in range(count):
        hits = sum(a[label] and b[label] for a, b in zip(labels, given, strict=True))
        found, true = sum(row[label] for row in given), sum(row[label] for row in labels)
        precision.append(hits / found if found else 0.0)
        recall.append(hits / true if true else 0.0)
        f1.append(2 * hits / (found + true) if found + true else 0.0)
    right = sum(a == b for a, b in zip(labels, given, strict=True))
    values = (sum(f1) / count, sum(precision) / count, sum(recall) / count, right / len(labels))
    return dict(zip(ALL, values, strict=True))


LOGIT = st.sampled_from([-2.0, -1e-30, 0.0, 1e-30, 2.0, math.nan, math.inf, -math.inf])


@st.composite
def rows(draw: st.DrawFn) -> tuple[list[list[int]], list[list[float]]]:
    count, size = draw(st.integers(1, 4)), draw(st.integers(1, 8))
    labels = st.lists(st.lists(st.integers(0, 1), min_size=count, max_size=count), min_size=size, max_size=size)
    logits = st.lists(st.lists(LOGIT, min_size=count, max_size=count), min_size=size, max_size=size)
    return draw(labels), draw(logits)


@settings(deadline=None)  # the first example imports scikit-learn
@given(rows())
def test_any_rows_against_the_slow_form(drawn: tuple[list[list[int]], list[list[float]]]) -> None:
    assert scores(*drawn) == pytest.approx(slow(*drawn))


def test_three_labels_by_hand() -> None:
    # label 0: 1 hit, 1 miss; label 1: 1 hit, 2 false alarms; label 2: neither occurs nor is given.
    # Row 1 has no label and is right; row 3 has none and gets one.
    labels = [[1, 1, 0], [0, 0, 0], [1, 0, 0], [0, 0, 0]]
    logits = [[2.0, 0.5, -1.0], [-1.0, -1.0, -1.0], [-0.1, 3.0, -1.0], [-2.0, 0.1, 0.0]]
    assert scores(labels, logits) == pytest.approx(
        {
            "macro_f1": (2 / 3 + 1 / 2 + 0) / 3,
            "macro_precision": (1 + 1 / 3 + 0) / 3,
            "macro_recall": (1 / 2 + 1 + 0) / 3,
            "subset_accuracy": 2 / 4,
        }
    )


def test_a_probability_of_exactly_one_half_gives_no_label() -> None:
    assert scores([[0, 0]], [[0.0, -0.0]])["subset_accuracy"] == 1.0


def test_rows_without_any_label_and_none_given() -> None:
    assert list(scores([[0, 0], [0, 0]], [[-1.0, -1.0], [-1.0, math.nan]]).values()) == [0.0, 0.0, 0.0, 1.0]
