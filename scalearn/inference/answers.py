"""From logits to answers: labels with their probabilities, values, or the classes of a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, softmax

from scalearn.inference.inputs import Texts

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Prediction:
    """What a model says of one row.

    label: the name of the class; in multiple choice the text of the choice; of candidates the answer; in multi-label
        tasks the names of all classes above one half, as a tuple; of a regression the value.
    probability: of `label`; None in multi-label tasks and for a regression.
    probabilities: of each class, by its name; in multiple choice of each choice, by its place from "0"; empty for a
        regression and for candidates.
    """

    label: str | float | tuple[str, ...]
    probability: float | None
    probabilities: dict[str, float]


def answers(kind: str, labels: Sequence[str] | None, logits: Logits, texts: Texts) -> list[Prediction]:
    """Return the prediction for each row.

    Args:
        kind: the task's kind. labels: the names of its classes, if it has any.
        logits: shape (inputs, outputs), in the order of `texts`.
    """
    values = logits.astype(np.float64)
    if kind == "regression":
        return [Prediction(float(value), None, {}) for value in values[:, 0]]
    if kind == "multi_label":
        assert labels is not None
        return [_classes(labels, row) for row in expit(values)]
    probabilities = softmax(values, axis=1)
    if kind == "candidates":
        return _candidates(probabilities[:, 1], texts)
    return [_most_probable(row, number, labels, texts) for number, row in enumerate(probabilities)]


def _classes(labels: Sequence[str], row: npt.NDArray[np.float64]) -> Prediction:
    chosen = tuple(label for label, probability in zip(labels, row, strict=True) if probability > 0.5)
    return Prediction(chosen, None, dict(zip(labels, map(float, row), strict=True)))


def _most_probable(row: npt.NDArray[np.float64], number: int, labels: Sequence[str] | None, texts: Texts) -> Prediction:
    best = int(row.argmax())
    names = [str(place) for place in range(len(row))] if labels is None else labels
    if labels is None:
        assert texts.second is not None
        label = texts.second[number * len(row) + best]
    else:
        label = labels[best]
    return Prediction(label, float(row[best]), dict(zip(names, map(float, row), strict=True)))


def _candidates(right: npt.NDArray[np.float64], texts: Texts) -> list[Prediction]:
    """Return for each row the candidate that is most probably right; of equal ones the first."""
    assert texts.candidates is not None
    best: dict[int, Prediction] = {}
    for row, candidate, probability in zip(texts.rows, texts.candidates, right.tolist(), strict=True):
        if row not in best or probability > (best[row].probability or 0):
            best[row] = Prediction(candidate, probability, {})
    return [best[row] for row in sorted(best)]
