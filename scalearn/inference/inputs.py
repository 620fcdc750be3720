"""From rows as the user has them to the texts that a model reads. A refusal names the row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scalearn.errors import UserError, shown
from scalearn.tasks import TASKS
from scalearn.tasks.definition import GeneratedSource, Task
from scalearn.tasks.labels.choices import choice_lists
from scalearn.tasks.preparing.constructions import CONSTRUCTIONS
from scalearn.tasks.preparing.groups import Groups
from scalearn.tasks.reading.rows import ROWS, Batch

ANSWERS = "answers"  # the right answers of a question: preparing needs them, predicting does not


@dataclass(frozen=True)
class Texts:
    """The texts of consecutive rows, as the model reads them.

    first: a text per input. second: a text per input, or None; in multiple choice the choices, `choices` per row.
    rows: the row of each input. It differs from 0, 1, 2, … only where a row has several candidates.
    candidates: the answer that each input proposes, or None.
    """

    first: list[str]
    second: list[str] | None
    rows: list[int]
    candidates: list[str] | None = None


@dataclass(frozen=True)
class InputForm:
    """How a task's inputs are built: what export.json says under `input`.

    task: the definition that names the columns of the texts and the construction.
    texts: how many texts of a row the model reads, one or two.
    choices: the number of choices per row, in multiple choice.
    """

    task: Task
    texts: int
    choices: int | None
    max_length: int
    truncation: str

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> InputForm:
        """Return the form that the entry `input` of an export.json describes.

        Raises: UserError if a rule of the user's made candidates, for nothing tells how.
        """
        if content["kind"] == "candidates" and content["construction"] is None:
            raise UserError("predict: a rule of your own made the candidates of this task, and only it can make others")
        choices = tuple(content.get("choice_columns") or ["choices"]) if content["choices"] else ()
        task = Task(
            source=GeneratedSource(),
            kind=content["kind"],
            texts=tuple(content["columns"]),
            choices=choices,
            construction=content["construction"],
        )
        return cls(task, content["texts"], content["choices"], content["max_length"], content["truncation"])

    def with_columns(self, texts: Sequence[str], choices: Sequence[str]) -> InputForm:
        """Return the form with other names of the columns; an empty sequence keeps the names.

        Raises: UserError if there are more or fewer names than the task has columns.
        """
        changes: dict[str, Any] = {}
        for option, key, names in (("--text", "texts", texts), ("--choice", "choices", choices)):
            if not names:
                continue
            if key == "choices" and not self.choices:
                raise UserError(f"--choice: the task has no choices, but is a {self.task.kind}; leave the option out")
            counts = {1, self.choices or 1} if key == "choices" else {len(self.task.texts)}
            if len(names) not in counts:
                raise UserError(
                    f"{option}: {len(names)} columns, but the task has {' or '.join(map(str, sorted(counts)))}; "
                    "give the option once for each column"
                )
            if twice := [name for name in names if names.count(name) > 1]:
                raise UserError(f"{option} {twice[0]}: the column is named twice; name another")
            changes[key] = tuple(names)
        return replace(self, task=self.task.model_copy(update=changes))

    @property
    def columns(self) -> list[str]:
        """The columns that a file must have."""
        reads = CONSTRUCTIONS[self.task.construction].reads if self.task.construction else ()
        names = dict.fromkeys([*self.task.texts, *self.task.choices, *reads])
        return [name for name in names if name != ANSWERS or not self.task.construction]

    def read(self, batch: Batch) -> Texts:
        """Return the texts of these rows. Raises: UserError if a text is missing or the rows do not fit the task."""
        if not self.task.construction:
            columns = {f"text{number}": batch.texts(name) for number, name in enumerate(self.task.texts, start=1)}
        else:
            make = CONSTRUCTIONS[self.task.construction].make
            columns = make(self.task, _with_answers(batch) if self.task.kind == "candidates" else batch, Groups())
        first = columns["text1"].to_pylist()
        if self.choices:
            lists = choice_lists(self.task, batch, self.choices)
            return Texts(first, pc.list_flatten(lists).to_pylist(), list(range(len(first))))
        second = columns["text2"].to_pylist() if self.texts == 2 else None
        if self.task.kind != "candidates":
            return Texts(first, second, list(range(len(first))))
        rows = columns["group"].to_pylist()
        if missing := sorted(set(range(len(batch))) - set(rows)):
            raise batch.error(missing[0], "it has no entity that could be the answer; give it one, or remove the row")
        return Texts(first, second, rows, columns["candidate"].to_pylist())


def _with_answers(batch: Batch) -> Batch:
    """Return the batch with a column of answers that nobody reads."""
    unread = pa.array([["?"]] * len(batch), pa.list_(pa.string()))
    return replace(batch, columns=batch.columns.append_column(ANSWERS, unread))


def choice_columns(task: str, built_in: bool) -> list[str] | None:
    """Return the columns of a built-in task's choices; a prepared task does not say its own."""
    return list(TASKS[task].choices) or None if built_in else None


# ---------------------------------------------------------------------- rows in Python


def batches_of(rows: Iterable[Any], form: InputForm) -> Iterator[Batch]:
    """Yield rows in batches of ROWS.

    rows: a text, a tuple of texts, or a mapping from the task's columns to values, for each row. A DataFrame counts as
        its rows, a Dataset in any format, too.

    Raises: UserError if a row is of another form than the task's, or `rows` are no rows in order.
    """
    _refuse_no_rows(rows)
    if hasattr(rows, "to_dict") and hasattr(rows, "columns"):  # a DataFrame; pandas need not be imported for this
        rows = _records(rows, form)
    waiting: list[dict[str, Any]] = []
    done = 0
    for number, row in enumerate(_unformatted(rows), start=1):
        waiting.append(_as_mapping(row, number, form))
        if len(waiting) == ROWS:
            yield _batch(waiting, done, form)
            waiting, done = [], done + ROWS
    if waiting:
        yield _batch(waiting, done, form)


def _refuse_no_rows(rows: Any) -> None:
    if isinstance(rows, Mapping) and rows and all(_holds_values(value) for value in rows.values()):
        raise UserError(f"predict: splits or columns are given ({shown(list(map(str, rows)))}); give a list of rows")
    if isinstance(rows, str | bytes | Mapping):
        raise UserError("predict: one row is given; give a list of rows")
    if isinstance(rows, set | frozenset):
        raise UserError(f"predict: a {type(rows).__name__} has no order; give a list of rows")
    try:
        iter(rows)
    except TypeError:
        raise UserError(f"predict: {type(rows).__name__} holds no rows; give a list of rows") from None


def _unformatted(rows: Any) -> Any:
    """Return a Dataset without its format: in `pandas`, for example, a row is a DataFrame. Other rows stay as they are.

    The format `custom` stays, too: it is a function of the user's that makes the columns.
    """
    form = getattr(rows, "format", None)
    return rows.with_format(None) if isinstance(form, Mapping) and form.get("type") not in (None, "custom") else rows


def _holds_values(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes)


def _records(frame: Any, form: InputForm) -> Any:
    """Return the rows of a DataFrame as mappings. What pandas takes for missing (NaN, NA) is None."""
    names = list(frame.columns)
    for name in form.columns:
        if names.count(name) > 1:
            raise UserError(f"predict: column '{name}' occurs more than once; rename one of them")
    frame = frame[[name for name in form.columns if name in names]].astype(object)
    return frame.where(frame.notna(), None).to_dict("records")


def _as_mapping(row: Any, number: int, form: InputForm) -> dict[str, Any]:
    if isinstance(row, Mapping):
        if missing := [name for name in form.columns if name not in row]:
            raise UserError(f"predict: row {number}: no '{missing[0]}'; the task reads {', '.join(form.columns)}")
        return {name: row[name] for name in form.columns}
    names = form.task.texts
    if form.task.construction or form.choices:
        raise UserError(
            f"predict: row {number}: the task reads several columns; give a mapping with {', '.join(form.columns)}"
        )
    values = (row,) if isinstance(row, str) else tuple(row) if isinstance(row, tuple | list) else ()
    if len(values) != len(names) or not all(isinstance(value, str) for value in values):
        wanted = "a text" if len(names) == 1 else "a pair of texts"
        given = "a text" if isinstance(row, str) else f"{len(values)} values" if values else f"a {type(row).__name__}"
        raise UserError(f"predict: row {number}: the task reads {wanted} ({', '.join(names)}), but this is {given}")
    return dict(zip(names, values, strict=True))


def _batch(rows: Sequence[Mapping[str, Any]], before: int, form: InputForm) -> Batch:
    import numpy as np

    try:
        columns = pa.RecordBatch.from_pylist([dict(row) for row in rows])
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise _unlike(rows, before, str(error).splitlines()[0]) from None
    return Batch("predict", np.arange(before, before + len(rows)), columns)


def _unlike(rows: Sequence[Mapping[str, Any]], before: int, why: str) -> UserError:
    """Return an error that names the first value which cannot stand in a column with those before it."""
    for name in rows[0]:
        first = next((row[name] for row in rows if row[name] is not None), None)
        for number, row in enumerate(rows, start=before + 1):
            try:
                pa.array([first, row[name]])
            except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
                return UserError(f"predict: row {number}: '{name}': {str(error).splitlines()[0]}; mend the row")
    return UserError(f"predict: rows {before + 1} to {before + len(rows)}: {why}; mend them")
