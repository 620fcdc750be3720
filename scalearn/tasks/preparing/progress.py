"""Progress lines for long passes over rows."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sized
from typing import TypeVar

_SECONDS = 10.0

Item = TypeVar("Item", bound=Sized)


def reported(batches: Iterator[Item], what: str) -> Iterator[Item]:
    """Yield the batches, and print to standard error every ten seconds how many rows are done.

    It prints lines, not a bar, because jobs that run at the same time share a terminal and most output goes to a log.

    Args:
        what: what is being read; the line begins with it.
    """
    start = printed = time.monotonic()
    rows = 0
    for batch in batches:
        yield batch
        rows += len(batch)
        now = time.monotonic()
        if now - printed >= _SECONDS:
            printed = now
            print(f"  {what}: {rows:,} rows, {rows / (now - start):,.0f} a second", file=sys.stderr, flush=True)
