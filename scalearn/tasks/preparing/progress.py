"""A line now and then on how far a long pass over rows has come."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sized
from typing import TypeVar

_SECONDS = 10.0

Some = TypeVar("Some", bound=Sized)


def reported(batches: Iterator[Some], what: str) -> Iterator[Some]:
    """Yield the batches; what takes long says every ten seconds, on standard error, how many rows are done.

    Lines, not a bar: jobs side by side share a terminal, and most write to a log.
    """
    start = shown = time.monotonic()
    rows = 0
    for batch in batches:
        yield batch
        rows += len(batch)
        now = time.monotonic()
        if now - shown >= _SECONDS:
            shown = now
            print(f"  {what}: {rows:,} rows, {rows / (now - start):,.0f} a second", file=sys.stderr, flush=True)
