"""Encode one prepared task by `scalearn encode` and by `Dataset.map` of `datasets`: rows per second and peak memory.

    python benchmarks/dataset_map.py                    # 100,000 made-up pairs
    python benchmarks/dataset_map.py --rows 1000000

Both call the same fast tokenizer with the same truncation, in batches of as many rows, in a process each, in turn.
`Dataset.map` writes its Arrow cache, as ours writes Arrow files; ours also writes checksums. Imports are not timed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from made import make_model, make_task, write

OURS = """
import json, resource, sys, time
from pathlib import Path
from scalearn.training.data.encode import encode
from scalearn.training.data.tokens import Tokens
task, model, output = map(Path, sys.argv[1:])
Tokens.of_model(model, 128, "longest")  # imports
start = time.perf_counter()
encode(task, model, output)
print(json.dumps([time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024]))
"""
THEIRS = """
import json, resource, sys, time
from pathlib import Path
from datasets import disable_progress_bars, load_dataset
from transformers import AutoTokenizer
from scalearn.tasks.store import SPLITS, TaskInfo
from scalearn.training.data.encode import ROWS_AT_ONCE
disable_progress_bars()
task, model, output = map(Path, sys.argv[1:])
info, tokenizer = TaskInfo.read(task), AutoTokenizer.from_pretrained(model)
options = {"truncation": "longest_first", "max_length": info.max_length, "return_attention_mask": False}
start = time.perf_counter()
for split in SPLITS:
    rows = load_dataset("parquet", data_files=str(task / f"{split}.parquet"), split="train", cache_dir=str(output))
    rows.map(
        lambda batch: tokenizer(batch["text1"], batch["text2"], **options),
        batched=True, batch_size=ROWS_AT_ONCE, remove_columns=["text1", "text2"],
    )
print(json.dumps([time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024]))
"""


def main(
    rows: Annotated[int, typer.Option(min=1000, help="of the train split")] = 100_000,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
    output: Annotated[Path | None, typer.Option(help="a JSON file for what is measured")] = None,
) -> None:
    """Print both for each round, and the ratio of the times."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        model, task = make_model(work), make_task(work / "tasks", "qnli", None, rows)
        measured: list[dict[str, Any]] = []
        for number in range(rounds):
            row: dict[str, Any] = {}
            for name, code in (("encode", OURS), ("map", THEIRS)):
                seconds, peak = timed(code, task, model, work / f"{name}{number}")
                row |= {f"{name}, s": round(seconds, 2), f"{name}, MiB": peak}
            measured.append(row)
            ratio = row["map, s"] / row["encode, s"]
            speed = rows / row["encode, s"]
            print(f"round {number + 1}: {row}; {speed:,.0f} rows/s, {ratio:.2f} times the speed of map", flush=True)
    write(output, {"rows": rows, "rounds": measured})


def timed(code: str, task: Path, model: Path, output: Path) -> tuple[float, int]:
    """Return the seconds and the peak memory, in MiB, that a process of this code reports."""
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "true"}
    command = [sys.executable, "-c", code, str(task), str(model), str(output)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    seconds, peak = json.loads(done.stdout.splitlines()[-1])
    return float(seconds), int(peak)


if __name__ == "__main__":
    typer.run(main)
