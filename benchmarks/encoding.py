"""Time `scalearn encode` beside a bare call of the model's fast tokenizer on the same texts.

    python benchmarks/encoding.py                                   # the short form: made-up pairs, few words
    python benchmarks/encoding.py --model resources/models/minilm --mirror MIRROR --task cola --task sst2 --task qnli

The bare call has the texts in memory, in batches of as many rows as ours, takes all cores and the task's truncation,
and its result is thrown away. Ours is the whole function behind the command, from reading parquet to checksums of what
it wrote; only imports are left out (benchmarks/start.py). Both in turn, in one process; what counts is the ratio of a
round.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated, Any

import pyarrow.parquet as pq
import typer
from made import make_model, make_task, quartiles, write

from scalearn.tasks.store import SPLITS, TaskInfo
from scalearn.training.data.encode import ROWS_AT_ONCE, encode

Texts = list[tuple[list[str], list[str] | None]]


def main(
    task: Annotated[list[str], typer.Option(help="a built-in task; give the option once for each")] = ["qnli"],  # noqa: B006
    model: Annotated[Path | None, typer.Option(help="a fetched model, instead of a made-up tokenizer")] = None,
    mirror: Annotated[Path | None, typer.Option(help="a folder in the hub's layout, instead of made-up pairs")] = None,
    rows: Annotated[int, typer.Option(min=100, help="of a made-up task")] = 20_000,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    output: Annotated[Path | None, typer.Option(help="a JSON file for what is measured")] = None,
) -> None:
    """Time each task with and without token types, and print how ours compares."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    cells = []
    print(f"{'task':<16}{'types':<7}{'rows':>8}{'bare, s':>9}{'ours, s':>9}  ratio (quartiles)   the CPU's")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        plain = model or make_model(work)
        models = {"yes": plain, "no": without_types(plain, work / "no types")}
        for name in task:
            prepared = make_task(work / "tasks", name, mirror, rows)
            for types, encoder in models.items():
                cells.append({"task": name, "types": types, **measure(prepared, encoder, work / "encoded", rounds)})
                report(cells[-1])
    write(output, {"cells": cells})


def without_types(model: Path, folder: Path) -> Path:
    """Copy a model without its weights, and have its tokenizer say that it takes no token types."""
    shutil.copytree(model, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**settings, "model_input_names": ["input_ids", "attention_mask"]}), encoding="utf-8")
    return folder


def measure(task: Path, model: Path, target: Path, rounds: int) -> dict[str, Any]:
    """Return seconds of both programs and, round by round, the ratio of ours to the bare call."""
    info, texts = TaskInfo.read(task), list(batches(task))
    programs = {"bare": bare(model, info, texts), "ours": lambda: encode(task, model, target)}
    wall: dict[str, list[float]] = {name: [] for name in programs}
    cpu: dict[str, list[float]] = {name: [] for name in programs}
    for number in range(rounds + 1):
        for name, program in programs.items():
            start, start_cpu = time.perf_counter(), time.process_time()
            with redirect_stdout(io.StringIO()):
                program()
            if number:  # the first round warms up
                wall[name].append(time.perf_counter() - start)
                cpu[name].append(time.process_time() - start_cpu)
    return {
        "rows": sum(len(first) for first, _ in texts),
        "bare": quartiles(wall["bare"]),
        "ours": quartiles(wall["ours"]),
        "ratio": quartiles([ours / theirs for ours, theirs in zip(wall["ours"], wall["bare"], strict=True)]),
        "cpu_ratio": quartiles([ours / theirs for ours, theirs in zip(cpu["ours"], cpu["bare"], strict=True)]),
    }


def batches(task: Path) -> Iterator[tuple[list[str], list[str] | None]]:
    """Yield the texts of all splits, first and second ones; of multiple choice a pair per choice."""
    for split in SPLITS:
        for batch in pq.ParquetFile(task / f"{split}.parquet").iter_batches(ROWS_AT_ONCE):
            first, second = batch["text1"].to_pylist(), None
            if "choices" in batch.schema.names:
                choices = batch["choices"].to_pylist()
                first = [text for text, row in zip(first, choices, strict=True) for _ in row]
                second = [choice for row in choices for choice in row]
            elif "text2" in batch.schema.names:
                second = batch["text2"].to_pylist()
            yield first, second


def bare(model: Path, info: TaskInfo, texts: Texts) -> Callable[[], None]:
    """Return a function that calls the model's tokenizer on all texts, as its documentation shows."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True)
    truncation = {"longest": True, "first": "only_first"}[info.truncate]

    def call() -> None:
        for first, second in texts:
            tokenizer(first, second, truncation=truncation, max_length=info.max_length, return_attention_mask=False)

    return call


def report(cell: dict[str, Any]) -> None:
    """Print a cell's line."""
    ratio, cpu = ("{:.2f} ({:.2f}-{:.2f})".format(*cell[key]) for key in ("ratio", "cpu_ratio"))
    seconds = f"{cell['bare'][0]:>9.2f}{cell['ours'][0]:>9.2f}"
    print(f"{cell['task']:<16}{cell['types']:<7}{cell['rows']:>8,}{seconds}  {ratio:<18}  {cpu}", flush=True)


if __name__ == "__main__":
    typer.run(main)
