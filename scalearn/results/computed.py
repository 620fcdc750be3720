"""Which cells of a table were computed in other precisions or on other devices than most, and what is said of them."""

from __future__ import annotations

from collections import Counter

from scalearn.results.cells import Cell, Table


def computed_otherwise(table: Table, cell: Cell) -> bool:
    """Return whether a cell's runs were computed in several ways, or otherwise than those of most cells."""
    return bool(cell.values) and (len(cell.computed) > 1 or cell.computed != _usual(table))


def computed_note(table: Table) -> list[str]:
    """Return the explanation of the mark, with how each marked cell was computed; nothing if no cell is marked."""
    cells = [
        f"{row.title}, {cell.task}: {' and '.join(cell.computed) or 'not known'}"
        for row in table.rows
        for cell in row.cells
        if computed_otherwise(table, cell)
    ]
    if not cells:
        return []
    usual = f" ({_usual(table)[0]})" if _usual(table) else ""
    return [
        "Marked ‡: its runs were computed in several precisions or on several devices, or otherwise than most cells"
        f"{usual}. Small differences may come from there. {'; '.join(cells)}."
    ]


def _usual(table: Table) -> tuple[str, ...]:
    """Return how most cells were computed, of those that were computed in one way; of equals the first by name."""
    ways = Counter(cell.computed for row in table.rows for cell in row.cells if len(cell.computed) == 1)
    return min(ways, key=lambda way: (-ways[way], way), default=())
