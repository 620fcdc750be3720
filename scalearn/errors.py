"""The two exceptions that a user is meant to read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from itertools import islice

# What data and config bring along and no log may hold: `user:token@` and `token=` of a URL, and tokens of the hub.
_SECRETS = re.compile(r"(?<=:/)(/?)[^/\s'\"@]+(?=@)|(?<=token=)()[^&\s'\"]+|()\bhf_\w{8,}", re.IGNORECASE)
_MANY, _LONG = 20, 60  # names that a message lists, and characters of each
_FIRST, _LAST = 1200, 400  # characters of a longer sentence that are shown: where it is, and how to mend it


class UserError(Exception):
    """Bad input. Its text is one sentence: which file, which key, and how to mend it.

    It may quote what it complains of: that is shown on one line, in part if it is long, and without secrets.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(_printable(sentence))


class Stopped(Exception):
    """Work that was asked to stop, did so with a checkpoint, and goes on when the same command is given again."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint such as `, did you mean 'rte'?` or, with nothing close, the list of what is known."""
    options = sorted(known)
    close = get_close_matches(name[:100], options, n=1)
    return f", did you mean '{close[0]}'?" if close else f"; known: {shown(options) or 'none'}"


def shown(names: Collection[str]) -> str:
    """Return names as a list for a message: the first of many, the beginning of long ones, and how many there are."""
    first = [name if len(name) <= _LONG else f"{name[:_LONG]}..." for name in islice(names, _MANY)]
    return ", ".join(first) + (f", ... ({len(names):,} in all)" if len(names) > _MANY else "")


def _printable(sentence: str) -> str:
    """Return the sentence on one line; what a terminal would act on, or not show, is spelt out."""
    if len(sentence) > _FIRST + _LAST:
        sentence = f"{sentence[:_FIRST]} ... {sentence[-_LAST:]}"
    sentence = _SECRETS.sub(r"\1***", sentence)
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in sentence)
