"""The tensors of a saved adapter."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from scalearn.campaign.input_files import ADAPTER_WEIGHTS
from scalearn.errors import UserError
from scalearn.foreign.facts import AdapterFacts


def adapter_layers(facts: AdapterFacts, folder: Path) -> list[dict[str, Tensor]]:
    """Return per layer the four tensors that AdapterFacts describes, in float32.

    folder: that of the adapter. Raises: UserError if its weights are not readable or not finite.
    """
    try:
        tensors = load_file(folder / ADAPTER_WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{facts.where}: {ADAPTER_WEIGHTS} is not readable ({error}); save the adapter again") from None
    layers = [{key: tensors[name].float() for key, name in layer.items()} for layer in facts.tensors]
    if not all(tensor.isfinite().all() for layer in layers for tensor in layer.values()):
        raise UserError(f"{facts.where}: {ADAPTER_WEIGHTS} holds NaN or infinite weights; train the adapter again")
    return layers
