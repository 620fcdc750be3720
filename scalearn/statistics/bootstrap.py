"""The Multi-Bootstrap (Sellam et al., ICLR 2022): training seeds and test rows are both drawn anew, crossed.

Drawn from ten seeds, plain percentiles are too narrow: they take the ten for all seeds that there are. The percentiles
here are expanded (Hesterberg 2015): they are those at which a normal distribution as wide as the draws has the
half-width of the t-interval. The draws give the interval's shape, and the variance components its width.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scalearn.statistics.crossed import CONFIDENCE, Estimate, Term, strata
from scalearn.statistics.interval import Interval
from scalearn.statistics.sums import Value

Array = npt.NDArray[np.float64]
DRAWS = 10_000
FEWEST_SEEDS = 10
CHUNK = 2**24  # numbers of one matrix of counts: 64 MiB


def draw_scores(terms: Array, value: Value, draws: int = DRAWS, seed: int = 0) -> Array:
    """Return the scores of runs on redrawn test rows, shape (draws, runs). All runs get the same rows in a draw.

    Args:
        terms: (runs, units, terms) of `sums.Sums`.
        value: The metric as a function of sums.
        seed: Of the drawing.
    """
    runs, units, width = terms.shape
    matrix = np.ascontiguousarray(terms.transpose(1, 0, 2).reshape(units, runs * width), np.float32)
    rng = np.random.default_rng(seed)
    scores = np.empty((draws, runs))
    step = max(1, CHUNK // units)
    for start in range(0, draws, step):
        count = min(step, draws - start)
        sums = _counts(rng, count, units) @ matrix
        scores[start : start + count] = value(sums.reshape(count, runs, width).astype(np.float64))
    return scores


def _counts(rng: np.random.Generator, draws: int, units: int) -> npt.NDArray[np.float32]:
    """Return how often each draw takes each unit, (draws, units): as many as there are, with replacement."""
    taken = rng.integers(0, units, (draws, units), dtype=np.int32)
    taken += np.arange(draws, dtype=np.int32)[:, None] * units
    return np.bincount(taken.ravel(), minlength=draws * units).reshape(draws, units).astype(np.float32)


def draw_sums(terms: Sequence[Term], seed: int = 0) -> Array | None:
    """Return the sum of the terms for each draw of rows and seeds; None if rows were not drawn for all terms."""
    drawn = [runs.drawn for _, runs in terms]
    rng = np.random.default_rng(seed)
    total: Array | None = None
    for members, levels in strata(terms):
        counts: Array | None = None
        for index in members:
            weight, runs = terms[index]
            of_runs = drawn[index]
            if of_runs is None:
                return None
            if counts is None:
                counts = rng.multinomial(len(levels), [1 / len(levels)] * len(levels), size=len(of_runs)).astype(float)
            scores = of_runs[:, [runs.levels.index(level) for level in levels]]
            part = weight / len(runs.levels) * (counts * scores).sum(axis=1)
            total = part if total is None else total + part
    return total


def bootstrap_interval(draws: Array, of: Estimate) -> Interval | None:
    """Return the expanded percentile interval; None if the draws are too few for its percentiles, or do not vary."""
    from scipy.special import ndtr, stdtrit

    spread = float(draws.std(ddof=1))
    if not of.variance or not spread:
        return None
    tail = float(ndtr(-stdtrit(of.freedom, (1 + CONFIDENCE) / 2) * of.error / spread))
    if tail * len(draws) < 5:
        return None
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(float(low), float(high), of.covers, "bootstrap")


def bootstrap_p(draws: Array, of: Estimate) -> float | None:
    """Return the two-sided p of 0 that belongs to `bootstrap_interval`: one minus the level at which it ends at 0."""
    from scipy.special import ndtri, stdtr

    spread = float(draws.std(ddof=1))
    if of.p is None or not spread:
        return of.p
    share = (np.count_nonzero(draws <= 0) + np.count_nonzero(draws < 0)) / 2 / len(draws)
    least = 1 / (len(draws) + 1)
    normal = abs(float(ndtri(min(max(share, least), 1 - least))))
    return min(1.0, 2 * float(stdtr(of.freedom, -normal * spread / of.error)))


def enough_seeds(terms: Sequence[Term]) -> bool:
    """Return whether every method has as many seeds as the bootstrap needs."""
    return all(len(runs.levels) >= FEWEST_SEEDS for _, runs in terms)
