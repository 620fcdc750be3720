"""An encoder with a method's modules and a task's head, ready to train."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from torch import nn

from scalearn.errors import UserError
from scalearn.methods.base import HyperParameters, Method
from scalearn.tasks.definition import Kind

HEAD = "task"


def load_encoder(folder: Path) -> Any:
    """Return the adapters model in `folder`: local safetensors only, no remote code."""
    from adapters import AutoAdapterModel

    # Each time adapters are activated it warns that none are, from within.
    logging.getLogger("adapters.model_mixin").setLevel(logging.ERROR)
    if not (folder / "model.safetensors").is_file():
        raise UserError(f"{folder}: no model.safetensors; fetch the model again, or convert its weights to safetensors")
    return AutoAdapterModel.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
    )


def compose(
    model: Any,
    method: Method,
    values: HyperParameters,
    sources: Path | None,
    labels: int,
    kind: Kind = "classification",
    pooled: bool = False,
) -> None:
    """Install the method's modules, frozen but for what it trains, and a fresh head for this kind of task.

    The head is the paper's: dropout, d x d, tanh, dropout, d x labels, on the first token. In multiple choice it gives
    one value per sequence, and `labels` is the number of choices; `pooled` takes the reference's stage-2 head there,
    one layer on the frozen pooler.
    """
    method.install(model, values, sources)
    if kind == "multiple_choice":
        layers = 1 if pooled else 2
        model.add_multiple_choice_head(
            HEAD, num_choices=labels, layers=layers, activation_function="tanh", use_pooler=pooled
        )
    else:
        multilabel = kind == "multi_label"
        model.add_classification_head(
            HEAD, num_labels=labels, layers=2, activation_function="tanh", multilabel=multilabel, use_pooler=False
        )


def count(model: nn.Module) -> dict[str, int]:
    """Return the numbers of trainable parameters without the head, of the head, and of all parameters."""
    own = sum(p.numel() for name, p in model.named_parameters() if p.requires_grad and not is_head(name))
    head = sum(p.numel() for name, p in model.named_parameters() if p.requires_grad and is_head(name))
    return {"trainable": own, "head": head, "total": sum(p.numel() for p in model.parameters())}


def is_head(name: str) -> bool:
    """Tell whether a parameter belongs to the task's head."""
    return name.startswith("heads.")
