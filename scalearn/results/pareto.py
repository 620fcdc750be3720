"""Which rows of a table are worth their cost: the Pareto front of scores over a cost, such as parameters."""

from __future__ import annotations

from collections.abc import Mapping

from scalearn.results.cells import Row


def front(points: Mapping[str, tuple[float, float]]) -> frozenset[str]:
    """Return the names of the points that no other point beats.

    A point beats another if its cost is not higher and its score is not lower, and one of the two is better. Of equal
    points, none beats the other.

    Args:
        points: Name -> cost and score.
    """
    return frozenset(
        name
        for name, (cost, score) in points.items()
        if not any(
            other_cost <= cost and other_score >= score and (other_cost, other_score) != (cost, score)
            for other_cost, other_score in points.values()
        )
    )


def total_parameters(row: Row) -> int | None:
    """Return how many parameters a row trains for all tasks of its benchmark, without heads and source adapters.

    A joint run learns all tasks, so its parameters count once; those of other methods are summed over the tasks, as in
    the paper's figure. None if a task has no finished run.
    """
    counts = [cell.parameters for cell in row.cells if cell.parameters is not None]
    if len(counts) < len(row.cells):
        return None
    return max(counts) if row.method.family == "joint" else sum(counts)
