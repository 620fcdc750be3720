"""The eight GLUE tasks of the paper (Wang et al. 2019; splits and metrics as in arXiv 2310.01217, section 4)."""

from __future__ import annotations

from scalearn.tasks.definition import HubSource, Task

REPOSITORY = "nyu-mll/glue"
REVISION = "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c"


def _source(config: str, test: str = "validation", parts: dict[str, str] | None = None) -> HubSource:
    return HubSource(repository=REPOSITORY, revision=REVISION, config=config, test=test, parts=parts or {})


GLUE = {
    "rte": Task(
        source=_source("rte"),
        texts=("sentence1", "sentence2"),
        labels=("entailment", "not_entailment"),
    ),
    "mrpc": Task(
        source=_source("mrpc"),
        texts=("sentence1", "sentence2"),
        labels=("not_equivalent", "equivalent"),
        metrics=("accuracy", "f1"),
    ),
    "cola": Task(
        source=_source("cola"),
        texts=("sentence",),
        labels=("unacceptable", "acceptable"),
        metrics=("matthews", "accuracy"),
    ),
    "stsb": Task(
        source=_source("stsb"),
        kind="regression",
        texts=("sentence1", "sentence2"),
        metrics=("pearson", "spearman"),
    ),
    "sst2": Task(source=_source("sst2"), texts=("sentence",), labels=("negative", "positive")),
    "qnli": Task(source=_source("qnli"), texts=("question", "sentence"), labels=("entailment", "not_entailment")),
    "mnli": Task(
        source=_source("mnli", test="validation_matched", parts={"mm": "validation_mismatched"}),
        texts=("premise", "hypothesis"),
        labels=("entailment", "neutral", "contradiction"),
    ),
    "qqp": Task(
        source=_source("qqp"),
        texts=("question1", "question2"),
        labels=("not_duplicate", "duplicate"),
        metrics=("accuracy", "f1"),
    ),
}
