"""Determinism: on one type of machine, a run's bytes depend on its seed alone.

On a CPU the number of threads is part of the machine, since sums are split among threads. On a GPU some kernels add in
the order in which their threads finish, unless torch is told to use deterministic ones. An operation that has no
deterministic kernel then raises an error. The trainer allows such operations from there on, and the run's record names
the first.
"""

from __future__ import annotations

import os
import re
import warnings

import torch
from transformers import set_seed

CUBLAS = "CUBLAS_WORKSPACE_CONFIG"  # cuBLAS is deterministic only if its workspace has one of these sizes
WORKSPACES = (":4096:8", ":16:8")
NO_DETERMINISTIC_KERNEL = "does not have a deterministic implementation"


def fix(seed: int) -> None:
    """Seed every random generator. On a GPU, use deterministic kernels only, whatever this process did before."""
    set_seed(seed)
    if torch.cuda.is_available():
        if os.environ.get(CUBLAS) not in WORKSPACES:
            os.environ[CUBLAS] = WORKSPACES[0]
        torch.use_deterministic_algorithms(True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # slow, and useful for debugging only
        torch.backends.cudnn.benchmark = False
        _enable_fused_attention(True)


def operation_without_kernel(error: RuntimeError) -> str | None:
    """Return the operation that this error says has no deterministic kernel.

    Return None for any other error, and also where such operations are allowed already.
    """
    if torch.is_deterministic_algorithms_warn_only_enabled():
        return None
    if CUBLAS in str(error):  # torch reads the variable once, when it first calls cuBLAS
        return f"cuBLAS (used before {CUBLAS} was set)"
    named = re.search(rf"(.+) {NO_DETERMINISTIC_KERNEL}", str(error))
    return named[1] if named else None


def allow_others() -> None:
    """Let operations without a deterministic kernel run; all others stay deterministic.

    torch's fused attention is deterministic only where nothing else is allowed, so attention is computed unfused.
    """
    torch.use_deterministic_algorithms(True, warn_only=True)
    for message in (NO_DETERMINISTIC_KERNEL, CUBLAS):
        warnings.filterwarnings("ignore", f".*{message}")  # the record says it
    _enable_fused_attention(False)


def _enable_fused_attention(enabled: bool) -> None:
    torch.backends.cuda.enable_flash_sdp(enabled)
    torch.backends.cuda.enable_mem_efficient_sdp(enabled)
    torch.backends.cuda.enable_cudnn_sdp(enabled)
