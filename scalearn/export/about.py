"""What export.json says of an export: encoder, tokenizer, how inputs are built, labels, and where it comes from."""

from __future__ import annotations

from typing import Any

from scalearn.campaign.run_folder import WEIGHTS
from scalearn.export.finished import FinishedRun
from scalearn.tasks import TASKS

FORMAT = 1
TRUNCATION = {"longest": "longest_first", "first": "only_first"}  # the task's word -> the tokenizer's


def base_model(run: FinishedRun) -> dict[str, Any]:
    """Return the encoder's name on the hub, or its own where it comes from elsewhere, with what pins it."""
    encoder = run.encoder
    source = encoder["source"]
    name = source.get("repository") or encoder["name"]
    return {"name": name, "revision": source.get("revision"), "sha256": encoder["sha256"]}


def about(run: FinishedRun, name: str, model_class: str) -> dict[str, Any]:
    """Return what is known of the export before it is written.

    name: of the adapter and the head; model_class: of the library's classes the one that loads it.
    """
    info, base = run.info, base_model(run)
    return {
        "format": FORMAT,
        "name": name,
        "model_class": model_class,
        "base_model": base,
        "tokenizer": base["name"],
        "input": {
            "kind": info.kind,
            "texts": texts_read(run),
            "columns": list(info.texts),
            "construction": _construction(run),
            "truncation": TRUNCATION[info.truncate],
            "max_length": run.encoding["max_length"],
            "choices": info.choices,
        },
        "labels": None if info.labels is None else list(info.labels),
        "method": run.planned.spec.method,
        "run": run.planned.spec.record,
        "weights": run.record["sha256"][WEIGHTS],
    }


def texts_read(run: FinishedRun) -> int:
    """Return how many texts a row's input has: one, or a pair; in multiple choice a text and each choice are a pair."""
    if run.info.kind == "multiple_choice":
        return 2
    first_alone = run.planned.spec.family == "joint" and run.task in run.planned.joint.first_text
    return 1 if first_alone else len(run.info.texts)


def _construction(run: FinishedRun) -> str | None:
    """Return the built-in way in which the texts were made; tasks of earlier versions do not say it themselves."""
    info = run.info
    return TASKS[info.name].construction if info.construction is None and info.built_in else info.construction
