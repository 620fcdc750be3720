"""Corrections for many tests: Holm's, and on how many tasks a method is better at least (partial conjunction)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Return Holm's adjusted p for each p (Holm 1979); None stays None and is no test."""
    order = sorted((p, index) for index, p in enumerate(ps) if p is not None)
    scaled = (min(1.0, (len(order) - rank) * p) for rank, (p, _) in enumerate(order))
    adjusted: list[float | None] = [None] * len(ps)
    for value, (_, index) in zip(accumulate(scaled, max), order, strict=True):
        adjusted[index] = value
    return adjusted


def one_sided(p: float | None, difference: float) -> float | None:
    """Return the p of 'not better' of a two-sided p and the sign of the difference."""
    return None if p is None else p / 2 if difference > 0 else 1 - p / 2


def better_on_at_least(ps: Sequence[float | None], alpha: float = 0.05) -> int:
    """Return on how many tasks at least a method is better, with error `alpha` (Dror et al., TACL 2017).

    The partial conjunction test with Bonferroni's p: (T - u + 1) times the u-th smallest of T. It holds for tasks that
    depend on each other.

    Args:
        ps: One-sided p's, one per task, of 'the method is not better'. None counts as 1.
    """
    ordered = sorted(1.0 if p is None else p for p in ps)
    combined = accumulate(((len(ordered) - index) * p for index, p in enumerate(ordered)), max)
    return sum(p <= alpha for p in combined)
