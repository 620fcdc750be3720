"""What the library's trainer is told: AdamW, its schedule, an evaluation and a checkpoint after each epoch."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from transformers import TrainingArguments

from scalearn.campaign.loggers import Reports
from scalearn.methods.hyperparameters import HyperParameters
from scalearn.training.engine.device import Chosen
from scalearn.training.engine.microbatches import EVAL_BATCH

# Where the library keeps precision and compilation, and reads them where it is told neither: an earlier run of this
# process, or the user's shell, may have left its own there.
KEPT = ("ACCELERATE_MIXED_PRECISION", "ACCELERATE_DYNAMO_BACKEND", "ACCELERATE_DYNAMO_MODE")


def training_arguments(
    values: HyperParameters,
    seed: int,
    folder: Path,
    chosen: Chosen,
    select: str = "loss",
    reports: Reports | None = None,
) -> TrainingArguments:
    """Return the library's arguments for these hyper-parameters and this way to compute."""
    for name in KEPT:
        os.environ.pop(name, None)
    reports = reports or Reports()
    reports.begin()
    arguments = TrainingArguments(
        output_dir=str(folder),
        seed=seed,
        per_device_train_batch_size=values.batch_size,
        per_device_eval_batch_size=EVAL_BATCH,
        num_train_epochs=values.epochs,
        learning_rate=values.learning_rate,
        weight_decay=values.weight_decay,
        max_grad_norm=values.max_grad_norm,
        warmup_ratio=values.warmup_ratio,
        lr_scheduler_type=values.schedule,
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_strategy="epoch",
        load_best_model_at_end=True,
        metric_for_best_model=select,
        greater_is_better=select != "loss",
        restore_callback_states_from_checkpoint=True,
        remove_unused_columns=False,
        label_names=["labels"],
        logging_nan_inf_filter=False,
        report_to=reports.packages,
        run_name=reports.run,
        logging_dir=str(reports.place("tensorboard")),
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
        **chosen.arguments,
    )
    assert arguments.device is not None  # sets _n_gpu, which we then hold at one: a run is one GPU's work
    arguments._n_gpu = min(arguments._n_gpu, 1)
    return arguments
