"""Lists of labels that a program has written as text into a cell: "['a', 'b']", "[0, 1, 0]", "[0 1 0]"."""

from __future__ import annotations

import ast
import json
import re
import warnings

_NUMBER = r"-?[0-9]+(?:\.[0-9]*)?"
_ITEM = re.compile(rf"""\s*(?:('(?:[^'\\]|\\.)*')|("(?:[^"\\]|\\.)*")|({_NUMBER}|[Tt]rue|[Ff]alse))\s*(,|$)""")
_NUMBERS = re.compile(rf"{_NUMBER}(?:\s+{_NUMBER})*")  # as NumPy writes an array


def looks_like_list(cell: str) -> bool:
    """Tell whether a cell begins and ends with brackets."""
    cell = cell.strip()
    return cell.startswith("[") and cell.endswith("]")


def parse_list(cell: str) -> list[str] | None:
    """Return the items of a list that is written as JSON, Python or NumPy do it; None if this is no such list.

    Names stand in quotation marks, so that a label such as '[other]' is no list. True and False are 'true' and 'false'.
    """
    if not looks_like_list(cell):
        return None
    inner = cell.strip()[1:-1].strip()
    if _NUMBERS.fullmatch(inner):
        return inner.split()
    items, place = [], 0
    while place < len(inner):
        found = _ITEM.match(inner, place)
        if found is None or (found[4] and found.end() == len(inner)):
            return None
        if (item := _item(*found.group(1, 2, 3))) is None:
            return None
        items.append(item)
        place = found.end()
    return items


def _item(single: str | None, double: str | None, bare: str | None) -> str | None:
    """Return an item without its quotation marks and escapes; None if it has an escape that there is not."""
    if bare is not None:
        return bare.lower()
    quoted = single or double or ""
    if "\\" not in quoted:
        return quoted[1:-1]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Python only warns of an escape that there is not
            return str(json.loads(double) if double else ast.literal_eval(quoted))
    except (ValueError, SyntaxError, Warning):
        return None
