"""The command `predict`. It imports what it needs when it runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from scalearn.cli.app import app
from scalearn.machine.heavy_imports import importing
from scalearn.tasks.definition import Quoting


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(metavar="RUN", help="a finished run, or an export")],
    file: Annotated[Path, typer.Argument(help="a CSV, TSV, JSONL or parquet file; - for standard input")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="a new .csv, .tsv, .jsonl or .parquet file; by default CSV on the terminal"
        ),
    ] = None,
    keep: Annotated[list[str] | None, typer.Option(help="a column to copy into the result; once for each")] = None,
    text: Annotated[list[str] | None, typer.Option(help="the column of a text, if its name is not the task's")] = None,
    choice: Annotated[list[str] | None, typer.Option(help="the column of a choice, or of lists of choices")] = None,
    encoder: Annotated[Path | None, typer.Option("--model", help="the encoder's folder, if it lies elsewhere")] = None,
    kind: Annotated[
        str | None, typer.Option("--format", help="of standard input: csv (the default), tsv, jsonl or parquet")
    ] = None,
    quoting: Annotated[
        Quoting | None, typer.Option(help="of a CSV or TSV file: none reads every quotation mark as a plain character")
    ] = None,
) -> None:
    """Label the rows of a file with a trained model: label and probability, or the value of a regression."""
    from scalearn.errors import UserError
    from scalearn.inference.files import (
        INPUT,
        check_input_name,
        columns_of,
        file_rows,
        from_standard_input,
        predict_file,
    )
    from scalearn.inference.result_files import check_result_name

    if output is not None:
        check_result_name(output)
    if str(file) != INPUT:
        if kind is not None:
            raise UserError(f"--format {kind}: it is for standard input; the name of {file} tells its format")
        check_input_name(file)
    with importing():
        from scalearn.inference.classifier import load
    with from_standard_input(kind or "csv") if str(file) == INPUT else nullcontext(file) as source:
        classifier = load(model, model=encoder)
        classifier = replace(classifier, form=classifier.form.with_columns(text or (), choice or ()))
        table = file_rows(source, quoting)
        started = time.monotonic()
        with _progress() as report:
            rows = predict_file(classifier, table, output, keep or (), report)
        if table.removes_marks(columns_of(classifier.form, keep or ())):
            print(f"note: {file}: marks around values are removed; --quoting none keeps them", file=sys.stderr)
    seconds = time.monotonic() - started
    where = "" if output is None else f"{output}: "
    print(f"{where}{rows:,} rows in {seconds:.1f} s ({rows / seconds:,.0f} rows/s)", file=sys.stderr)


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """Yield a function that counts rows on standard error; it shows nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} rows"), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("predict", total=None)
        yield lambda rows: progress.advance(task, rows)
