"""Arrow files as `datasets` writes them, in the stream format."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

_END = (
    b"\xff\xff\xff\xff\x00\x00\x00\x00"  # the last bytes of a stream: Arrow's columnar format, "IPC Streaming Format"
)


def arrow_schema(path: Path) -> pa.Schema:
    """Return the schema of an Arrow file.

    Raises: pyarrow.ArrowInvalid if it is no stream of Arrow.
    """
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as reader:
        return reader.schema


def arrow_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the record batches of an Arrow file, with all columns.

    Raises: pyarrow.ArrowInvalid if it is no stream of Arrow; ValueError if its end is missing.
    """
    _refuse_cut(path)
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as reader:
        yield from reader


def _refuse_cut(path: Path) -> None:
    """Refuse a file without the mark at its end. Arrow itself reads a file that is cut between two batches."""
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(size - len(_END), 0))
        if stream.read() != _END:
            raise ValueError("the file is half written: the mark at its end is missing")
