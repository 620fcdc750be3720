"""Lists of labels that a program has written into a cell as text: "['a', 'b']", "[0, 1, 0]", "[0 1 0]", "a,b"."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Sequence

_NUMBER = r"-?[0-9]+(?:\.[0-9]*)?"
_ITEM = re.compile(rf"""\s*(?:('(?:[^'\\]|\\.)*')|("(?:[^"\\]|\\.)*")|({_NUMBER}|[Tt]rue|[Ff]alse))\s*(,|$)""")
_NUMBERS = re.compile(rf"{_NUMBER}(?:\s+{_NUMBER})*")  # as NumPy writes an array
_CALL = r"(?:array|set|frozenset|tuple|list|dict)\(\s*[\[({'\"].*\)"
_TUPLE = r"\([^()]*,[^()]*\)|\(\s*['\"].*['\"]\s*,?\s*\)"
# Matches a list, set, tuple or dictionary in a cell of a multi_label task, but not the name '(other)'. The pattern must
# also be valid for RE2, which Arrow uses.
ENCLOSED = rf"(?s)^\s*(?:\[.*\]|\{{.*\}}|{_CALL}|{_TUPLE})\s*$"
_SEVERAL = re.compile(rf"(?s)\[[^\[\]]*,[^\[\]]*\]|\{{.*[,:'\"].*\}}|{_CALL}|{_TUPLE}")
_VALUES = re.compile(r"[0-9]+(?:\.0*)?(?:(?P<by>\s*[,;]\s*|\s+|\|)[0-9]+(?:\.0*)?)+")
_BITS = re.compile(r"[01](?:\.0*)?(?:(?P<by>\s*[,;]\s*|\s+|\|)[01](?:\.0*)?)+")
_DIGITS = re.compile(r"[01]{2,}")
_SEPARATORS = (",", ";", "|", "\t", "\n", "/", "+")
_ALSO_IN_NAMES = ("/", "+")  # 'sport/football' and 'sport/tennis' are names, not lists


def is_several(label: str) -> bool:
    """Tell whether a label is a list, set, tuple or dictionary of several labels. '[a, b]' is; '[other]' is a name."""
    return parse_list(label) is not None or _SEVERAL.fullmatch(label.strip()) is not None


def number_separator(label: str, bits: bool) -> str | None:
    """Return the separator of a label that consists of several numbers, such as '3,7' or '0 1 0'; None for others.

    White space is returned as ' '.

    Args:
        bits: accept only the numbers 0 and 1.
    """
    match = (_BITS if bits else _VALUES).fullmatch(label.strip())
    return (match["by"].strip() or " ") if match else None


def are_digit_vectors(labels: Sequence[str]) -> bool:
    """Tell whether all labels are vectors of 0 and 1 without a separator: '010' and '100'."""
    same_length = len({len(label) for label in labels}) == 1
    return same_length and all(map(_DIGITS.fullmatch, labels)) and any(label.startswith("0") for label in labels)


def other_separator(labels: Sequence[str]) -> tuple[str, str] | None:
    """Return a label that consists of several labels, and the separator between them; None if there is none.

    'a,b' and 'b,c' are such labels. The evidence is a part that occurs at several positions, or two parts that recur in
    other labels.
    """
    for separator in _SEPARATORS:
        if not any(separator in label for label in labels):
            continue
        split = [[part.strip() for part in label.split(separator)] for label in labels]
        places: dict[str, list[int]] = {}
        joined: set[str] = set()
        for parts in split:
            for part in set(parts):
                places.setdefault(part, []).append(parts.index(part))
            joined |= set(parts) if len(parts) > 1 else set()
        recurring = {part for part in joined if part and len(places[part]) > 1}
        moving = {part for part in recurring if len(set(places[part])) > 1}
        if moving or (len(recurring) > 1 and separator not in _ALSO_IN_NAMES):
            marked = moving or recurring
            rows = zip(labels, split, strict=True)
            return next(label for label, parts in rows if len(parts) > 1 and marked & set(parts)), separator
    return None


def looks_like_list(cell: str) -> bool:
    """Tell whether a cell begins and ends with brackets."""
    cell = cell.strip()
    return cell.startswith("[") and cell.endswith("]")


def parse_list(cell: str) -> list[str] | None:
    """Return the items of a list in the notation of JSON, Python or NumPy; None if the cell holds something else.

    Names must be in quotation marks, so that the label '[other]' is not a list. True and False become 'true' and
    'false'.
    """
    if not looks_like_list(cell):
        return None
    inner = cell.strip()[1:-1].strip()
    if _NUMBERS.fullmatch(inner):
        return inner.split()
    items, place = [], 0
    while place < len(inner):
        match = _ITEM.match(inner, place)
        if match is None or (match[4] and match.end() == len(inner)):
            return None
        if (item := _item(*match.group(1, 2, 3))) is None:
            return None
        items.append(item)
        place = match.end()
    return items


def _item(single: str | None, double: str | None, bare: str | None) -> str | None:
    """Return an item without its quotation marks and escapes; None if it has an invalid escape."""
    if bare is not None:
        return bare.lower()
    quoted = single or double or ""
    if "\\" not in quoted:
        return quoted[1:-1]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Python only warns of an invalid escape
            return str(json.loads(double) if double else ast.literal_eval(quoted))
    except (ValueError, SyntaxError, Warning):
        return None
