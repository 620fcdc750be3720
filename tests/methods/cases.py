"""The methods as tests take them: on a tiny encoder, and one of each sort where a test is slow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scalearn.methods import METHODS
from scalearn.methods.base import Method, Shapes
from scalearn.methods.hyperparameters import HyperParameters

_TINY = {"compacter": {"reduction_factor": 8}}  # 32 / 8 is a bottleneck of four, the least that it can divide

# One method of each class, and of those that share parameters between layers one more; joint methods apart.
_SORTS = {(type(m), m.family == "joint", getattr(m, "shared", False)): m.name for m in reversed(METHODS.values())}
SORTS = tuple(name for (_, joint, _), name in _SORTS.items() if not joint)
JOINT = tuple(name for (_, joint, _), name in _SORTS.items() if joint)


def write_similarities(path: Path, names: Sequence[str]) -> None:
    """Write the file that AdapterSoup wants, with every two of these tasks equally similar."""
    table = {target: dict.fromkeys(names, 0.5) for target in names}
    path.write_text(json.dumps({"all": table, "first_three": table}))


def tiny_values(method: Method) -> HyperParameters:
    """Return the method's defaults, but for those that a 32 wide encoder is too small for."""
    return method.defaults.but(**_TINY.get(method.name, {}))


def shapes(config: Any, sources: int, tasks: int = 1) -> Shapes:
    """Return the sizes of an encoder with this configuration."""
    embeddings = config.vocab_size + config.max_position_embeddings + config.type_vocab_size
    return Shapes(
        config.num_hidden_layers,
        config.hidden_size,
        config.intermediate_size,
        embeddings,
        sources,
        bottleneck=2,
        tasks=tasks,
    )
