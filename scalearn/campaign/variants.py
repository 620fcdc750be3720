"""Variants: methods with settings of their own. A row of the tables shows one, or per task the best of several."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scalearn.campaign.config import Row, Value
from scalearn.campaign.hyperparameters import parsed_value
from scalearn.campaign.spec import STAGE1, shown
from scalearn.errors import UserError, nearest
from scalearn.methods import METHODS
from scalearn.methods.base import Method
from scalearn.validation import complaint

ABLATIONS = Path(__file__).with_name("ablations.json")


@dataclass(frozen=True, eq=False)
class Variant:
    """A method with what differs from its hyper-parameters, and the variant whose adapters it composes."""

    method: Method
    settings: Mapping[str, Any] = field(default_factory=dict)
    sources: Variant | None = None

    @classmethod
    def plain(cls, method: str) -> Variant:
        """Return a method as it is."""
        return cls(METHODS[method])

    @property
    def description(self) -> str:
        """Its settings in words."""
        return ", ".join(map(_described, self.settings.items()))

    @property
    def learned(self) -> tuple[Any, ...]:
        """All of it that makes a difference to what its runs learn."""
        return self.method.name, *sorted(self.settings.items()), self.sources.learned if self.sources else ()


@dataclass(frozen=True, eq=False)
class TableRow:
    """A row of the tables: its name in files, its title for readers, and its variants, of which the best is chosen."""

    name: str
    title: str
    variants: tuple[Variant, ...]

    @property
    def method(self) -> Method:
        """The method of all its variants."""
        return self.variants[0].method


@cache
def ablations() -> dict[str, dict[str, Any]]:
    """Return the rows of the paper's ablations by the names that they had when they were methods."""
    content: dict[str, dict[str, Any]] = json.loads(ABLATIONS.read_text(encoding="utf-8"))
    return {name: {"method": "scalearn", **row} for name, row in content.items()}


def table_rows(entries: Sequence[Row], origin: str) -> tuple[TableRow, ...]:
    """Return the rows that the entries of `methods` make; a UserError, which begins with `origin`, names the mend."""
    rows: list[TableRow] = []
    for entry in entries:
        _check_ablation(entry, f"{origin}: methods")
        entry = _checked(_of_ablation(entry), f"{origin}: methods")
        rows += _rows(entry, _sources(entry, rows, f"{origin}: methods"))
    for names in ([row.name for row in rows], [row.title for row in rows]):
        if twice := [name for name in names if names.count(name) > 1]:
            raise UserError(f"{origin}: methods: '{twice[0]}' is listed more than once; keep one, or give one a `name`")
    return tuple(rows)


def baseline_row(wanted: str | None, rows: Sequence[TableRow], origin: str) -> str | None:
    """Return the name of the row that all others are compared with, or None if the campaign has none.

    wanted: its name or its title; by default it is the plain `adapter`.
    """
    names = {row.title: row.name for row in rows} | {row.name: row.name for row in rows}
    if wanted is None:
        return names.get(STAGE1)
    if wanted not in names:
        raise UserError(f"{origin}: baseline: no row of `methods` is called '{wanted}'{nearest(wanted, names)}")
    return names[wanted]


def _of_ablation(entry: Row) -> Row:
    """Return the entry, or in place of an ablation's old name the row that it stands for."""
    if entry.method not in ablations() or entry.method in METHODS:
        return entry
    settings = entry.model_dump(exclude_unset=True, exclude={"method"})
    return Row.model_validate({**ablations()[entry.method], **settings})


def _check_ablation(entry: Row, where: str) -> None:
    """Refuse another value for what makes the ablation without another name: the row's own would not be true."""
    fixed = ablations().get(entry.method, {})
    for key in entry.settings:
        if key in fixed and entry.name is None:
            raise UserError(
                f"{where}.{entry.method}: {key} is {shown(fixed[key])} in it; give the row a `name` of its own"
            )


def renamed(entries: Iterable[Row]) -> list[str]:
    """Return a sentence for each entry that has an ablation's old name."""
    rows = {entry.method: _of_ablation(entry) for entry in entries}
    return [
        f"methods: '{old}' is a row of '{row.method}' now: " + json.dumps(row.model_dump(exclude_none=True))
        for old, row in rows.items()
        if old != row.method
    ]


def _checked(entry: Row, where: str) -> Row:
    """Return the entry with values in their hyper-parameters' types, so that equal ones are equal texts."""
    if entry.method not in METHODS:
        raise UserError(f"{where}: unknown name '{entry.method}'{nearest(entry.method, (*METHODS, *ablations()))}")
    where = f"{where}.{entry.method}"
    if entry.name in METHODS:
        raise UserError(f"{where}: name: '{entry.name}' is the name of a method; choose another")
    settings = {key: _typed(entry.method, key, value, where) for key, value in entry.settings.items()}
    swept = {key: values for key, values in settings.items() if isinstance(values, tuple)}
    for key, values in swept.items():
        if not values:
            raise UserError(f"{where}: {key} is an empty list; name at least one value")
        if len(set(values)) < len(values):
            raise UserError(f"{where}: {key} has a value twice; keep one")
    if entry.select and all(len(values) == 1 for values in swept.values()):
        raise UserError(f"{where}: select: there is only one setting; give a list of values")
    if entry.sources and METHODS[entry.method].family != "two_stage":
        raise UserError(f"{where}: sources: only two-stage methods compose adapters; remove the key")
    return Row.model_validate({**entry.model_dump(), **settings})


def _typed(method: str, key: str, value: Value | tuple[Value, ...], where: str) -> Any:
    if isinstance(value, tuple):
        return tuple(_typed(method, key, each, where) for each in value)
    kind, content = METHODS[method].hyperparameters, {key: parsed_value(value)}
    try:
        return getattr(kind(**content), key)
    except ValidationError as error:
        raise UserError(f"{where}: {complaint(error, kind, content)}") from None


def _combinations(entry: Row) -> list[dict[str, Value]]:
    """Return each setting that the entry asks for."""
    values = [value if isinstance(value, tuple) else (value,) for value in entry.settings.values()]
    return [dict(zip(entry.settings, chosen, strict=True)) for chosen in product(*values)]


def _sources(entry: Row, rows: Iterable[TableRow], where: str) -> TableRow | None:
    if entry.sources is None:
        return None
    above = {row.name: row for row in rows if row.method.name == STAGE1}
    if entry.sources not in above:
        hint = nearest(entry.sources, above) if above else "; add one before this row"
        raise UserError(f"{where}.{entry.method}: sources: no '{STAGE1}' row above is called '{entry.sources}'{hint}")
    variants = above[entry.sources].variants
    if len(variants) > 1:
        raise UserError(
            f"{where}.{entry.method}: sources: the row '{entry.sources}' has several settings; name a row that has one"
        )
    return above[entry.sources]


def _rows(entry: Row, sources: TableRow | None) -> list[TableRow]:
    method = METHODS[entry.method]
    fixed = {key: value for key, value in entry.settings.items() if not isinstance(value, tuple)}
    swept = [key for key in entry.settings if key not in fixed]
    title = entry.name or ", ".join([method.title, *map(_described, fixed.items())])
    name = entry.name or " ".join([method.name, *map(_written, fixed.items())])
    if sources is not None and entry.name is None:
        title, name = f"{title}, sources {sources.title}", f"{name} sources={entry.sources}"
    composed = None if sources is None else sources.variants[0]
    variants = [Variant(method, settings, composed) for settings in _combinations(entry)]
    if entry.select:
        named = variants if entry.name is None else []
        best = f", best {' and '.join(swept)}" if named else ""
        return [TableRow(f"{name} select={'+'.join(swept)}" if named else name, title + best, tuple(variants))]
    rows = []
    for variant in variants:
        swept_settings = [(key, variant.settings[key]) for key in swept]
        its_title = ", ".join([title, *map(_described, swept_settings)])
        rows.append(TableRow(" ".join([name, *map(_written, swept_settings)]), its_title, (variant,)))
    return rows


def _described(setting: tuple[str, Any]) -> str:
    return f"{setting[0]} {shown(setting[1])}"


def _written(setting: tuple[str, Any]) -> str:
    return f"{setting[0]}={shown(setting[1])}"
