"""One seed, one result: on one type of machine a run's bytes depend on nothing else.

On a CPU the number of threads belongs to the machine: sums are split among them. On a GPU some kernels add in the order
in which they happen to finish, unless told otherwise.
"""

from __future__ import annotations

import torch
from transformers import set_seed


def fix(seed: int) -> None:
    """Seed every generator, and on a GPU take kernels that add in one order; one that has no such kernel warns."""
    set_seed(seed)
    if torch.cuda.is_available():
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # a help for debugging, and slow
        torch.backends.cudnn.benchmark = False
