"""What a trainer is given: its validation data, the settings of the run, and what the method adds to the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from scalearn.campaign.loggers import Reports
from scalearn.methods.hyperparameters import HyperParameters
from scalearn.training.data.batches import EncodedSplit
from scalearn.training.engine.device import ResolvedCompute
from scalearn.training.engine.scoring import Scorer


def _none(name: str) -> bool:
    return False


@dataclass(frozen=True)
class Settings:
    """How and where a run trains.

    checkpoints: the folder for checkpoints, inside the run's own folder.
    identity: a digest of the run; training resumes only from checkpoints of the same identity.
    """

    values: HyperParameters
    seed: int
    checkpoints: Path
    identity: str
    compute: ResolvedCompute
    reports: Reports = field(default_factory=Reports)


@dataclass(frozen=True)
class Objective:
    """What a method adds to the task's loss and to the optimizer.

    regularisation: returns a scalar that is added to the loss of each training batch, or None.
    parameter_groups: the optimizer's groups, `{"params": [...], "lr": rate}`; None trains everything at one rate.
    keeps_last_epoch: tells by name which tensors stay as the last epoch left them when the best epoch is restored. The
    released code of some methods does so by mistake; protocol switches repeat it.
    """

    regularisation: Callable[[], Tensor | None] | None = None
    parameter_groups: list[dict[str, Any]] | None = None
    keeps_last_epoch: Callable[[str], bool] = _none


@dataclass(frozen=True)
class Validation:
    """The validation rows of one task, and how the best epoch is chosen from them.

    metric_for_best_model: "loss" (lower is better), or the name of a metric of `compute_metrics` (higher is better).
    """

    split: EncodedSplit
    compute_metrics: Scorer | None
    metric_for_best_model: str = "loss"


@dataclass(frozen=True)
class JointValidation:
    """The validation rows and metrics of each task of a joint run, by the task's name, in the order of its heads.

    selected: the tasks whose mean validation loss chooses the best round; the lowest is best.
    """

    splits: Mapping[str, EncodedSplit]
    compute_metrics: Mapping[str, Scorer]
    selected: frozenset[str]
