"""The figure beside a table: what is in it, and that equal tables make equal bytes."""

from __future__ import annotations

from pathlib import Path
from statistics import mean

import pytest

from scalearn.results.cells import Table, make_table
from scalearn.results.figure import MEAN, SEED, draw, write_figure
from scalearn.results.scored import current_scores
from tests.results.pair_table import COMPLETE, INCOMPLETE, LAYOUT, write_scores

Scores = dict[str, dict[str, dict[int, float]]]


def table_of(folder: Path, scores: Scores) -> Table:
    write_scores(folder / "runs", scores)
    layout = LAYOUT
    return make_table(layout, current_scores([layout], folder / "runs"), folder / "runs")


@pytest.mark.parametrize("scores", [COMPLETE, INCOMPLETE, {}], ids=["complete", "incomplete", "empty"])
def test_a_light_dot_per_seed_and_a_dark_one_per_mean(scores: Scores, tmp_path: Path) -> None:
    table = table_of(tmp_path, scores)
    panels = draw(table).axes
    assert [panel.get_title().split("\n")[0] for panel in panels] == ["rte", "sts", "average"]
    titles = [label.get_text() for label in panels[0].get_yticklabels()]
    assert titles == [row.method.title for row in table.rows]
    for panel, task in zip(panels, ("rte", "sts"), strict=False):
        for place, row in enumerate(table.rows):
            values = [100 * value for value in scores.get(row.method.name, {}).get(task, {}).values()]
            dots = {
                color: [x for line in panel.lines if line.get_color() == color and place in line.get_ydata()
                        for x in line.get_xdata()]
                for color in (SEED, MEAN)
            }  # fmt: skip
            assert sorted(dots[SEED]) == pytest.approx(sorted(values))
            assert dots[MEAN] == pytest.approx([mean(values)] if values else [])
    averages = [line.get_xdata()[0] for line in panels[-1].lines if line.get_color() == MEAN]
    assert averages == pytest.approx([100 * row.average for row in table.rows if row.average is not None])


def test_equal_tables_make_equal_bytes_and_other_tables_others(tmp_path: Path) -> None:
    for name, scores in (("a", COMPLETE), ("b", COMPLETE), ("c", INCOMPLETE)):
        write_figure(table_of(tmp_path / name, scores), tmp_path / f"{name}.svg")
    first, second, third = ((tmp_path / f"{name}.svg").read_bytes() for name in "abc")
    assert first == second != third
    assert b">AdapterFusion<" in first
