"""A task's head as the library's own, under the task's name and with its labels' names."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers.activations import get_activation

from scalearn.errors import UserError


def write_head(model: Any, head: str, name: str, labels: tuple[str, ...] | None) -> None:
    """Give the head its task's name and labels; one on the pooler becomes a head of two layers, which is the same."""
    if model.heads[head].config["use_pooler"]:
        _off_the_pooler(model, head)
    module = model.heads.pop(head)
    model.config.prediction_heads.pop(head)
    if labels is not None:
        module.config["label2id"] = {label: index for index, label in enumerate(labels)}
    module.name = name
    for other in list(model.heads):
        model.delete_head(other)
    model.add_prediction_head(module)


def _off_the_pooler(model: Any, head: str) -> None:
    """Put a head with the pooler's projection in it in place of one that reads the pooler.

    An adapter is saved without its encoder's pooler, which may have trained. But tanh(W x + b), then a layer: that is
    also what a head of two layers computes.
    """
    old, pooler = model.heads[head], model.base_model.pooler
    dense = pooler if isinstance(pooler, nn.Linear) else pooler.dense
    activation = getattr(pooler, "activation", None) or model.base_model.pooler_activation
    if not isinstance(activation, nn.Tanh | type(get_activation("tanh"))):
        raise UserError(f"{model.config.name_or_path}: its pooler has no tanh, and no head of the library is the same")
    choices = old.config["num_choices"]
    model.delete_head(head)
    model.add_multiple_choice_head(head, num_choices=choices, layers=2, activation_function="tanh", use_pooler=False)
    new = [part for part in model.heads[head] if isinstance(part, nn.Linear)]
    with torch.no_grad():
        for target, source in zip(new, (dense, old[-1]), strict=True):
            target.weight.copy_(source.weight)
            target.bias.copy_(source.bias)
