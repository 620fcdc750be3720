"""Determinism: on one type of machine, a run's bytes depend on its seed alone.

On a CPU the number of threads is part of the machine, since sums are split among threads. On a GPU some kernels add in
the order in which their threads finish, unless torch is told to use deterministic ones.
"""

from __future__ import annotations

import torch
from transformers import set_seed


def fix(seed: int) -> None:
    """Seed every random generator. On a GPU, use deterministic kernels; an operation that has none warns."""
    set_seed(seed)
    if torch.cuda.is_available():
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # slow, and useful for debugging only
        torch.backends.cudnn.benchmark = False
