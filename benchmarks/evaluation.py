"""Time the evaluation of real rows: ours, beside smaller batches in the split's order and beside padding to 128.

    ln -s <folder in the hub's layout> mirror
    python benchmarks/evaluation.py --output evaluation.json

Ours: rows sorted by length, in batches of at most EVAL_BATCH_SIZE, cut where that saves more than it costs. All of them
compute no gradients, and of the last layer the first token.
Also which part of an epoch evaluation is, beside training's steps, and which part of it is the first layer below its
adapter: that could be kept from epoch to epoch. One thread, the process's own time, all ways in turn.
"""

from __future__ import annotations

import json
import logging
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from epochs import BATCH, FULL, METHOD, SOURCES, chosen, our_step, padded
from programs import write_sources
from rows import HIDDEN, LAYERS, encoded, fetched, there
from steps import machine, now

from scalearn.encoders.loading import load_encoder
from scalearn.methods.base import Given
from scalearn.tasks.store import outputs
from scalearn.training.data.batches import Batch, EncodedSplit, eval_loader
from scalearn.training.engine.microbatches import EVAL_BATCH_SIZE, MICROBATCH_COST
from scalearn.training.engine.model import compose

OURS, SMALL, PADDED = (
    f"sorted, up to {EVAL_BATCH_SIZE} rows",
    f"in order, {BATCH} rows",
    f"in order, {BATCH} rows, padded",
)


def main(
    task: Annotated[list[str], typer.Option(help="GLUE tasks")] = FULL,
    rows: Annotated[int, typer.Option(help="of each validation split, at most")] = 512,
    rounds: Annotated[int, typer.Option(help="that count; one more goes before")] = 3,
    mirror: Annotated[Path, typer.Option(help="a folder in the hub's layout")] = Path("mirror"),
    model: Annotated[Path, typer.Option(help="a fetched model")] = Path("resources/models/minilm"),
    output: Annotated[Path | None, typer.Option(help="a JSON file for what is measured")] = None,
) -> None:
    """Time each task's evaluation, and print rows per second."""
    torch.set_num_threads(1)
    logging.getLogger("adapters.model_mixin").setLevel(logging.ERROR)
    tasks = there(task, mirror)
    cells = {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        sources = write_sources(work / "sources.safetensors", SOURCES, HIDDEN, LAYERS)
        for name in tasks:
            train, validation = (
                encoded(name, split, mirror, fetched(model), work) for split in ("train", "validation")
            )
            cells[name] = measure(train, validation, model, sources, work, rows, rounds)
            report(name, cells[name])
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps({"machine": machine(), "tasks": cells}, indent=1) + "\n")


def measure(
    train: EncodedSplit, validation: EncodedSplit, model: Path, sources: Path, work: Path, rows: int, rounds: int
) -> dict[str, Any]:
    """Return what evaluating some rows takes in each way, and what of an epoch and of a pass it is."""
    task = train.encoding["task"]
    labels = outputs(task["kind"], task["labels"], task["choices"])
    encoder = load_encoder(model)
    compose(encoder, METHOD, METHOD.defaults, Given(sources), labels, task["kind"])
    drawn = np.sort(np.random.default_rng(0).permutation(len(validation))[:rows])
    some = validation.take(drawn)
    below = Below(encoder.eval())
    ways: dict[str, Callable[[], None]] = {
        OURS: lambda: evaluate(encoder, some.sorted_by_length(), EVAL_BATCH_SIZE, MICROBATCH_COST),
        SMALL: lambda: evaluate(encoder, some, BATCH),
        PADDED: lambda: evaluate(encoder, some, BATCH, feed=padded),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    kept = []
    for place in range(rounds + 1):
        for name, way in ways.items():
            below.seconds, start = 0.0, now()
            way()
            if place:
                times[name].append(now() - start)
                kept += [below.seconds / times[name][-1]] if name == OURS else []
    epoch = epoch_seconds(train, model, sources, labels, work)
    whole = float(np.mean(times[OURS])) * len(validation) / len(some)
    return {
        "rows": len(some),
        "rows_per_second": {
            name: [round(len(some) / seconds, 1) for seconds in found] for name, found in times.items()
        },
        "share_of_an_epoch": round(whole / (whole + epoch), 4),
        "first_layer_of_evaluation": round(float(np.median(kept)), 4),
        "first_layer_mib": round(float(validation.lengths.sum()) * HIDDEN * 4 / 2**20, 1),
    }


def evaluate(
    encoder: Any, split: EncodedSplit, size: int, price: float = math.inf, feed: Callable[[Batch], Batch] = dict
) -> None:
    """Compute the logits of every row."""
    with torch.no_grad():
        for batch in eval_loader(split, size, price):
            encoder(**feed(batch))


class Below:
    """Adds up the seconds from the embeddings' begin to where the first layer's adapter begins."""

    def __init__(self, encoder: Any) -> None:
        self.seconds = self.begun = 0.0
        (_, first), *_ = encoder.iter_layers()
        encoder.base_model.embeddings.register_forward_pre_hook(lambda *_: setattr(self, "begun", now()))
        first.output.dense.register_forward_hook(lambda *_: setattr(self, "seconds", self.seconds + now() - self.begun))


def epoch_seconds(train: EncodedSplit, model: Path, sources: Path, labels: int, work: Path) -> float:
    """Return what an epoch's training steps take, from eight of them."""
    step, seconds = our_step(train, model, sources, labels, work), []
    for rows in chosen(train, False, 8):
        start = now()
        step(train.__getitems__(rows))
        seconds.append(now() - start)
    return float(np.mean(seconds)) * math.ceil(len(train) / BATCH)


def report(name: str, cell: dict[str, Any]) -> None:
    """Print a task's line."""
    base = np.array(cell["rows_per_second"][OURS])
    parts = [f"{way} {np.median(speeds):.0f} rows/s" for way, speeds in cell["rows_per_second"].items()]
    for way in (SMALL, PADDED):
        ratios = base / np.array(cell["rows_per_second"][way])
        parts.append(f"÷ {way} {np.median(ratios):.2f} ({ratios.min():.2f}-{ratios.max():.2f})")
    parts.append(f"{cell['share_of_an_epoch']:.1%} of an epoch")
    parts.append(f"first layer {cell['first_layer_of_evaluation']:.1%} of that, {cell['first_layer_mib']:,.0f} MiB")
    print(f"{name}: {'; '.join(parts)}", flush=True)


if __name__ == "__main__":
    typer.run(main)
