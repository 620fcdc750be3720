"""The arguments of the library's Trainer: AdamW, its schedule, and an evaluation after each epoch."""

from __future__ import annotations

import os
from typing import Any

import torch
from transformers import TrainingArguments

from scalearn.training.engine.microbatches import EVAL_BATCH_SIZE
from scalearn.training.engine.settings import Settings
from scalearn.training.engine.transformers_internals import use_one_gpu

# The library stores precision and compilation in these variables, and reads them where its arguments name neither. An
# earlier run of this process, or the user's shell, may have set them.
ACCELERATE_VARIABLES = ("ACCELERATE_MIXED_PRECISION", "ACCELERATE_DYNAMO_BACKEND", "ACCELERATE_DYNAMO_MODE")


class RunArguments(TrainingArguments):  # type: ignore[misc]
    """The library's arguments with `max_grad_norm` 0, since a callback clips. Loggers see the norm that it clips to."""

    clipped_to = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments, as loggers write them."""
        return {**super().to_dict(), "max_grad_norm": self.clipped_to}


def training_arguments(settings: Settings, metric_for_best_model: str = "loss") -> TrainingArguments:
    """Return the library's arguments for a run. The library writes no checkpoints: `RunTrainer` does.

    metric_for_best_model: "loss" (lower is better), or a validation metric (higher is better).
    """
    for name in ACCELERATE_VARIABLES:
        os.environ.pop(name, None)
    values, reports = settings.values, settings.reports
    reports.begin()
    arguments = RunArguments(
        output_dir=str(settings.checkpoints),
        seed=settings.seed,
        per_device_train_batch_size=values.batch_size,
        per_device_eval_batch_size=EVAL_BATCH_SIZE,
        num_train_epochs=values.epochs,
        learning_rate=values.learning_rate,
        weight_decay=values.weight_decay,
        max_grad_norm=0,
        warmup_ratio=values.warmup_ratio,
        lr_scheduler_type=values.schedule,
        eval_strategy="epoch",
        save_strategy="no",
        logging_strategy="epoch",
        metric_for_best_model=metric_for_best_model,
        greater_is_better=metric_for_best_model != "loss",
        remove_unused_columns=False,
        label_names=["labels"],
        logging_nan_inf_filter=False,
        report_to=reports.packages,
        run_name=reports.run,
        logging_dir=str(reports.place("tensorboard")),
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        **settings.compute.arguments,
    )
    # RunTrainer restores the best epoch itself. EarlyStoppingCallback warns where this says that nobody does, and with
    # it the constructor wants the library to write checkpoints.
    arguments.load_best_model_at_end = True
    arguments.clipped_to = values.max_grad_norm
    use_one_gpu(arguments)
    return arguments
