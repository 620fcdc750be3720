"""What is hardly meant: label sets that preparing refuses or check-task warns of, unknown tokens. No rows, no Arrow."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scalearn.errors import shown
from scalearn.tasks.labels.written_lists import are_digit_vectors, is_several, number_separator, other_separator

_SECRET = ("-", "-1")  # SNLI and MNLI write '-' where annotators disagree, GLUE -1 where labels are kept secret
_MISSING = (  # what R, Python, pandas, databases and spreadsheets write; 'none' and 'NONE' are classes of their own
    *("NA", "N/A", "n/a", "<NA>", "NaT", "None", "NULL", "null", "<null>", "\\N"),
    *("#N/A", "#NA", "#VALUE!", "#REF!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!"),
)
NO_LABEL = (*_SECRET, *_MISSING)
FEW = 10  # so few classes are never too many, however few the rows
MANY_UNKNOWN = 0.1  # a larger share of tokens that a tokenizer does not know tells of another language
SPELLINGS = 3  # of one label that a message shows
_FRACTION = re.compile(r"[+-]?[0-9]*\.[0-9]+(e[+-]?[0-9]+)?", re.IGNORECASE)
_WHOLE = re.compile(r"(-?[0-9]+)\.0*")
_SIGNED = re.compile(r"[+-][0-9]+")
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200e\u200f\u2060\ufeff"))  # signs that no one sees
_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,999}")  # Python reads no number of more than 4300 digits


@dataclass(frozen=True)
class Doubt:
    """What is odd about a label set, what to do about it, and the labels that it is about; none if it is about all."""

    what: str
    mend: str
    names: tuple[str, ...] = ()


def doubts(kind: str, column: str, names: Sequence[str], counts: Sequence[int]) -> Iterator[Doubt]:
    """Yield what is odd about the labels of a train split.

    column: where they stand; counts: [labels], how many rows of train have each.
    """
    lists = tuple(name for name in names if is_several(name)) if kind == "classification" else ()
    if lists:
        what = f"label '{shown(lists[:1])}' in '{column}' is a list that is written as text"
        yield Doubt(what, "set `kind: multi_label`, or, if it is a name, list all names in `labels`", lists)
    fractions = tuple(name for name in names if _FRACTION.fullmatch(name) and not is_number(whole(name)))
    if fractions and (2 * len(fractions) > len(names) or all(_is_decimal(name) for name in names)):
        mend = (
            "a classification needs classes, else set `kind: regression`, or, if these are names, list all in `labels`"
        )
        yield Doubt(f"label in '{column}' is no whole number", mend, fractions)
    known = set(names)
    joined = tuple(name for name in names if _is_joined(name, known)) if kind == "multi_label" else ()
    if joined:
        what = f"label '{shown(joined[:1])}' in '{column}' is made of other labels"
        yield Doubt(what, "say in `separator` what stands between labels, or list all names in `labels`", joined)
    yield from _several(kind, column, names)
    yield from _no_label(kind, names, counts)
    if groups := _alike(names):
        what = f"labels {' and '.join(_spelt_out(groups[0][:SPELLINGS]))} differ only in how they are spelt"
        what += f", and so do {len(groups) - 1} more" if len(groups) > 1 else ""
        mend = "spell them alike, or, if they are different classes, list all names in `labels`"
        yield Doubt(what, mend, groups[0])
    if len(names) >= FEW and 2 * len(names) > sum(counts):
        what = f"'{column}' holds {len(names):,} different labels among {sum(counts):,}, nearly a class for each row"
        mend = "name another column in `label`, or, if these are classes, list them in `labels`"
        yield Doubt(what, mend)


def whole(text: str) -> str:
    """Return a whole number without its fraction of zeros, '1.0' as '1'; other text as it is."""
    found = _WHOLE.fullmatch(text)
    return found[1] if found else text


def is_number(text: str) -> bool:
    """Tell whether a label is a whole number in its plain form: '7' and '-1' are, '007' is a name."""
    return _NUMBER.fullmatch(text) is not None


def _several(kind: str, column: str, names: Sequence[str]) -> Iterator[Doubt]:
    """Yield labels that are several, as another separator than the task's tells, or vectors of 0 and 1."""
    if kind == "multi_label" and (found := other_separator(names)):
        what = f"label '{shown([found[0]])}' in '{column}' looks like several labels with {found[1]!r} between them"
        mend = f"set `separator: {json.dumps(found[1])}`, or write lists, or, if it is one label, list all in `labels`"
        yield Doubt(what, mend, (found[0],))
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
        mend = "write a list, '[0, 1, 0]' for '010', or, if these are names, list all in `labels`"
        yield Doubt(what, mend, (names[0],))


def _is_joined(name: str, names: set[str]) -> bool:
    """Tell whether a name is others with commas or semicolons between them."""
    parts = [part.strip() for part in re.split("[,;]", name)]
    return len(parts) > 1 and all(part in names for part in parts)


def _is_decimal(text: str) -> bool:
    return is_number(whole(text)) or _FRACTION.fullmatch(text) is not None


def _no_label(kind: str, names: Sequence[str], counts: Sequence[int]) -> Iterator[Doubt]:
    """Yield what is written for no label; '-1' may be one end of a scale (-2 to 2) or one of two classes (-1 and 1)."""
    others = {name for name in names if name != "-1"}
    scale = others == {"1"} or any(_SIGNED.fullmatch(name) for name in others)
    for name in NO_LABEL:
        if name in names and not (name == "-1" and scale):
            count = counts[list(names).index(name)]
            what = f"label '{name}', in {count:,} row{'s' if count != 1 else ''}, often stands for no label"
            mend = "leave it out where a row has no label" if kind == "multi_label" else "remove such rows"
            yield Doubt(what, f"{mend}, or, to keep it as a class, list all names in `labels`", (name,))


def _alike(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return groups of names that differ only in case, white space, a fraction of zeros or how letters are encoded."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_folded(name), []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _folded(name: str) -> str:
    return whole(" ".join(unicodedata.normalize("NFKC", name).casefold().translate(_UNSEEN).split()))


def _spelt_out(names: Sequence[str]) -> list[str]:
    """Return names in quotation marks; where two look alike, letters beyond ASCII are spelt out."""
    look = {unicodedata.normalize("NFC", name).translate(_UNSEEN) for name in names}
    return [f"'{shown([name])}'" if len(look) == len(names) else ascii(shown([name])) for name in names]


def unknown_words(share: float) -> str:
    """Return what to say where a tokenizer does not know this share of a task's tokens."""
    return (
        f"{100 * share:.0f} % of the tokens are unknown to the model's tokenizer, so that the encoder cannot tell them "
        "apart; choose a model for these texts"
    )
