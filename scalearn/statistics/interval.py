"""What a confidence interval is, and what it covers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Covers = Literal["seeds and rows", "rows"]  # "rows": there is one seed, so new seeds may lie anywhere
By = Literal["t", "bootstrap"]


@dataclass(frozen=True)
class Interval:
    """A 95 % confidence interval of a score or of a difference of scores, as fractions.

    covers: what could have come out otherwise: new training seeds and new test rows, or new test rows alone.
    by: a t-interval from variance components, or the Multi-Bootstrap.
    """

    low: float
    high: float
    covers: Covers = "seeds and rows"
    by: By = "t"

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high
