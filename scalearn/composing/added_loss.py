"""A method's own term of the loss, in the loss that a model returns."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

from torch import nn
from transformers.utils import ModelOutput

from scalearn.methods.base import Method
from scalearn.methods.hyperparameters import HyperParameters


@dataclass(frozen=True)
class AddedLoss:
    """A forward hook that adds the method's regularisation to the loss while the model trains."""

    method: Method
    values: HyperParameters

    def __call__(self, model: nn.Module, inputs: tuple[Any, ...], output: Any) -> Any:
        """Return the output with the added loss."""
        if not model.training:
            return output
        if not isinstance(output, ModelOutput) or output.get("loss") is None:
            warnings.warn(
                f"{self.method.title} adds a term to the loss that the model returns, and it returns none; pass "
                "`labels` to the model, and use no loss function of your own",
                stacklevel=2,
            )
            return output
        term = self.method.regularisation(model, self.values)
        output["loss"] = output["loss"] + term
        return output
