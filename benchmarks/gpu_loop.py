"""A training on a GPU that `gpu.py` times: the trainer's own loop, on rows of random tokens."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from programs import VOCABULARY, encoder, write_sources
from torch.utils.data import Dataset
from transformers import TrainerCallback

from scalearn.campaign.compute import Compute
from scalearn.methods import METHODS
from scalearn.methods.base import Given
from scalearn.training.data.batches import Batch, TrainLoader
from scalearn.training.data.joint_batches import JointLoader, JointSplit, TaskBatches
from scalearn.training.engine.determinism import fix
from scalearn.training.engine.device import resolve_compute, this_device
from scalearn.training.engine.joint_trainer import JointTrainer
from scalearn.training.engine.model import compose, compose_joint
from scalearn.training.engine.settings import JointValidation, Objective, Settings, Validation
from scalearn.training.engine.trainer import RunTrainer

SOURCES, LABELS, STEPS = 8, 2, 20_000


class Made(Dataset[Batch]):
    """Rows of random tokens, all of one length, whose batches of 32 are the same 64."""

    width = 1

    def __init__(self, rows: int, tokens: int, batch: int = 32) -> None:
        self.lengths = np.full(rows, tokens)
        ids = torch.randint(5, VOCABULARY, (64, batch, tokens), generator=torch.Generator().manual_seed(0))
        mask = torch.ones_like(ids)
        mask[:, 1:, tokens - 4 :] = 0  # as in real batches, most rows have padding
        self._batches = [
            {"input_ids": one, "attention_mask": mask[0], "labels": torch.arange(batch) % LABELS} for one in ids
        ]

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitems__(self, rows: Sequence[int]) -> Batch:
        """Return the batch that the first of these rows chooses."""
        return dict(self._batches[rows[0] % len(self._batches)])


class Ended(Exception):
    """What was to be measured is measured."""


class AtEachStep(TrainerCallback):  # type: ignore[misc]
    """Calls a function with the number of steps that are done."""

    def __init__(self, function: Callable[[int], None]) -> None:
        self.function = function

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Call the function."""
        self.function(state.global_step)


def trainer_of(method: str, hidden: int, layers: int, tokens: int, folder: Path) -> RunTrainer:
    """Return the trainer of a run of this method, with random sources, which has enough rows for any measurement."""
    logging.getLogger("adapters.model_mixin").setLevel(logging.ERROR)
    fix(0)
    chosen = resolve_compute(Compute(), this_device())
    model, learner = encoder(hidden, layers), METHODS[method]
    values = learner.defaults.but(epochs=1)
    settings = Settings(values, 0, folder / f"{method}-{hidden}", "", chosen)
    split: Any = Made(STEPS * values.batch_size, tokens)
    if learner.family == "joint":
        tasks = dict.fromkeys(("one", "two", "three", "four"), (LABELS, "classification"))
        current = compose_joint(model, learner, values, tasks)  # type: ignore[arg-type]
        sampler = TaskBatches([len(split)] * len(tasks), values.batch_size, STEPS, 1, 0)
        validation: Any = JointValidation(dict.fromkeys(tasks, split), {}, frozenset(tasks))
        return JointTrainer(
            model, JointLoader(JointSplit([split] * len(tasks)), sampler), validation, settings, Objective(), current
        )
    sources = write_sources(folder / f"{hidden}.safetensors", SOURCES, hidden, layers)
    compose(model, learner, values, Given(sources), LABELS)
    regularised = learner.regularises(values)
    objective = Objective(
        (lambda: learner.regularisation(model, values)) if regularised else None,
        learner.parameter_groups(model, values),
    )
    return RunTrainer(model, TrainLoader(split, values.batch_size, 0), Validation(split, None), settings, objective)


def run(trainer: RunTrainer, at_each_step: Callable[[int], None]) -> None:
    """Train until `at_each_step` raises Ended."""
    trainer.add_callback(AtEachStep(at_each_step))
    try:
        trainer.train()
    except Ended:
        return


def clock() -> float:
    """Return the time, once the GPU has finished."""
    torch.cuda.synchronize()
    return time.perf_counter()
