"""Figures of tables of any size: what they hold, how they look alike, and that equal tables make equal bytes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scalearn.campaign.places import FIGURES
from scalearn.errors import UserError
from scalearn.figures.figure import Figure, figures_of
from scalearn.figures.files import _check_ours, _empty, save, write_hours, write_scores
from scalearn.figures.style import COLOURS, HIGHLIGHT
from scalearn.results.cells import Table
from scalearn.statistics.interval import Interval
from tests.figures.made_table import METHOD_NAMES, TASKS, made_curves, made_table
from tests.places import ROOT

FIFTEEN = tuple(f"task_{number}" for number in range(15))
TITLES = {"adapter": "x" * 60, "scalearn": 'ω & "Größe" <b> 字 \N{ROCKET}'}
TABLES = {
    "full": made_table(),
    "one seed": made_table(tasks=("rte", "cola"), seeds=1),
    "no intervals": made_table(tasks=("rte", "cola"), intervals=False),
    "one task": made_table(tasks=("rte",)),
    "15 tasks": made_table(methods=("adapter", "adapter_m", "scalearn"), tasks=FIFTEEN),
    "only joint": made_table(methods=("adapter_m", "hyperformer")),
    "one row": made_table(methods=("adapter",)),
    "odd titles": made_table(methods=("adapter", "scalearn"), titles=TITLES),
    "nothing": made_table(seeds=0),
}


def all_figures(table: Table) -> dict[str, Figure]:
    hours = {row.name: 0.1 * (place + 1) for place, row in enumerate(table.rows)}
    curves = made_curves(table) if any(cell.values for row in table.rows for cell in row.cells) else []
    return {figure.name: figure for figure in figures_of(table, curves, hours)}


def values(chart: Any, name: str) -> set[Any]:
    """Return all values of a field in the data of a chart's specification."""
    found: set[Any] = set()

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if isinstance(part.get(name), str | int | float) and "type" not in part:
                found.add(part[name])
            for value in part.values():
                walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    walk(chart.to_dict())
    return found


@pytest.mark.parametrize("name", list(TABLES))
def test_every_figure_is_drawn_and_has_words(name: str, tmp_path: Path) -> None:
    figures = all_figures(TABLES[name])
    assert "scores" in figures
    for figure in figures.values():
        assert len(figure.text) > 40 and figure.title
        save(figure, tmp_path / figure.name, ["svg"])
        assert (tmp_path / f"{figure.name}.svg").read_text().startswith("<svg")


def test_all_figures_show_all_rows_and_a_full_table_has_all_figures() -> None:
    table = TABLES["full"]
    figures = all_figures(table)
    assert list(figures) == [*FIGURES, "hours"]
    for figure in figures.values():
        titles = {row.title for row in table.rows if figure.name != "forest" or row.name != table.against}
        assert titles <= values(figure.chart, "row"), figure.name


def digits(value: float) -> float:
    """Return a number with the six digits that charts have."""
    return float(f"{value:.6g}")


def test_scores_are_times_100_with_seeds_means_and_intervals() -> None:
    table = TABLES["one task"]
    chart = all_figures(table)["scores"].chart
    cells = [cell for row in table.rows for cell in row.cells]
    assert values(chart, "mean") >= {digits((cell.mean or 0) * 100) for cell in cells}
    assert values(chart, "value") >= {digits(value * 100) for cell in cells for value in cell.values.values()}
    assert values(chart, "low") >= {digits(cell.interval.low * 100) for cell in cells if cell.interval}


def test_a_row_without_a_value_is_named_as_missing(tmp_path: Path) -> None:
    save(all_figures(TABLES["nothing"])["scores"], tmp_path / "scores", ["svg"])
    text = (tmp_path / "scores.svg").read_text()
    assert text.count(">missing<") == len(METHOD_NAMES) * (len(TASKS) + 1)


def test_a_row_has_one_colour_in_all_figures_and_no_two_rows_look_alike() -> None:
    table = TABLES["full"]
    for figure in all_figures(table).values():
        text = json.dumps(figure.chart.to_dict())
        domain = json.dumps([row.title for row in table.rows])
        colours = json.dumps([COLOURS[place % len(COLOURS)] for place in range(len(table.rows))])
        assert f'{{"domain": {domain}, "range": {colours}}}' in text, figure.name
    looks = [(COLOURS[place % len(COLOURS)], row.method.family) for place, row in enumerate(table.rows)]
    assert len(set(looks)) == len(looks)


def test_every_chart_can_highlight_a_row() -> None:
    for figure in all_figures(TABLES["full"]).values():
        specification = figure.chart.to_dict()
        assert {"name": HIGHLIGHT, "value": None} in specification["params"], figure.name


def test_without_comparisons_there_is_no_forest_and_without_hours_no_figure_of_hours() -> None:
    figures = [figure.name for figure in figures_of(TABLES["no intervals"], made_curves(TABLES["no intervals"]))]
    assert figures == ["scores", "curves", "parameters"]


def test_the_front_is_named_in_words() -> None:
    table = made_table(methods=("adapter", "scalearn"), tasks=("rte",))
    text = all_figures(table)["parameters"].text
    assert "no other row has a higher average for the same cost or less" in text
    assert any(row.title in text for row in table.rows)


def test_equal_tables_make_equal_bytes_in_two_processes(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from scalearn.figures.figure import figures_of;"
        "from scalearn.figures.files import save; from tests.figures.made_table import made_curves, made_table;"
        "table = made_table(tasks=('rte',));"
        "[save(figure, Path(sys.argv[1], figure.name), ['svg', 'png', 'pdf'])"
        " for figure in figures_of(table, made_curves(table))]"
    )
    written = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, check=True, timeout=300)
        written.append({path.name: path.read_bytes() for path in sorted(folder.iterdir())})
    assert len(written[0]) == 12
    assert written[0] == written[1]


def test_a_folder_of_others_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "curves.png").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"curves\.png: it is there already"):
        _check_ours(tmp_path)
    (tmp_path / "scores.svg").write_text("<svg>mine</svg>")
    with pytest.raises(UserError, match=r"scores\.svg: it exists already and is no figure"):
        _check_ours(tmp_path)
    save(all_figures(TABLES["one task"])["scores"], tmp_path / "scores", ["svg"])
    _check_ours(tmp_path)


@pytest.mark.parametrize("name", ["forest", "curves", "parameters", "hours"])
def test_a_figure_with_nothing_to_show_says_why(name: str, tmp_path: Path) -> None:
    save(_empty(name, "glue"), tmp_path / name, ["svg"])
    assert f"glue, {name}: no" in (tmp_path / f"{name}.svg").read_text()


def test_figures_beside_tables(tmp_path: Path) -> None:
    table = TABLES["one task"]
    write_scores(table, tmp_path / "glue_table")
    write_hours(table, {"adapter": 1.5}, tmp_path / "glue_cost")
    assert ">ScaLearn<" in (tmp_path / "glue_table.svg").read_text()
    assert ">Adapter<" in (tmp_path / "glue_cost.svg").read_text()


def test_a_task_and_an_average_that_cannot_be_compared_leave_their_panels_empty(tmp_path: Path) -> None:
    full = made_table(methods=("adapter", "scalearn"), tasks=("rte", "cola"))
    table = replace(full, comparisons=tuple(one for one in full.comparisons if one.task == "rte"))
    figure = all_figures(table)["forest"]
    assert "No two averages can be compared yet" in figure.text
    save(figure, tmp_path / "forest", ["svg"])
    assert ">cola<" in (tmp_path / "forest.svg").read_text()


def test_a_row_that_trains_nothing_stands_at_the_axis_and_tells_its_0() -> None:
    table = made_table(methods=("adapter", "adapter_soup"), tasks=("rte",))
    rows = tuple(
        replace(row, cells=tuple(replace(cell, parameters=0) for cell in row.cells))
        for row in table.families["two_stage"]
    )
    figure = all_figures(replace(table, families={**table.families, "two_stage": rows}))["parameters"]
    assert 0 in values(figure.chart, "exact")
    assert min(values(figure.chart, "cost")) == 1.0
    assert "0 stands at 1" in json.dumps(figure.chart.to_dict())


def test_negative_scores_are_drawn(tmp_path: Path) -> None:
    table = made_table(methods=("adapter", "scalearn"), tasks=("cola",))
    low = tuple(replace(cell, values={0: -0.2, 1: -0.1}, interval=Interval(-0.4, 0.1)) for cell in table.rows[0].cells)
    rows = (replace(table.rows[0], cells=low),)
    figures = all_figures(replace(table, families={**table.families, "single": rows}))
    for figure in figures.values():
        save(figure, tmp_path / figure.name, ["svg"])
    assert -15.0 in values(figures["scores"].chart, "mean")
