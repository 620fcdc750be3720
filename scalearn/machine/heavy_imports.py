"""Imports of the heavy libraries without garbage collection; they create half a million objects that all stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Disable garbage collection in this block, and exclude all objects that exist at its end from later collections.

    Torch and transformers then import in four fifths of the time, and the collection that the trainer runs before its
    first step takes almost no time (benchmarks/start.py). The children of a warm server share more of its memory. Only
    the first block of a process excludes objects, since later objects may become garbage.
    """
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()
        gc.enable()
