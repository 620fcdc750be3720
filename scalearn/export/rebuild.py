"""A finished run's model again, in float32 on the CPU, and what it says of some test rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file

from scalearn.campaign.run_folder import WEIGHTS
from scalearn.export.finished import FinishedRun
from scalearn.methods.base import Given
from scalearn.training.data.batches import EncodedSplit
from scalearn.training.engine.checkpoints import restore
from scalearn.training.engine.determinism import fix
from scalearn.training.engine.model import HEAD, head_name
from scalearn.training.runs import joint, run

Logits = npt.NDArray[np.float32]
BATCH = 16  # rows at once; the process that proves an export takes as many, so that both pad alike


def rebuild(finished: FinishedRun) -> tuple[Any, Given, str]:
    """Return the run's model with its weights, what its method was given, and the name of the task's head."""
    planned = finished.planned
    fix(planned.spec.seed)  # what the encoder's files lack is drawn
    if planned.spec.family == "joint":
        model, current = joint.build(planned)
        current.index = list(planned.encodings).index(finished.task)
        given, head = Given(tasks=tuple(planned.encodings), current=current), head_name(finished.task)
    else:
        (model, given), head = run.build(planned, finished.encoding["task"]), HEAD
    restore(model, load_file(planned.output / WEIGHTS))
    return model.eval(), given, head


def split_of(finished: FinishedRun) -> EncodedSplit:
    """Return the task's encoded test rows, with as many of its texts as the run read."""
    if finished.planned.spec.family == "joint":
        return joint.splits_of(finished.planned, "test")[finished.task]
    return EncodedSplit(finished.data / "test.arrow", finished.encoding)


def logits(model: Any, head: str, split: EncodedSplit, rows: Sequence[int]) -> Logits:
    """Return what the model says of these rows, (rows, outputs)."""
    found = []
    with torch.inference_mode():
        for start in range(0, len(rows), BATCH):
            batch = split.__getitems__(rows[start : start + BATCH])
            batch.pop("labels")
            found.append(model(**batch, head=head).logits)
    return np.asarray(torch.cat(found).numpy(), dtype=np.float32)
