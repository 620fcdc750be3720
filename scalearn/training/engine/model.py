"""An encoder with a method's modules and a task's head, ready to train."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from torch import nn

from scalearn.errors import UserError
from scalearn.methods.base import CurrentTask, Given, Method
from scalearn.methods.hyperparameters import HyperParameters
from scalearn.tasks.definition import Kind
from scalearn.training.engine.first_token import only_first_token

HEAD = "task"
HEADS = "heads."  # the prefix of the names of all heads' parameters


def compose(
    model: Any,
    method: Method,
    values: HyperParameters,
    inputs: Given,
    labels: int,
    kind: Kind = "classification",
    pooled: bool = False,
) -> None:
    """Install the method's modules and a fresh head for one task. Only these train, as the method says.

    labels: the number of outputs, in multiple choice of choices. pooled: see `add_head`.
    """
    method.install(model, values, inputs)
    if pooled:
        _pooler(model).requires_grad_(method.family != "two_stage")
    add_head(model, HEAD, labels, kind, pooled=pooled)
    only_first_token(model)


def compose_joint(
    model: Any,
    method: Method,
    values: HyperParameters,
    tasks: Mapping[str, tuple[int, Kind]],
    pooled: Collection[str] = (),
    one_layer: Collection[str] = (),
) -> CurrentTask:
    """Install a joint method's modules and a fresh head per task; return the object that selects the current task.

    tasks: the number of labels (or choices) and the kind of each task, by name. The heads' names: see `head_name`.
    pooled, one_layer: the tasks with such a head, see `add_head`.
    """
    inputs = Given(tasks=tuple(tasks))
    method.install(model, values, inputs)
    for name, (labels, kind) in tasks.items():
        add_head(model, head_name(name), labels, kind, pooled=name in pooled, layers=1 if name in one_layer else 2)
    only_first_token(model)
    if any(name in pooled for name in tasks):
        _pooler(model).requires_grad_(True)
    return inputs.current


def head_name(task: str) -> str:
    """Return the name of a task's head in a joint model: the task's own, with a prefix if torch reserves it."""
    return f"task:{task}" if hasattr(nn.ModuleDict(), task) else task


def add_head(model: Any, name: str, labels: int, kind: Kind, *, pooled: bool = False, layers: int = 2) -> None:
    """Add a fresh head for this kind of task: the paper's two layers on the first token.

    The layers are dropout, d x d, tanh, dropout, d x labels. In multiple choice a head has one output per sequence,
    and `labels` is the number of choices. Only there may `layers` be 1, and may `pooled` ask for one layer on the
    encoder's pooler; the reference implementation has both.
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


def _pooler(model: Any) -> nn.Module:
    """Return the encoder's pooler. Raises: UserError if it has none."""
    pooler = getattr(model.base_model, "pooler", None)
    if not isinstance(pooler, nn.Module):
        raise UserError(
            f"{model.config.name_or_path}: the reference reads multiple choice through the encoder's pooler, and this "
            "one has none; set `protocol: corrected`, or choose another model"
        )
    return pooler


def count(model: nn.Module) -> dict[str, int]:
    """Return the numbers of trainable parameters without the head, of the head, and of all parameters."""
    learned = sum(p.numel() for name, p in model.named_parameters() if p.requires_grad and not is_head(name))
    head = sum(p.numel() for name, p in model.named_parameters() if p.requires_grad and is_head(name))
    return {"trainable": learned, "head": head, "total": sum(p.numel() for p in model.parameters())}


def is_head(name: str) -> bool:
    """Tell whether a parameter belongs to a task's head."""
    return name.startswith(HEADS)
