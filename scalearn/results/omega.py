"""The scaling coefficients ω that a run of the ScaLearn family has learned, read from its weights."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

from scalearn.campaign.spec import RunSpec

if TYPE_CHECKING:
    import pandas as pd

SUFFIX = ".omega.weight"  # of the names of the tensors


class SourceScales(NamedTuple):
    """ω of one source adapter in one layer.

    layer: None if all layers share ω.
    values: shape (d,), or (1,) in the uniform variants.
    """

    layer: int | None
    source: str
    values: npt.NDArray[np.float32]


def learned_scales(weights: Path, spec: RunSpec, sources: Sequence[str], target: str) -> list[SourceScales]:
    """Return ω as the model multiplies with it: under `omega_constraint`, the normalised scales.

    Args:
        weights: The run's weights.safetensors.
        sources: The names of the stacked source adapters, in order.
        target: The name of the task that the run learns.

    Returns: one entry per layer and source; an empty list for methods without ω.
    """
    tensors = {name: tensor for name, tensor in load_file(weights).items() if name.endswith(SUFFIX)}
    if not tensors:
        return []
    if not getattr(spec.values, "include_target", True):
        sources = [name for name in sources if name != target]
    constraint = getattr(spec.values, "omega_constraint", "none")
    layers = {_layer(name): _constrained(tensor, constraint) for name, tensor in tensors.items()}
    shared = bool(getattr(spec.learner[0], "shared", False))
    return [
        SourceScales(None if shared else layer, source, values)
        for layer, omega in sorted(layers.items())
        for source, values in zip(sources, omega, strict=True)
    ]


def omega_frame(scales: Sequence[SourceScales]) -> pd.DataFrame:
    """Return a row per layer and source: `layer` (no value if all layers share ω), `source` and `summary`."""
    import pandas as pd

    return pd.DataFrame(omega_rows(scales)).astype({"layer": "Int64"})


def omega_rows(scales: Sequence[SourceScales]) -> list[dict[str, Any]]:
    """Return the rows of `omega_frame`. A layer is None if all layers share ω."""
    return [{"layer": entry.layer, "source": entry.source, **summary(entry.values)} for entry in scales]


def summary(values: npt.NDArray[np.float32]) -> Mapping[str, Any]:
    """Return statistics over the dimensions of one source's ω in one layer."""
    return {
        "mean": float(values.mean()),
        "std": float(values.std()),
        "min": float(values.min()),
        "max": float(values.max()),
        "dimensions": len(values),
    }


def _layer(name: str) -> int:
    """Return the number of the layer that a tensor's name gives: `…layer.3.output.adapters…`."""
    numbers = re.findall(r"\.(\d+)\.", name.partition("adapter")[0])
    return int(numbers[-1])


def _constrained(omega: npt.NDArray[np.float32], constraint: str) -> npt.NDArray[np.float32]:
    """Return ω, of shape (S, d) or (S, 1), as the ablation `omega_constraint` changes it."""
    if constraint == "softmax":
        from scipy.special import softmax

        return np.asarray(softmax(omega, axis=0))
    return np.asarray(omega / omega.sum(axis=0)) if constraint == "mean" else omega
