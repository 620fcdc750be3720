"""Predicts the rows of a file into another file, or to standard output. Memory holds a few batches of rows."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from scalearn.errors import UserError
from scalearn.inference.answers import Prediction
from scalearn.inference.classifier import Answered, Classifier
from scalearn.inference.inputs import InputForm
from scalearn.inference.result_files import check_labels, result_file
from scalearn.tasks.definition import Quoting
from scalearn.tasks.reading.readers import READERS, NoColumn, read_batches, removes_marks
from scalearn.tasks.reading.rows import Rows

INPUT = "-"  # stands for standard input
ROW, LABEL, PROBABILITY, VALUE = "row", "label", "probability", "value"


def file_rows(path: Path, quoting: Quoting | None = None) -> Rows:
    """Return the rows of a file. quoting: how quotation marks in CSV and TSV files are read."""
    return Rows(
        str(path),
        lambda columns: read_batches(path, columns, quoting),
        lambda columns: removes_marks(path, columns, quoting),
    )


def columns_of(form: InputForm, kept: Sequence[str]) -> list[str]:
    """Return the columns that the task reads, and those that are copied."""
    return list(dict.fromkeys([*form.columns, *kept]))


def check_input_name(path: Path) -> None:
    """Refuse a file that is not there, or whose name ends in no known format."""
    if path.suffix.lower() not in READERS:
        raise UserError(f"{path}: the file name must end in {', '.join(READERS)}; convert the file to one of these")
    if not path.is_file():
        raise UserError(f"{path}: no such file; mend the path")


def check_rows(source: Rows, form: InputForm, kept: Sequence[str]) -> None:
    """Read all rows once. Raises: UserError if a row cannot be read or does not fit the task."""
    try:
        for batch in source.batches(columns_of(form, kept)):
            form.read(batch)
    except NoColumn as error:
        options = {"--text": form.task.texts, "--choice": form.task.choices}
        option = next((option for option, names in options.items() if error.column in names), None)
        raise UserError(f"{error}" if option is None else f"{error} ({option} names the file's columns)") from None


def result_schema(classifier: Classifier, kept: Sequence[str]) -> pa.Schema:
    """Return the columns of the result: `row`, from 1, the copied ones, and what the kind of task has.

    Raises: UserError if a copied column has the name of a column of the result, or is named twice.
    """
    kind = classifier.form.task.kind
    if kind == "regression":
        fields = [(VALUE, pa.float64())]
    elif kind == "multi_label":
        assert classifier.labels is not None
        classes = [(f"{PROBABILITY}_{name}", pa.float64()) for name in classifier.labels]
        fields = [(LABEL, pa.list_(pa.string())), *classes]
    else:
        fields = [(LABEL, pa.string()), (PROBABILITY, pa.float64())]
    own = [ROW, *(name for name, _ in fields)]
    if clash := [name for name in kept if name in own]:
        raise UserError(f"--keep {clash[0]}: the result has a column of this name; rename the column in the file")
    if twice := [name for name in kept if kept.count(name) > 1]:
        raise UserError(f"--keep {twice[0]}: the column is named twice; leave one out")
    return pa.schema([(ROW, pa.int64()), *((name, pa.string()) for name in kept), *fields])


def result_rows(answered: Answered, schema: pa.Schema, kept: Sequence[str]) -> pa.RecordBatch:
    """Return the columns of the result for a batch."""
    columns: dict[str, Any] = {ROW: answered.batch.numbers + 1}
    columns |= {name: [_text(value) for value in answered.batch.column(name).to_pylist()] for name in kept}
    for name in schema.names[1 + len(kept) :]:
        columns[name] = [_value(prediction, name) for prediction in answered.predictions]
    return pa.RecordBatch.from_pydict(columns, schema=schema)


def _text(value: Any) -> str | None:
    """Return the text of a copied value: lists, objects, numbers and truth values as JSON writes them."""
    if value is None or isinstance(value, str):
        return value
    as_json = isinstance(value, bool | int | float | list | dict)
    return json.dumps(value, ensure_ascii=False, default=str) if as_json else str(value)


def _value(prediction: Prediction, name: str) -> Any:
    if name == PROBABILITY:
        return prediction.probability
    if name in (LABEL, VALUE):
        return prediction.label
    return prediction.probabilities[name.removeprefix(f"{PROBABILITY}_")]


# ---------------------------------------------------------------------- standard input


@contextmanager
def from_standard_input(kind: str) -> Iterator[Path]:
    """Yield a temporary file with what standard input holds: a file is read twice, to find wrong rows first.

    kind: its format, "csv" for example.
    """
    if f".{kind}" not in READERS:
        raise UserError(f"--format {kind}: unknown format; name one of {', '.join(name[1:] for name in READERS)}")
    if sys.stdin is None:
        raise UserError("standard input: it is closed; name a file instead of -")
    with tempfile.TemporaryDirectory(prefix="scalearn-predict-") as folder:
        path = Path(folder) / f"standard input.{kind}"
        with path.open("wb") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        try:
            yield path
        except UserError as error:
            raise UserError(str(error).replace(str(path), "standard input")) from None


def predict_file(
    classifier: Classifier, source: Rows, output: Path | None, kept: Sequence[str], report: Callable[[int], None]
) -> int:
    """Write a prediction for each row of `source`, in order, and return how many rows there are.

    Args:
        output: A file that does not exist; None for standard output.
        kept: Columns of `source` that are copied.
        report: Called with the number of rows of each batch that is done.

    Raises: UserError if a row cannot be read or does not fit the task. All rows are read once before the first is
        predicted, so that nothing is written then.
    """
    schema, rows = result_schema(classifier, kept), 0
    check_labels(classifier.labels or (), schema, output)
    check_rows(source, classifier.form, kept)
    with result_file(output, schema) as write:
        for answered in classifier.answered(source.batches(columns_of(classifier.form, kept))):
            write(result_rows(answered, schema, kept))
            rows += len(answered.batch)
            report(len(answered.batch))
    return rows
