"""The numbers of a result table as parquet: the columns of its CSV, each with its type."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from scalearn.results.cells import Table
from scalearn.results.render import CSV_HEADER, tidy
from scalearn.storage.files import whole_file

TEXT = ("method", "family", "task", "metric", "missing", "chosen", "covers", "interval")
COUNTS = ("n", "trainable_parameters")


def typed(table: Table) -> pa.Table:
    """Return the rows of `tidy` with typed columns: text, counts (int64), all others float64; what is empty is null."""
    types = {
        name: pa.string() if name in TEXT else pa.int64() if name in COUNTS else pa.float64() for name in CSV_HEADER
    }
    return pyarrow.csv.read_csv(
        io.BytesIO(tidy(table).encode()),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True),
    )


def write_parquet(table: Table, path: Path) -> None:
    """Write the table's numbers. Equal tables make equal bytes."""
    with whole_file(path) as temporary:
        pq.write_table(typed(table), temporary)
