"""Time `scalearn predict` beside a bare loop over the same batches, and measure its memory on many rows.

    python benchmarks/predict.py              # an encoder of MiniLM's size; for memory a million rows, a tiny one
    python benchmarks/predict.py --rows 20000 --many 0

Ours is everything behind the command but loading the model: reading the file, tokenising, the model, and writing the
result. The bare loop has the padded batches in memory and only calls the model. Both in turn, in one process; what
counts is the ratio of a round. Memory is the peak of a process beyond what it holds once the model is loaded.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from made import make_model, make_task, quartiles, write
from scale import WORDS
from torch import Tensor

from scalearn.campaign.places import ENCODED, MODELS, RUNS, TASKS
from scalearn.cli.by_hand import planned_by_hand
from scalearn.inference.classifier import Classifier, load
from scalearn.inference.files import predict_file
from scalearn.training.data.encode import encode
from scalearn.training.runs.run import train

TINY = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
MEMORY = """
import resource, sys
from pathlib import Path
from scalearn.inference.classifier import load
from scalearn.inference.files import predict_file
run, source, output = map(Path, sys.argv[1:])
classifier = load(run)
before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 2**20
predict_file(classifier, source, output, (), lambda rows: None)
print(before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def main(
    rows: Annotated[int, typer.Option(min=100, help="rows of the timed file")] = 4_000,
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    many: Annotated[int, typer.Option(min=0, help="rows of the file for memory; 0: not measured")] = 1_000_000,
    output: Annotated[Path | None, typer.Option(help="a JSON file for what is measured")] = None,
) -> None:
    """Print the ratio of the times, and the memory."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        measured: dict[str, Any] = {"speed": speed(work, finished(work / "large"), rows, rounds)}
        if many:
            measured["memory"] = memory(work, finished(work / "small", **TINY), many)
    write(output, measured)


def finished(root: Path, **sizes: int) -> Path:
    """Train an adapter for one epoch of few rows, in the places of a campaign, and return the run's folder."""
    with redirect_stdout(io.StringIO()):
        task = make_task(root / TASKS, "qnli", None, 200)
        made = make_model(root / "made", **sizes)
        encoder = root / MODELS / made.name
        encoder.parent.mkdir(parents=True, exist_ok=True)
        made.rename(encoder)
        encoded = root / ENCODED / encoder.name / task.name
        encode(task, encoder, encoded)
        planned = planned_by_hand("adapter", encoder, [encoded], root, changed={"epochs": 1})
        planned = replace(planned, output=root / RUNS / planned.spec.path)
        train(planned)
    return planned.output


def speed(work: Path, run: Path, rows: int, rounds: int) -> dict[str, Any]:
    """Return the median ratio of the bare loop's time to ours, with quartiles; above 0.9 is the aim."""
    classifier, source = load(run), work / "rows.csv"
    pairs(source, rows)
    batches: list[Mapping[str, Tensor]] = []
    predict_file(recording(classifier, batches), source, work / "recorded.csv", (), lambda rows: None)
    ratios = []
    for number in range(rounds):
        start = time.perf_counter()
        predict_file(classifier, source, work / f"out{number}.csv", (), lambda rows: None)
        ours = time.perf_counter() - start
        start = time.perf_counter()
        with torch.inference_mode():
            for batch in batches:
                classifier.forward(batch)
        ratios.append((time.perf_counter() - start) / ours)
        bare = ratios[-1] * ours
        print(f"round {number + 1}: ours {ours:.2f} s ({rows / ours:,.0f} rows/s), bare {bare:.2f} s", flush=True)
    median, low, high = quartiles(ratios)
    print(f"speed: {median:.2f} of the bare loop ({low:.2f}-{high:.2f}), {rows:,} rows in {len(batches)} batches")
    return {"rows": rows, "ratio": [median, low, high]}


def recording(classifier: Classifier, batches: list[Mapping[str, Tensor]]) -> Classifier:
    """Return the classifier, but each batch is also appended to `batches`."""

    def forward(batch: Mapping[str, Tensor]) -> Tensor:
        batches.append(batch)
        return classifier.forward(batch)

    return replace(classifier, forward=forward)


def memory(work: Path, run: Path, rows: int) -> dict[str, Any]:
    """Return the peak memory in MiB with the model loaded, and after so many rows."""
    source = work / "many.csv"
    pairs(source, rows)
    start = time.perf_counter()
    command = [sys.executable, "-c", MEMORY, str(run), str(source), str(work / "many-out.parquet")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    before, peak = map(int, done.stdout.split()[-2:])
    seconds = time.perf_counter() - start
    print(f"memory: {peak - before} MiB beside the model ({before} MiB) for {rows:,} rows, in {seconds:.0f} s")
    return {"rows": rows, "model": before, "peak": peak}


def pairs(path: Path, rows: int) -> None:
    """Write made-up pairs of texts, of about 12 and 24 words."""
    with path.open("w", encoding="utf-8") as stream:
        stream.write("first,second\n")
        for row in range(rows):
            words = [WORDS[(row * 7 + place * place) % len(WORDS)] for place in range(12 + row % 24)]
            stream.write(f"{' '.join(words[:12])},{' '.join(words[6:])}\n")


if __name__ == "__main__":
    typer.run(main)
