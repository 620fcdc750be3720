"""Tokenise a task once per model: Arrow files that every run maps into memory."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scalearn.errors import UserError
from scalearn.files import read_json, sha256, whole_file, write_json
from scalearn.tasks.store import SPLITS, TaskInfo

ROWS_AT_ONCE = 8192  # bounds memory whatever the size of the task

SCHEMA = pa.schema(
    [
        ("input_ids", pa.list_(pa.int32())),
        ("second", pa.int32()),  # where the second text's tokens begin; the row's length if there is one text
        ("label", pa.float64()),
        ("part", pa.string()),
    ]
)


def encode(task: Path, model: Path, output: Path) -> None:
    """Write output/{train,validation,test}.arrow and encoding.json for a prepared task and a fetched model."""
    from transformers import AutoTokenizer

    info = TaskInfo.read(task)
    tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True, use_fast=True)
    if not tokenizer.is_fast:
        raise UserError(f"{model}: no fast tokenizer; save the model again with its tokenizer.json")
    length = min(info.max_length, tokenizer.model_max_length)
    started, rows = time.monotonic(), 0
    for split in SPLITS:
        rows += _encode_split(tokenizer, info, task / f"{split}.parquet", output / f"{split}.arrow", length)
    write_json(
        output / "encoding.json",
        {
            "task": info.model_dump(mode="json", include={"name", "kind", "labels", "metrics", "version", "sha256"}),
            "model": read_json(model / "model.json")["sha256"],
            "max_length": length,
            "pad_token_id": tokenizer.pad_token_id,
            "pad_token_type_id": tokenizer.pad_token_type_id,
            "token_types": "token_type_ids" in tokenizer.model_input_names,
            "sha256": {split: sha256(output / f"{split}.arrow") for split in SPLITS},
        },
    )
    seconds = time.monotonic() - started
    print(f"encoded {info.name}: {rows:,} rows in {seconds:.1f} s ({rows / seconds:,.0f} rows/s)")


def _encode_split(tokenizer: Any, info: TaskInfo, source: Path, target: Path, max_length: int) -> int:
    rows = 0
    with whole_file(target) as temporary, pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as out:
        for batch in pq.ParquetFile(source).iter_batches(ROWS_AT_ONCE):
            columns = batch.to_pydict()
            texts = [columns["text1"], columns["text2"]] if "text2" in columns else [columns["text1"]]
            encoded = tokenizer(*texts, truncation=True, max_length=max_length)
            second = [_second_text(encoded.sequence_ids(row)) for row in range(batch.num_rows)]
            part = columns.get("part", [""] * batch.num_rows)
            labels = _labels(info, columns["label"], source, rows)
            out.write_batch(pa.record_batch([encoded["input_ids"], second, labels, part], schema=SCHEMA))
            rows += batch.num_rows
    return rows


def _labels(info: TaskInfo, column: list[float | None], source: Path, before: int) -> list[float]:
    """Return the labels as floats; the first that is no class index, or no number, is refused by its row."""
    values = np.asarray([np.nan if label is None else label for label in column], dtype=np.float64)
    good = np.isfinite(values)
    if info.labels is not None:
        good &= (values >= 0) & (values < info.outputs)
    if not good.all():
        row = int(np.argmin(good))
        allowed = "a finite number" if info.labels is None else f"an index from 0 to {info.outputs - 1}"
        raise UserError(
            f"{source}: row {before + row + 1}: label {column[row]} must be {allowed}; mend the rule that wrote it"
        )
    return [float(value) for value in values]


def _second_text(sequence: list[int | None]) -> int:
    """Return the index of the first token of the second text, or the row's length."""
    return sequence.index(1) if 1 in sequence else len(sequence)
