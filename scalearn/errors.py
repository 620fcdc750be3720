"""The exceptions whose text users read, and helpers to write that text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import islice

# Secrets in data and config that must not reach a log: `user:token@` and `token=` in URLs, and hub tokens.
_SECRETS = re.compile(r"(?<=:/)(/?)[^/\s'\"@]+(?=@)|(?<=token=)()[^&\s'\"]+|()\b(?-i:hf_)\w{8,}", re.IGNORECASE)
_MANY, _LONG = 20, 60  # how many names a message lists, and how many characters of each
_FIRST, _LAST = (
    1200,
    400,
)  # characters that are shown of a longer message, which begins with the place and ends with the mend


class UserError(Exception):
    """Bad input. The text is one sentence that names the file, the key and the mend.

    The text may quote the input. It is printed on one line, shortened if it is long, and without secrets.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(_printable(sentence))


class ArgumentError(UserError, ValueError):
    """Bad input of a call from Python. It is a ValueError, too, which `adapters` and `transformers` raise."""


def of_path(error: OSError) -> UserError:
    """Return what the operating system says of a path. error: one with a file name."""
    return UserError(f"{error.filename}: {error.strerror}; mend the path, or what is in its way")


@contextmanager
def as_argument_error() -> Iterator[None]:
    """Raise a UserError of the code inside as an ArgumentError, and an error of the operating system about a path, too.

    Public functions of the package use it as decorator.
    """
    try:
        yield
    except UserError as error:
        raise ArgumentError(str(error)) from None
    except OSError as error:
        if error.filename is None:  # a library's own affair, such as a connection
            raise
        raise ArgumentError(str(of_path(error))) from error


class Stopped(Exception):
    """Work that stopped on request, after a checkpoint. The same command continues it."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint for an unknown name: `, did you mean 'rte'?`, or the list of known names if none is similar."""
    options = sorted(known)
    close = get_close_matches(name[:100], options, n=1)
    return f", did you mean '{close[0]}'?" if close else f"; known: {shown(options) or 'none'}"


def shown(names: Collection[str]) -> str:
    """Return names as a comma-separated list for a message. Long names and long lists are shortened."""
    first = [name if len(name) <= _LONG else f"{name[:_LONG]}..." for name in islice(names, _MANY)]
    return ", ".join(first) + (f", ... ({len(names):,} in all)" if len(names) > _MANY else "")


def _printable(sentence: str) -> str:
    """Return the sentence on one line. Control characters and invisible characters are written as escapes."""
    if len(sentence) > _FIRST + _LAST:
        sentence = f"{sentence[:_FIRST]} ... {sentence[-_LAST:]}"
    sentence = _SECRETS.sub(r"\1***", sentence)
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in sentence)
