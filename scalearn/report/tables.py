"""Tables as the page shows them: a caption, a line per row with its family, and cells that sort by their numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass

from scalearn.results.grid import Grid, Line, Mark

_NUMBER = re.compile(r"[-+]?\d[\d,]*(\.\d+)?")


@dataclass(frozen=True)
class CellView:
    """A cell: its text, what it sorts by, whether it is the best, and the anchor of its runs."""

    text: str
    order: str
    bold: bool = False
    href: str = ""


@dataclass(frozen=True)
class RowView:
    """A line of a table. title: the row's, by which it is highlighted; family: "" for lines that are no method's."""

    title: str
    family: str
    cells: tuple[CellView, ...]


@dataclass(frozen=True)
class TableView:
    """A table with all that is said below it. missing: texts for what there is no value of."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[RowView, ...]
    notes: tuple[str, ...]
    missing: tuple[str, ...]


def table_view(content: Grid, methods: Set[str], anchors: Mapping[tuple[str, int], str] | None = None) -> TableView:
    """Return a table before any markup as the page shows it.

    Args:
        methods: The titles of methods' rows. Other lines, such as the majority baseline, have no family.
        anchors: (title of the row, index of the column) -> the anchor of the cell's runs.
    """
    rows: list[RowView] = []
    family = ""
    for line in content.lines:
        if line.family:
            family = line.family
        else:
            rows.append(_row(line, family if line.cells[0].text in methods else "", anchors or {}))
    first, *others = content.header
    header = (first, "Family", *others)
    return TableView(content.title, header, tuple(rows), (*content.notes, *content.caption), content.missing)


def _row(line: Line, family: str, anchors: Mapping[tuple[str, int], str]) -> RowView:
    title = line.cells[0].text
    cells = (_cell(mark, anchors.get((title, place), "")) for place, mark in enumerate(line.cells[1:]))
    return RowView(title, family, tuple(cells))


def _cell(mark: Mark, href: str) -> CellView:
    return CellView(mark.text + mark.signs, order(mark.text), mark.bold, href)


def order(text: str) -> str:
    """Return the first number of a text, by which its cell sorts; "" if it has none."""
    number = _NUMBER.search(text.replace("\N{MINUS SIGN}", "-"))
    return number[0].replace(",", "") if number else ""
