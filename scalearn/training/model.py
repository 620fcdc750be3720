"""An encoder with a method's modules and a task's head, ready to train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from scalearn.errors import UserError
from scalearn.methods.base import HyperParameters, Method

HEAD = "task"


def load_encoder(folder: Path) -> Any:
    """Return the adapters model in `folder`: local safetensors only, no remote code."""
    from adapters import AutoAdapterModel

    if not (folder / "model.safetensors").is_file():
        raise UserError(f"{folder}: no model.safetensors; fetch the model again, or convert its weights to safetensors")
    return AutoAdapterModel.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
    )


def compose(model: Any, method: Method, values: HyperParameters, sources: Path | None, labels: int) -> None:
    """Install the method's modules, frozen but for what it trains, and a fresh head with `labels` outputs.

    The head is the paper's: dropout, d x d, tanh, dropout, d x labels, on the first token.
    """
    method.install(model, values, sources)
    model.add_classification_head(HEAD, num_labels=labels, layers=2, activation_function="tanh")


def count(model: nn.Module) -> dict[str, int]:
    """Return the numbers of trainable parameters without the head, of the head, and of all parameters."""
    own = sum(p.numel() for name, p in model.named_parameters() if p.requires_grad and not is_head(name))
    head = sum(p.numel() for name, p in model.named_parameters() if p.requires_grad and is_head(name))
    return {"trainable": own, "head": head, "total": sum(p.numel() for p in model.parameters())}


def is_head(name: str) -> bool:
    """Tell whether a parameter belongs to the task's head."""
    return name.startswith("heads.")
