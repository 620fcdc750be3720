"""Metrics of questions whose candidate answers are rows of their own, as in ReCoRD (Zhang et al. 2018).

A question's prediction is the candidate with the highest logit of class 1, whatever class 0 has; ties: the larger
string. Text is compared as in SQuAD (Rajpurkar et al. 2016), version 1.1: without common token F1 is 0, even if both
sides are empty.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence

from scalearn.errors import UserError
from scalearn.tasks.metrics.outcome import Outcome, nan_is_lowest

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def score(metrics: Sequence[str], outcome: Outcome) -> dict[str, float]:
    """Return token_f1 or exact_match, as asked for: means over questions, of the best match among their gold answers.

    A UserError if the rows have no group, no candidate or no answers. The labels are not read.
    """
    functions = {"token_f1": _token_f1, "exact_match": _exact_match}
    predictions = _predictions(outcome)
    return {metric: _mean_of_best(functions[metric], predictions) for metric in metrics}


def normalise(text: str) -> str:
    """Return the text in lower case, without ASCII punctuation and the articles a, an, the, single blanks between."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _predictions(outcome: Outcome) -> list[tuple[str, list[str]]]:
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
    return [(normalise(text), [normalise(answer) for answer in answers[row]]) for _, text, row in best.values()]


def _mean_of_best(match: Callable[[str, str], float], predictions: list[tuple[str, list[str]]]) -> float:
    best = [max((match(found, answer) for answer in answers), default=0.0) for found, answers in predictions]
    return sum(best) / len(best)


def _exact_match(found: str, answer: str) -> float:
    return float(found == answer)


def _token_f1(found: str, answer: str) -> float:
    one, other = found.split(), answer.split()
    common = (Counter(one) & Counter(other)).total()
    return 2 * common / (len(one) + len(other)) if common else 0.0
