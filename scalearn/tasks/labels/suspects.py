"""Label sets that look like a mistake. Preparing refuses them and check-task warns of them. Also: unknown tokens.

The module sees label names and counts only, no rows.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scalearn.errors import shown
from scalearn.tasks.labels.written_lists import are_digit_vectors, is_several, number_separator, other_separator

_SECRET = (
    "-",
    "-1",
)  # SNLI and MNLI write '-' if annotators disagree; GLUE writes -1 for labels that it does not publish
_MISSING = (  # as R, Python, pandas, databases and spreadsheets write it; 'none' and 'NONE' may be classes
    *("NA", "N/A", "n/a", "<NA>", "NaT", "None", "NULL", "null", "<null>", "\\N"),
    *("#N/A", "#NA", "#VALUE!", "#REF!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"),
)
NO_LABEL = (*_SECRET, *_MISSING)
FEW = 10  # up to this number, classes are never too many for the number of rows
MANY_UNKNOWN = 0.1  # a larger share of unknown tokens suggests that the tokenizer is for another language
SPELLINGS = 3  # how many spellings of one label a message shows
_FRACTION = re.compile(r"[+-]?[0-9]*\.[0-9]+(e[+-]?[0-9]+)?", re.IGNORECASE)
_WHOLE = re.compile(r"(-?[0-9]+)\.0*")
_SIGNED = re.compile(r"[+-][0-9]+")
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200e\u200f\u2060\ufeff"))  # invisible characters
_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,999}")  # Python refuses to read numbers with more than 4300 digits


@dataclass(frozen=True)
class Doubt:
    """A suspicion about a label set.

    what: what looks wrong. mend: what to do. names: the labels concerned; empty if all are.
    """

    what: str
    mend: str
    names: tuple[str, ...] = ()


def doubts(kind: str, column: str, names: Sequence[str], counts: Sequence[int]) -> Iterator[Doubt]:
    """Yield what looks wrong with the labels of a train split.

    Args:
        kind: the task's kind.
        column: the label column, for messages.
        names: [labels], the distinct labels.
        counts: [labels], how many rows of train have each.
    """
    lists = tuple(name for name in names if is_several(name)) if kind == "classification" else ()
    if lists:
        what = f"label '{shown(lists[:1])}' in '{column}' is a list that is written as text"
        yield Doubt(what, "set `kind: multi_label`, or, if it is a name, list all names in `labels`", lists)
    fractions = tuple(name for name in names if _FRACTION.fullmatch(name) and not is_number(without_fraction(name)))
    if fractions and (2 * len(fractions) > len(names) or all(_is_decimal(name) for name in names)):
        mend = "set `kind: regression`, or, if these are names of classes, list all in `labels`"
        yield Doubt(f"label in '{column}' is not a whole number", mend, fractions)
    distinct = set(names)
    joined = tuple(name for name in names if _is_joined(name, distinct)) if kind == "multi_label" else ()
    if joined:
        what = f"label '{shown(joined[:1])}' in '{column}' is made of other labels"
        yield Doubt(what, "set `separator` to the text between labels, or list all names in `labels`", joined)
    yield from _several(kind, column, names)
    yield from _no_label(kind, names, counts)
    if groups := _alike(names):
        what = f"labels {' and '.join(_spelt_out(groups[0][:SPELLINGS]))} differ only in spelling"
        what += f", and so do {len(groups) - 1} more" if len(groups) > 1 else ""
        mend = "spell them the same way, or, if they are different classes, list all names in `labels`"
        yield Doubt(what, mend, groups[0])
    if len(names) >= FEW and 2 * len(names) > sum(counts):
        what = f"'{column}' holds {len(names):,} different labels among {sum(counts):,}, almost one class per row"
        mend = "name another column in `label`, or, if these are classes, list them in `labels`"
        yield Doubt(what, mend)


def without_fraction(text: str) -> str:
    """Return a whole number without its fraction ('1.0' becomes '1'), and other text unchanged."""
    match = _WHOLE.fullmatch(text)
    return match[1] if match else text


def is_number(text: str) -> bool:
    """Tell whether a label is a whole number in its usual form. '7' and '-1' are; '007' is a name."""
    return _NUMBER.fullmatch(text) is not None


def _several(kind: str, column: str, names: Sequence[str]) -> Iterator[Doubt]:
    """Yield doubts about labels that look like several labels in one text, or like vectors of 0 and 1."""
    if kind == "multi_label" and (joined := other_separator(names)):
        what = f"label '{shown([joined[0]])}' in '{column}' looks like several labels with {joined[1]!r} between them"
        mend = f"set `separator: {json.dumps(joined[1])}`, or write lists, or, if it is one label, list all in `labels`"
        yield Doubt(what, mend, (joined[0],))
        return
    for name in names:
        if separator := number_separator(name, bits=kind != "multi_label"):
            what = f"label '{shown([name])}' in '{column}' looks like several numbers, a vector or indices of classes"
            mend = "set" if kind == "multi_label" else "set `kind: multi_label` and"
            mend += f" `separator: {json.dumps(separator)}`, or, if it is one label, list all in `labels`"
            yield Doubt(what, mend, (name,))
            return
    if kind == "multi_label" and are_digit_vectors(names):
        what = f"label '{shown(names[:1])}' in '{column}' looks like a 0 or 1 for each class"
        mend = "write a list, for example '[0, 1, 0]' for '010', or, if these are names, list all in `labels`"
        yield Doubt(what, mend, (names[0],))


def _is_joined(name: str, names: set[str]) -> bool:
    """Tell whether a name consists of other names with commas or semicolons between them."""
    parts = [part.strip() for part in re.split("[,;]", name)]
    return len(parts) > 1 and all(part in names for part in parts)


def _is_decimal(text: str) -> bool:
    return is_number(without_fraction(text)) or _FRACTION.fullmatch(text) is not None


def _no_label(kind: str, names: Sequence[str], counts: Sequence[int]) -> Iterator[Doubt]:
    """Yield doubts about labels that often mean a missing label.

    '-1' is none if it belongs to a scale (-2 to 2) or is one of the two classes -1 and 1.
    """
    others = {name for name in names if name != "-1"}
    scale = others == {"1"} or any(_SIGNED.fullmatch(name) for name in others)
    for name in NO_LABEL:
        if name in names and not (name == "-1" and scale):
            count = counts[list(names).index(name)]
            what = f"label '{name}', in {count:,} row{'s' if count != 1 else ''}, often means that the label is missing"
            mend = "leave the cell empty if a row has no label" if kind == "multi_label" else "remove such rows"
            yield Doubt(what, f"{mend}, or list all names in `labels` to keep it as a class", (name,))


def _alike(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return groups of names that differ only in case, white space, a fraction of zeros or Unicode form."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_folded(name), []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _folded(name: str) -> str:
    return without_fraction(" ".join(unicodedata.normalize("NFKC", name).casefold().translate(_UNSEEN).split()))


def _spelt_out(names: Sequence[str]) -> list[str]:
    """Return names in quotation marks. If two look alike, characters beyond ASCII are written as escapes."""
    look = {unicodedata.normalize("NFC", name).translate(_UNSEEN) for name in names}
    return [f"'{shown([name])}'" if len(look) == len(names) else ascii(shown([name])) for name in names]


def unknown_words(share: float) -> str:
    """Return the message for a task of whose tokens the tokenizer does not know this share, from 0 to 1."""
    return (
        f"{100 * share:.0f} % of the tokens are unknown to the model's tokenizer, so the encoder cannot tell them "
        "apart; choose a model for the language of these texts"
    )
