"""Metrics for questions with one row per candidate answer, as in ReCoRD (Zhang et al. 2018).

The prediction for a question is the candidate with the highest logit of class 1; on ties, the larger string. The logit
of class 0 is ignored. Texts are compared as in SQuAD 1.1 (Rajpurkar et al. 2016): F1 is 0 if there is no common token,
even if both texts are empty.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np

from scalearn.errors import UserError
from scalearn.tasks.metrics.outcome import Array, Outcome, nan_is_lowest

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def score(metrics: Sequence[str], outcome: Outcome) -> dict[str, float]:
    """Return token_f1 and/or exact_match: the mean over questions of the best match with a gold answer.

    The labels are not used.

    Raises: UserError if the rows have no group, candidate or answers.
    """
    predictions = _predictions(outcome)
    return {metric: _mean(_best(metric, predictions)) for metric in metrics}


def matches(metric: str, outcome: Outcome) -> Array:
    """Return the metric's value of each question, in the order of the questions' numbers."""
    return np.array(_best(metric, dict(sorted(_predictions(outcome).items()))))


def normalise(text: str) -> str:
    """Return the text in lower case, without ASCII punctuation and articles, and with single blanks (SQuAD 1.1)."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _predictions(outcome: Outcome) -> dict[int, tuple[str, list[str]]]:
    """Return each question's predicted answer and its gold answers, all normalised."""
    group, candidate, answers = outcome.group, outcome.candidate, outcome.answers
    if group is None or candidate is None or answers is None:
        raise UserError(
            "kind: 'candidates' needs rows with a question, a candidate and gold answers; take another kind"
        )
    best: dict[int, tuple[float, str, int]] = {}
    logits = nan_is_lowest(outcome.logits)[:, 1].tolist()
    for row, (question, logit, text) in enumerate(zip(group.tolist(), logits, candidate, strict=True)):
        proposal = (logit, text, row)
        best[question] = max(best.get(question, proposal), proposal)
    return {
        question: (normalise(text), [normalise(answer) for answer in answers[row]])
        for question, (_, text, row) in best.items()
    }


def _best(metric: str, predictions: dict[int, tuple[str, list[str]]]) -> list[float]:
    """Return for each question the best match of its prediction with a gold answer."""
    match = _MATCHES[metric]
    return [
        max((match(predicted, answer) for answer in answers), default=0.0)
        for predicted, answers in predictions.values()
    ]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _exact_match(predicted: str, answer: str) -> float:
    return float(predicted == answer)


def _token_f1(predicted: str, answer: str) -> float:
    one, other = predicted.split(), answer.split()
    common = (Counter(one) & Counter(other)).total()
    return 2 * common / (len(one) + len(other)) if common else 0.0


_MATCHES = {"token_f1": _token_f1, "exact_match": _exact_match}
