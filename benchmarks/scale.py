"""Measure the steps before training on a large made-up task: rows a second, and the most memory a step holds.

    python benchmarks/scale.py --rows 1000000 --format csv
    python benchmarks/scale.py --rows 1180000 --task record --model resources/models/minilm

Each step runs in a process of its own, as the workflow runs it, so that its memory is its own.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import typer

WORDS = [a + b for a in ("ka", "lo", "mi", "su", "te", "vor", "wen") for b in ("d", "l", "nt", "s")]
BATCH = 10_000  # rows that are made at a time
CANDIDATES = 12  # a question of ReCoRD has about as many


class Made(StrEnum):
    """A task to make up."""

    pair = "pair"
    record = "record"


class Format(StrEnum):
    """A format to write it in."""

    csv = "csv"
    parquet = "parquet"


def main(
    rows: Annotated[int, typer.Option(min=100, help="of the train split on disk")] = 1_000_000,
    task: Annotated[Made, typer.Option(help="pairs of texts, or questions like ReCoRD's (parquet only)")] = Made.pair,
    format: Annotated[Format, typer.Option(help="of the source")] = Format.csv,
    model: Annotated[Path | None, typer.Option(help="a fetched model, to encode for")] = None,
    folder: Annotated[Path | None, typer.Option(help="where the temporary folder goes")] = None,
) -> None:
    """Make a large task, take it through each step, and print what each costs."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        work = Path(place)
        definition = make_record(work, rows) if task is Made.record else make_pairs(work, rows, format)
        print(f"{'step':<12}{'rows':>12}{'seconds':>10}{'rows/s':>12}{'peak MiB':>10}")
        prepare(work, definition)
        report("check-task", work, *run("check-task", str(work / "task")))
        if model:
            encode(work, model)


def prepare(work: Path, definition: dict[str, Any]) -> None:
    """Prepare the task below work/task."""
    costs = run("prepare-task", "scale", "--definition", json.dumps(definition), "--output", str(work / "task"))
    report("prepare", work, *costs)


def encode(work: Path, model: Path) -> None:
    """Encode the prepared task below work/encoded."""
    costs = run("encode", "--task", str(work / "task"), "--model", str(model), "--output", str(work / "encoded"))
    report("encode", work, *costs)


def run(*arguments: str) -> tuple[float, float]:
    """Run a command of scalearn; return its seconds and its peak memory in MiB. Its output is shown if it fails."""
    command = [sys.executable, "-m", "scalearn", *arguments]
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            sys.exit(output.read().decode(errors="replace"))
    return seconds, usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)


def report(step: str, work: Path, seconds: float, peak: float) -> None:
    """Print a step's line."""
    rows = sum(json.loads((work / "task/task.json").read_text())["sizes"].values())
    print(f"{step:<12}{rows:>12,}{seconds:>10.1f}{rows / seconds:>12,.0f}{peak:>10,.0f}", flush=True)


def make_pairs(work: Path, rows: int, format: Format) -> dict[str, Any]:
    """Write a classification of pairs, `rows` of train and a hundredth of test; return its definition."""

    def batches(count: int) -> Iterator[pa.RecordBatch]:
        draw = random.Random(count)
        for start in range(0, count, BATCH):
            size = min(BATCH, count - start)
            texts = [[text(draw, 20, start + row) for row in range(size)] for _ in range(2)]
            labels = [("no", "maybe", "yes")[draw.randrange(3)] for _ in range(size)]
            yield pa.record_batch([*texts, labels], names=["first", "second", "label"])

    source = {"kind": "files"}
    for split, count in (("train", rows), ("test", max(rows // 100, 3))):
        source[split] = str(work / f"{split}.{format}")
        write(Path(source[split]), batches(count))
    return {"source": source, "texts": ["first", "second"]}


def make_record(work: Path, rows: int) -> dict[str, Any]:
    """Write questions that give about `rows` of train, and a tenth as many of test; return the definition."""

    def batches(count: int) -> Iterator[pa.RecordBatch]:
        draw = random.Random(count)
        for start in range(0, count, BATCH):
            size = min(BATCH, count - start)
            passages = [text(draw, 230, start + row) + "\n@highlight\n" + text(draw, 10, row) for row in range(size)]
            entities = [[f"{text(draw, 2, row)} {name}" for name in range(CANDIDATES)] for row in range(size)]
            columns = {
                "passage": passages,
                "query": [text(draw, 10, row) + " @placeholder " + text(draw, 10, row) for row in range(size)],
                "entities": entities,
                "answers": [names[:1] for names in entities],
            }
            yield pa.RecordBatch.from_pydict(columns)

    source = {"kind": "files"}
    for split, count in (("train", rows // CANDIDATES), ("test", max(rows // CANDIDATES // 10, 1))):
        source[split] = str(work / f"{split}.parquet")
        write(Path(source[split]), batches(count))
    return {
        "source": source,
        "kind": "candidates",
        "construction": "record",
        "texts": ["passage", "query"],
        "groups": "passage",
        "max_length": 256,
        "truncate": "first",
    }


def text(draw: random.Random, words: int, number: int) -> str:
    """Return about so many words and a number, so that few texts are alike."""
    return " ".join(draw.choices(WORDS, k=words)) + f" {number}"


def write(path: Path, batches: Iterator[pa.RecordBatch]) -> None:
    """Write a source file batch by batch."""
    first = next(batches)
    writer = pyarrow.csv.CSVWriter if path.suffix == ".csv" else pq.ParquetWriter
    with writer(path, first.schema) as out:
        out.write_batch(first)
        for batch in batches:
            out.write_batch(batch)


if __name__ == "__main__":
    typer.run(main)
