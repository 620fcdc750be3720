"""The SuperGLUE tasks of the paper but RTE, which is GLUE's (Wang et al. 2019, arXiv 1905.00537; arXiv 2310.01217)."""

from __future__ import annotations

from scalearn.tasks.definition import HubSource, Task

REPOSITORY = "aps/super_glue"
REVISION = "3de24cf8022e94f4ee4b9d55a6f539891524d646"

_NO_YES = ("False", "True")


def _source(config: str) -> HubSource:
    return HubSource(repository=REPOSITORY, revision=REVISION, config=config)


SUPERGLUE = {
    "boolq": Task(source=_source("boolq"), texts=("question", "passage"), labels=_NO_YES),
    "cb": Task(
        source=_source("cb"),
        texts=("premise", "hypothesis"),
        labels=("entailment", "contradiction", "neutral"),
        metrics=("accuracy", "f1"),
        stratify=False,  # as the paper has it
    ),
    "copa": Task(
        source=_source("copa"),
        kind="multiple_choice",
        construction="copa",
        texts=("premise",),
        choices=("choice1", "choice2"),
    ),
    "multirc": Task(
        source=_source("multirc"),
        construction="multirc",
        texts=("paragraph", "question"),
        labels=_NO_YES,
        metrics=("f1", "exact_match"),
        max_length=324,
        groups="paragraph",
    ),
    "record": Task(
        source=_source("record"),
        kind="candidates",
        construction="record",
        texts=("passage", "query"),
        label="answers",
        metrics=("token_f1", "exact_match"),
        max_length=256,
        truncate="first",
        groups="passage",
    ),
    "wic": Task(source=_source("wic"), construction="wic", texts=("sentence1", "sentence2"), labels=_NO_YES),
    # `wsc.fixed` differs from it in the case of some mentions only.
    "wsc": Task(source=_source("wsc"), construction="wsc", texts=("text", "span1_text"), labels=_NO_YES),
}
