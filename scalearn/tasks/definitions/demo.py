"""The demo's four tasks: small enough for a processor, made by scalearn.tasks.generated. Version 1 of their rows."""

from __future__ import annotations

from scalearn.tasks.definition import GeneratedSource, Task

_PAIR = ("premise", "hypothesis")
_LENGTH = 64  # no generated row comes near it

DEMO: dict[str, Task] = {
    "demo_sentiment": Task(
        source=GeneratedSource(), texts=("sentence",), labels=("negative", "positive"), max_length=_LENGTH
    ),
    "demo_nli": Task(
        source=GeneratedSource(),
        texts=_PAIR,
        labels=("entailment", "neutral", "contradiction"),
        max_length=_LENGTH,
    ),
    "demo_similarity": Task(
        source=GeneratedSource(),
        kind="regression",
        texts=("sentence1", "sentence2"),
        metrics=("pearson", "spearman"),
        max_length=_LENGTH,
    ),
    "demo_rte": Task(
        source=GeneratedSource(), texts=_PAIR, labels=("entailment", "not_entailment"), max_length=_LENGTH
    ),
}
