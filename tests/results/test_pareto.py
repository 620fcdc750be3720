"""The Pareto front of scores over a cost."""

from __future__ import annotations

import pytest

from scalearn.methods import METHODS
from scalearn.results.cells import Cell, Row
from scalearn.results.pareto import front, total_parameters


def row_of(method: str, *parameters: int | None) -> Row:
    cells = [
        Cell(f"task{index}", (0,), {0: 0.5} if count is not None else {}, count)
        for index, count in enumerate(parameters)
    ]
    return Row(method, METHODS[method].title, METHODS[method], tuple(cells))


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ({}, set()),
        ({"one": (1, 0.5)}, {"one"}),
        ({"cheap": (1, 0.5), "good": (9, 0.8), "bad": (10, 0.7)}, {"cheap", "good"}),
        ({"same": (1, 0.5), "twin": (1, 0.5)}, {"same", "twin"}),
        ({"worse": (1, 0.4), "better": (1, 0.5)}, {"better"}),
        ({"dear": (2, 0.5), "cheap": (1, 0.5)}, {"cheap"}),
        ({"nothing": (0, 0.1), "some": (1, 0.1)}, {"nothing"}),
    ],
)
def test_the_front_has_what_nothing_beats(points: dict[str, tuple[float, float]], expected: set[str]) -> None:
    assert front(points) == expected


def test_parameters_of_a_joint_run_count_once_and_others_for_each_task() -> None:
    assert total_parameters(row_of("scalearn", 96, 96)) == 192
    assert total_parameters(row_of("adapter_m", 96, 96)) == 96
    assert total_parameters(row_of("scalearn", 96, None)) is None
