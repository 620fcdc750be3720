"""Importing the heavy libraries: half a million objects that stay, so no garbage collection should look at them."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Collect no garbage in this block, and leave what is there at its end out of all later collections.

    Torch and transformers import in four fifths of the time, and the trainer's own call of the collector, before its
    first step, has next to nothing to do (benchmarks/start.py). Only the first block of a process leaves things out:
    what a program has made since then may be garbage one day. A warm server's children share more of its memory.
    """
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()
        gc.enable()
