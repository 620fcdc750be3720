"""The two exceptions that a user is meant to read."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Bad input. Its text is one sentence: which file, which key, and how to mend it."""


class Stopped(Exception):
    """Work that was asked to stop, did so with a checkpoint, and goes on when the same command is given again."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint such as `, did you mean 'rte'?` or, with nothing close, the list of what is known."""
    options = sorted(known)
    close = get_close_matches(name, options, n=1)
    return f", did you mean '{close[0]}'?" if close else f"; known: {', '.join(options) or 'none'}"
