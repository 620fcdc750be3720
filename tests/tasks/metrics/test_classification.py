"""Classes and choices, against counts made without any library."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalearn.errors import UserError
from scalearn.tasks.metrics import Outcome, compute

ALL = ("accuracy", "f1", "matthews")


def scores(labels: list[int], predictions: list[int], classes: int) -> dict[str, float]:
    return compute(ALL, "classification", Outcome(np.array(labels), np.eye(classes)[predictions] * 3 - 1))


def test_f1_of_the_first_of_two_classes() -> None:
    labels, found = [0, 0, 1, 1, 1, 0], [0, 1, 1, 0, 1, 0]
    outcome = Outcome(np.array(labels), np.eye(2)[found], positive=0)
    assert compute(["f1"], "classification", outcome) == {"f1": pytest.approx(f1_of(0, labels, found))}
    assert f1_of(0, labels, found) == pytest.approx(4 / 6)


# ---------------------------------------------------------------------- the slow form


def prediction(logits: list[float]) -> int:
    """The first of the highest; a NaN is lower than any number."""
    numbers = [-math.inf if math.isnan(logit) else logit for logit in logits]
    return numbers.index(max(numbers))


def f1_of(wanted: int, labels: list[int], found: list[int]) -> float:
    hits = sum(a == b == wanted for a, b in zip(labels, found, strict=True))
    mentions = labels.count(wanted) + found.count(wanted)
    return 2 * hits / mentions if mentions else 0.0


def matthews_of(labels: list[int], found: list[int]) -> float:
    """R_K of Gorodkin (2004), from the counts of each class."""
    rows, right = len(labels), sum(a == b for a, b in zip(labels, found, strict=True))
    classes = {*labels, *found}
    above = right * rows - sum(labels.count(k) * found.count(k) for k in classes)
    below = (rows**2 - sum(labels.count(k) ** 2 for k in classes)) * (
        rows**2 - sum(found.count(k) ** 2 for k in classes)
    )
    return above / math.sqrt(below) if below else 0.0


LOGIT = st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0, math.nan, math.inf, -math.inf])


@st.composite
def rows(draw: st.DrawFn) -> tuple[int, list[tuple[int, list[float], int]]]:
    """Draw a number of classes, and rows of a label, logits (ties and NaN among them) and a group."""
    classes = draw(st.integers(2, 4))
    row = st.tuples(
        st.integers(0, classes - 1),
        st.lists(LOGIT, min_size=classes, max_size=classes),
        st.sampled_from([-3, 0, 7, 90]),
    )
    return classes, draw(st.lists(row, min_size=1, max_size=12))


@settings(deadline=None)  # the first example imports scikit-learn
@given(rows())
def test_any_rows_against_the_slow_form(drawn: tuple[int, list[tuple[int, list[float], int]]]) -> None:
    classes, table = drawn
    labels, logits, group = (list(column) for column in zip(*table, strict=True))
    found = [prediction(row) for row in logits]
    right = [a == b for a, b in zip(labels, found, strict=True)]
    each = [f1_of(k, labels, found) for k in sorted({*labels, *found})]
    whole = {g: all(r for r, of in zip(right, group, strict=True) if of == g) for g in group}
    outcome = Outcome(np.array(labels, dtype=np.float64), np.array(logits), group=np.array(group))
    assert compute([*ALL, "exact_match"], "classification", outcome) == pytest.approx(
        {
            "accuracy": sum(right) / len(right),
            "f1": f1_of(1, labels, found) if classes == 2 else sum(each) / len(each),
            "matthews": matthews_of(labels, found),
            "exact_match": sum(whole.values()) / len(whole),
        }
    )
    assert compute(["accuracy"], "multiple_choice", outcome)["accuracy"] == pytest.approx(sum(right) / len(right))


# ---------------------------------------------------------------------- by hand


def test_two_classes_by_hand() -> None:
    # class 1: two hits, one miss, one false alarm
    found = scores([1, 1, 1, 0, 0, 0], [1, 1, 0, 1, 0, 0], 2)
    assert found == pytest.approx({"accuracy": 4 / 6, "f1": 2 / 3, "matthews": 1 / 3})
    assert list(found) == list(ALL)


def test_three_classes_one_of_them_never_predicted() -> None:
    # class 0: 2 hits, 1 false alarm; class 1: 1 hit; class 2: 1 miss
    found = scores([0, 0, 1, 2], [0, 0, 1, 0], 3)
    assert found == pytest.approx(
        {"accuracy": 0.75, "f1": (4 / 5 + 1 + 0) / 3, "matthews": (3 * 4 - 7) / math.sqrt(10 * 6)}
    )


def test_f1_of_two_classes_is_that_of_class_1_even_if_only_class_0_occurs() -> None:
    assert scores([0, 0, 0], [0, 0, 0], 2) == {"accuracy": 1.0, "f1": 0.0, "matthews": 0.0}


def test_f1_of_three_classes_is_macro_even_if_class_2_does_not_occur() -> None:
    assert scores([0, 0, 1, 1], [0, 0, 1, 0], 3)["f1"] == pytest.approx((4 / 5 + 2 / 3) / 2)


def test_exact_match_of_scattered_groups() -> None:
    # question 5: rows 0, 2, 4, all right; question 2: rows 1 and 3, the latter wrong; question 9: row 5, wrong
    labels, found = np.array([1, 0, 0, 1, 1, 0]), [1, 0, 0, 0, 1, 1]
    outcome = Outcome(labels, np.eye(2)[found], group=np.array([5, 2, 5, 2, 5, 9]))
    assert compute(["exact_match"], "classification", outcome) == {"exact_match": pytest.approx(1 / 3)}


def test_exact_match_without_groups_is_an_error_that_names_the_metric() -> None:
    with pytest.raises(UserError, match="metrics: 'exact_match' needs rows that belong to questions"):
        compute(["accuracy", "exact_match"], "classification", Outcome(np.array([0, 1]), np.eye(2)))


def test_the_right_choice_of_several_by_hand() -> None:
    # row 1 is a tie, which the first of the two wins; row 2 has a choice without a number
    logits = np.array([[0.1, 0.3, 0.2], [0.5, 0.5, 0.0], [math.nan, -9.0, -8.0], [1.0, 0.0, 2.0]])
    outcome = Outcome(np.array([1, 1, 2, 2]), logits)
    assert compute(["accuracy"], "multiple_choice", outcome) == {"accuracy": 0.75}
