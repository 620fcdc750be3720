"""Tokenises a task once per model, into Arrow files that every run memory-maps.

There is one row per example, with these columns:
- `input_ids`: a list of tokens, in multiple choice a list per choice;
- `second`, for encoders with token types: the position of the second text's first token, of each sequence;
- `label`;
- in validation and test `group`, `candidate`, `answers` and `part`, if the task has them (see scalearn.tasks.store).

`Dataset.map` of `datasets` does the same at half the speed, with more memory (benchmarks/dataset_map.py): it copies
each row into Python lists, and computes the offset of each token.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from scalearn.errors import UserError
from scalearn.storage.files import read_json, sha256, whole_file, write_json
from scalearn.tasks import TASKS
from scalearn.tasks.definition import HubSource
from scalearn.tasks.labels.suspects import MANY_UNKNOWN, unknown_words
from scalearn.tasks.store import SPLITS, TaskInfo
from scalearn.training.data.tokens import Tokens

ROWS_AT_ONCE = 2048  # limits memory, whatever the size of the task
REPORT_SECONDS = 15.0
FOR_METRICS = ("group", "candidate", "answers", "part")
IN_TASK = {"name", "kind", "labels", "choices", "metrics", "positive", "select", "version", "sha256"}


def encode(task: Path, model: Path, output: Path) -> None:
    """Write output/{train,validation,test}.arrow and encoding.json for a prepared task and a fetched model.

    Raises: UserError if `output` holds other files, a label is out of range, or the tokenizer cannot be used.
    """
    _check_output(output)
    info = TaskInfo.read(task)
    _refuse_older(task, info)
    tokens = Tokens.of_model(model, info.max_length, info.truncate)
    if tokens.max_length < info.max_length:
        print(
            f"{info.name}: {model} takes {tokens.max_length} tokens, not {info.max_length}; longer rows are truncated"
        )
    started = time.monotonic()
    with ExitStack() as all_or_none:
        targets = {split: all_or_none.enter_context(whole_file(output / f"{split}.arrow")) for split in SPLITS}
        rows = sum(_encode_split(tokens, info, task / f"{split}.parquet", targets[split]) for split in SPLITS)
        checksums = {split: sha256(target) for split, target in targets.items()}
    write_json(
        output / "encoding.json",
        {
            "task": info.model_dump(mode="json", include=IN_TASK),
            "built_in": info.built_in,
            "model": read_json(model / "model.json")["sha256"],
            "max_length": tokens.max_length,
            "pad_token_id": tokens.pad_token_id,
            "token_types": tokens.types,
            "sha256": checksums,
        },
    )
    if (share := tokens.unknown()) > MANY_UNKNOWN:
        print(f"{info.name}: {unknown_words(share)}")
    seconds = time.monotonic() - started
    print(f"encoded {info.name}: {rows:,} rows in {seconds:.1f} s ({rows / seconds:,.0f} rows/s)")


def _check_output(folder: Path) -> None:
    """Refuse a folder with files that would be overwritten, unless it holds an encoded task."""
    present = [path for split in SPLITS if (path := folder / f"{split}.arrow").exists()]
    if present and not (folder / "encoding.json").is_file():
        raise UserError(
            f"{present[0]}: it is there already and of no encoded task; name another --output, or remove it"
        )


def _refuse_older(task: Path, info: TaskInfo) -> None:
    """Refuse a task from a built-in task's source if an older version prepared it.

    Its task.json does not say whether it is the built-in task.
    """
    source = TASKS[info.name].source if info.name in TASKS else None
    if "built_in" in info.model_fields_set or not isinstance(source, HubSource):
        return
    if (info.source.get("repository"), info.source.get("config")) == (source.repository, source.config):
        raise UserError(
            f"{task / 'task.json'}: an older version prepared it, and it does not say whether this is the built-in "
            f"'{info.name}'; prepare the task again"
        )


def _encode_split(tokens: Tokens, info: TaskInfo, source: Path, target: Path) -> int:
    file, rows, reported = pq.ParquetFile(source), 0, time.monotonic()
    extras = [] if source.stem == "train" else [name for name in FOR_METRICS if name in file.schema_arrow.names]
    schema = _schema(info, tokens, [file.schema_arrow.field(name) for name in extras])
    with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, schema) as out:
        for batch in file.iter_batches(ROWS_AT_ONCE):
            columns = {**_inputs(tokens, info, batch), "label": _labels(info, batch["label"], source, rows)}
            columns |= {name: batch[name] for name in extras}
            out.write_batch(pa.record_batch([columns[name] for name in schema.names], schema=schema))
            rows += batch.num_rows
            if time.monotonic() - reported > REPORT_SECONDS:
                reported = time.monotonic()
                print(f"{info.name}, {source.stem}: {rows:,} of {file.metadata.num_rows:,} rows", flush=True)
    return rows


def _schema(info: TaskInfo, tokens: Tokens, extras: list[pa.Field]) -> pa.Schema:
    ids, second = pa.list_(pa.int32()), pa.int32()
    if info.choices is not None:
        ids, second = pa.list_(ids), pa.list_(second)
    fields = [pa.field("input_ids", ids)]
    fields += [pa.field("second", second)] if tokens.types else []
    fields += [pa.field("label", pa.list_(pa.int64()) if info.kind == "multi_label" else pa.float64())]
    return pa.schema([*fields, *extras])


def _inputs(tokens: Tokens, info: TaskInfo, batch: pa.RecordBatch) -> dict[str, pa.Array]:
    """Return the token columns of these rows."""
    first = batch["text1"].to_pylist()
    if info.choices is None:
        return tokens.encode(first, batch["text2"].to_pylist() if "text2" in batch.schema.names else None)
    choices = batch["choices"].flatten().to_pylist()
    flat = tokens.encode([text for text in first for _ in range(info.choices)], choices)
    offsets = pa.array(np.arange(0, len(choices) + 1, info.choices), pa.int32())
    return {name: pa.ListArray.from_arrays(offsets, values) for name, values in flat.items()}


def _labels(info: TaskInfo, column: pa.Array, source: Path, before: int) -> pa.Array:
    """Return the labels as they are stored.

    before: the rows of the file before this batch.
    Raises: UserError if a label is no class index or no number; the message names its row in the file.
    """
    if info.kind == "multi_label":
        owners, values = column.value_parent_indices().to_numpy(), column.flatten().to_numpy(zero_copy_only=False)
        wrong = owners[~_is_valid(info, values)]
        row = int(wrong[0]) if len(wrong) else int(np.argmax(column.is_null())) if column.null_count else None
        stored = column
    else:
        values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        good = _is_valid(info, values)
        row = None if good.all() else int(np.argmin(good))
        stored = pa.array(values)
    if row is not None:
        allowed = "a finite number" if info.kind == "regression" else f"an index from 0 to {info.outputs - 1}"
        raise UserError(
            f"{source}: row {before + row + 1}: label {column[row].as_py()} must be {allowed}; "
            "mend the rule that wrote it"
        )
    return stored


def _is_valid(info: TaskInfo, values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    good: npt.NDArray[np.bool_] = np.isfinite(values)
    return good if info.kind == "regression" else good & (values >= 0) & (values < info.outputs)
