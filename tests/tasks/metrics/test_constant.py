"""The majority answer and its scores; and what holds for the metrics of every kind."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings

import numpy as np
import pytest

from scalearn.errors import UserError
from scalearn.tasks.definition import METRICS
from scalearn.tasks.metrics import Constant, Outcome, baseline, compute, majority


@pytest.mark.parametrize(
    ("kind", "labels", "answer"),
    [
        ("classification", [2.0, 1.0, 2.0], 2),
        ("classification", [2, 1, 2, 1, 0], 1),  # a tie: the lowest index
        ("multiple_choice", [1, 0, 1], 1),
        ("regression", [0.5, 1.0, 3.0], 1.5),
        ("multi_label", [[1, 1, 0, 1], [1, 0, 0, 1], [1, 1, 1, 0], [0, 0, 0, 1]], [0, 3]),  # label 1: just half
        ("multi_label", [[0, 1], [1, 0]], []),
        ("candidates", [0, 1, 0], 0.0),
    ],
)
def test_what_training_labels_suggest(kind: str, labels: list[float], answer: Constant) -> None:
    found = majority(kind, np.array(labels))
    assert found == answer and type(found) is type(answer)  # it is written as JSON


@pytest.mark.parametrize(
    ("kind", "labels", "outputs", "answer", "scores"),
    [
        ("classification", [0, 0, 0, 1], 2, 0.0, {"accuracy": 0.75, "f1": 0.0, "matthews": 0.0}),
        ("classification", [0, 0, 0, 1], 2, 1, {"accuracy": 0.25, "f1": 0.4, "matthews": 0.0}),
        ("classification", [0, 0, 0, 1], 3, 0, {"f1": 3 / 7}),
        ("classification", [0, 0, 0, 1], 2, 0, {"exact_match": 0.5}),  # the groups are rows 0, 1 and rows 2, 3
        ("multiple_choice", [0, 2, 2, 1], 3, 2, {"accuracy": 0.5}),
        ("regression", [0.0, 1.0, 2.0, 5.0], 1, 2.0, {"pearson": 0.0, "spearman": 0.0}),
        # label 0: 1 hit, 3 false alarms; label 1: all hits; label 2 is not given
        ("multi_label", [[1, 1, 0], [0, 1, 1], [0, 1, 0], [0, 1, 0]], 3, [0, 1], {"macro_f1": (2 / 5 + 1 + 0) / 3}),
        ("multi_label", [[1, 1, 0], [0, 0, 0], [0, 1, 0], [0, 0, 0]], 3, [], {"macro_f1": 0, "subset_accuracy": 0.5}),
        # no candidate is preferred, so the larger string wins: "y" of rows 0, 1 and "v" of rows 2, 3
        ("candidates", [0, 1, 1, 0], 2, 0.0, {"token_f1": 0.5, "exact_match": 0.5}),
    ],
)
def test_the_same_answer_for_every_row(
    kind: str, labels: list[float], outputs: int, answer: Constant, scores: dict[str, float]
) -> None:
    outcome = Outcome(
        np.array(labels, dtype=np.float64),
        np.full((4, outputs), math.nan),  # they are not read
        group=np.array([0, 0, 1, 1]),
        candidate=["y", "x", "u", "v"],
        answers=[["y"], ["y"], ["u"], ["u"]],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert baseline(list(scores), kind, outcome, answer) == pytest.approx(scores)


@pytest.mark.parametrize(("kind", "answer"), [("classification", 2), ("multiple_choice", -1), ("multi_label", [0, 2])])
def test_a_constant_beyond_the_outputs_is_an_error(kind: str, answer: Constant) -> None:
    outcome = Outcome(np.zeros((1, 2)) if kind == "multi_label" else np.zeros(1), np.zeros((1, 2)))
    with pytest.raises(UserError, match=r"baseline: .* is not among the indices 0 to 1"):
        baseline(METRICS[kind][:1], kind, outcome, answer)


@pytest.mark.parametrize("value", [0.5, math.nan, math.inf])
@pytest.mark.parametrize("kind", METRICS)
def test_every_metric_of_the_table_is_finite_on_a_single_row(kind: str, value: float) -> None:
    outputs = {"regression": 1}.get(kind, 2)
    outcome = Outcome(
        np.array([[1, 0]]) if kind == "multi_label" else np.array([0]),
        np.full((1, outputs), value),
        group=np.array([4]),
        candidate=["cat"],
        answers=[["dog"]],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compute(METRICS[kind], kind, outcome)
    assert tuple(found) == METRICS[kind]
    assert all(type(score) is float and math.isfinite(score) for score in found.values())


def test_importing_the_metrics_loads_no_slow_library() -> None:
    code = "import sys, scalearn.tasks.metrics; print({'sklearn', 'scipy', 'torch', 'pandas'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
