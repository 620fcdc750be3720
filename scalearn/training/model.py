"""An encoder with a method's modules and a task's head, ready to train."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from scalearn.errors import UserError
from scalearn.methods.base import CurrentTask, Given, HyperParameters, Method
from scalearn.tasks.definition import Kind
from scalearn.training.first_token import only_first_token

HEAD = "task"
HEADS = "heads."  # begins the names of all heads' parameters


def load_encoder(folder: Path, attention: str | None = None) -> Any:
    """Return the adapters model in `folder`: local safetensors only, no remote code.

    attention: sdpa or eager; by default sdpa, or eager where the encoder has no other.
    """
    from adapters import AutoAdapterModel

    # Each time adapters are activated it warns that none are, from within.
    logging.getLogger("adapters.model_mixin").setLevel(logging.ERROR)
    if not (folder / "model.safetensors").is_file():
        raise UserError(f"{folder}: no model.safetensors; fetch the model again, or convert its weights to safetensors")
    try:
        return AutoAdapterModel.from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            attn_implementation=attention,
        )
    except ValueError as error:
        if "attention implementation" not in str(error):
            raise
        raise UserError(f"compute.attention: {folder} has no {attention}; set it to auto or eager") from None


def compose(
    model: Any,
    method: Method,
    values: HyperParameters,
    given: Given,
    labels: int,
    kind: Kind = "classification",
    pooled: bool = False,
) -> None:
    """Install the method's modules, frozen but for what it trains, and a fresh head for one task."""
    method.install(model, values, given)
    add_head(model, HEAD, labels, kind, pooled=pooled)
    only_first_token(model)
    if pooled and method.family != "two_stage":
        model.base_model.pooler.requires_grad_(True)


def compose_joint(
    model: Any,
    method: Method,
    values: HyperParameters,
    tasks: Mapping[str, tuple[int, Kind]],
    pooled: Collection[str] = (),
    one_layer: Collection[str] = (),
) -> CurrentTask:
    """Install a joint method's modules and a fresh head per task, named as it; return what tells them which is on.

    tasks: the number of labels (or choices) and the kind of each; pooled, one_layer: those whose heads are so, see
    add_head.
    """
    given = Given(tasks=tuple(tasks))
    method.install(model, values, given)
    for name, (labels, kind) in tasks.items():
        if hasattr(model.heads, name):
            raise UserError(f"task '{name}': torch keeps this name for itself in a joint model; choose another name")
        add_head(model, name, labels, kind, pooled=name in pooled, layers=1 if name in one_layer else 2)
    only_first_token(model)
    if any(name in pooled for name in tasks):
        model.base_model.pooler.requires_grad_(True)
    return given.current


def add_head(model: Any, name: str, labels: int, kind: Kind, *, pooled: bool = False, layers: int = 2) -> None:
    """Add a fresh head for this kind of task.

    It is the paper's: dropout, d x d, tanh, dropout, d x labels, on the first token. In multiple choice it gives one
    value per sequence, and `labels` is the number of choices; only there `layers` may be 1, and `pooled` takes one
    layer on the encoder's pooler, both as the reference has them.
    """
    if kind == "multiple_choice":
        model.add_multiple_choice_head(
            name,
            num_choices=labels,
            layers=1 if pooled else layers,
            activation_function="tanh",
            use_pooler=pooled,
        )
    else:
        model.add_classification_head(
            name,
            num_labels=labels,
            layers=2,
            activation_function="tanh",
            multilabel=kind == "multi_label",
            use_pooler=False,
        )


def count(model: nn.Module) -> dict[str, int]:
    """Return the numbers of trainable parameters without the head, of the head, and of all parameters."""
    own = sum(p.numel() for name, p in model.named_parameters() if p.requires_grad and not is_head(name))
    head = sum(p.numel() for name, p in model.named_parameters() if p.requires_grad and is_head(name))
    return {"trainable": own, "head": head, "total": sum(p.numel() for p in model.parameters())}


def is_head(name: str) -> bool:
    """Tell whether a parameter belongs to a task's head."""
    return name.startswith(HEADS)
