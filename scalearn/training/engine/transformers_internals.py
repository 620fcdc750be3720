"""Every private part of `transformers` that training uses, with its reason. Written for transformers 4.57.

tests/training/engine/test_transformers_internals.py fails when the library changes one of them.
"""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Any

from transformers import Trainer, TrainingArguments


class ResumingTrainer(Trainer):  # type: ignore[misc]
    """A Trainer that resumes from checkpoints in our format."""

    @abstractmethod
    def restore_weights(self, checkpoint: Path) -> None:
        """Copy the tensors of the checkpoint into the model."""

    def _load_from_checkpoint(self, resume_from_checkpoint: str | Path, model: Any = None) -> None:
        # `Trainer.train(resume_from_checkpoint=...)` is the only public way to resume, and it reads the weights here.
        # The library's version wants every weight of the encoder under its own file names; we store what trains.
        self.restore_weights(Path(resume_from_checkpoint))

    # The library's readers of optimizer, scheduler, scaler and random state unpickle files of certain names. We never
    # write such files, and never load one that somebody has put there. A callback restores our own.

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        pass

    def _load_scaler(self, checkpoint: str | None) -> None:
        pass

    def _load_rng_state(self, checkpoint: str | None) -> None:
        pass


def use_one_gpu(arguments: TrainingArguments) -> None:
    """Train on one GPU where a process sees several; by default the library would wrap the model in DataParallel.

    The public way, CUDA_VISIBLE_DEVICES, must be set before torch starts CUDA, and that is the caller's choice.
    """
    assert arguments.device is not None  # the property sets `_n_gpu`
    arguments._n_gpu = min(arguments._n_gpu, 1)


def attention_of(model: Any) -> str:
    """Return which attention implementation an encoder was loaded with; the library has no public name for it."""
    return str(model.config._attn_implementation)
