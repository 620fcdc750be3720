"""Drawing from lists, the same on every machine and with every Python."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")
Row = dict[str, str | float]


class Draw:
    """A stream of draws that a name fixes. Only `Random.random` is used: Python promises that it never changes."""

    def __init__(self, name: str) -> None:
        self._random = Random(f"scalearn {name}").random

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self._random() < probability

    def below(self, limit: int) -> int:
        """Return a number from 0 to limit - 1."""
        return int(self._random() * limit)

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.below(len(options))]

    def other(self, options: Sequence[T], taken: T) -> T:
        """Return one of the options, but not the taken one."""
        return self.pick([option for option in options if option != taken])

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """Return `count` different options, in a random order."""
        left = list(options)
        return [left.pop(self.below(len(left))) for _ in range(count)]


def sentence(text: str) -> str:
    """Return the text with a capital first letter and a full stop."""
    return f"{text[0].upper()}{text[1:]}."


def article(noun: str) -> str:
    """Return the noun with 'a' or 'an'."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
