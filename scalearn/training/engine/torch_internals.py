"""Every private part of torch that training uses, with its reason. Written for torch 2.11 to 2.13.

tests/training/gpu/test_obstacles.py fails where torch changes one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def copy_all(targets: Sequence[Tensor], sources: Sequence[Tensor]) -> None:
    """Copy each source into its target, all by one kernel. The public way takes a kernel for each."""
    torch._foreach_copy_(list(targets), list(sources))


def end_failed_capture(pool: Any) -> None:
    """Let the allocator forget a capture that failed. torch itself does not, and then frees no memory any more."""
    device = torch.cuda.current_device()
    try:
        torch._C._cuda_endAllocateToPool(device, pool)
    except RuntimeError:  # some failures end a capture properly
        return
    torch._C._cuda_releasePool(device, pool)
