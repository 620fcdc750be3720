"""Time an epoch of real rows: ours, cut by length or in buckets of like length, beside the reference's way.

    ln -s <folder in the hub's layout> mirror
    python benchmarks/epochs.py                                  # the short form: three tasks
    python benchmarks/epochs.py --full --output epochs.json      # all six, more batches

The reference feeds rows in random order, padded to 128, and computes ScaLearn as a loop over eight sources, the last
layer in full. Ours are the trainer's own steps over the loader's own batches. Every program takes a step in turn, in
one process of one thread, with dropout, clipping and fused AdamW. Of an epoch's batches, sorted by their tokens, every
n-th is timed, from a random first: so the mean is the epoch's, also where batches differ as buckets do. The model is
all-MiniLM-L6-v2, fetched if it is not there.
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
import numpy.typing as npt
import torch
import typer
from programs import install_loop, write_sources
from rows import HIDDEN, LAYERS, encoded, fetched, there
from steps import machine, now, step_of

from scalearn.campaign.compute import Compute
from scalearn.encoders.loading import load_encoder
from scalearn.methods import METHODS
from scalearn.methods.base import Given
from scalearn.tasks.store import outputs
from scalearn.training.data.batches import Batch, EncodedSplit, TrainLoader
from scalearn.training.engine.device import resolve_compute, this_device
from scalearn.training.engine.microbatches import TOKEN_TENSORS
from scalearn.training.engine.model import HEAD, add_head, compose
from scalearn.training.engine.settings import Objective, Settings, Validation
from scalearn.training.engine.trainer import RunTrainer

SHORT, FULL = ["cola", "qqp", "rte"], ["cola", "sst2", "qqp", "mnli", "mrpc", "rte"]
SOURCES, BATCH, LENGTH = 8, 32, 128
METHOD = METHODS["scalearn"]
REFERENCE, SPLIT, BUCKETS = "reference", "split", "buckets"
Step = Callable[[Batch], Any]


def main(
    full: Annotated[bool, typer.Option("--full", help="all six tasks, 24 batches of each")] = False,
    batches: Annotated[int | None, typer.Option(help="of each task; by default 4, in full 24")] = None,
    task: Annotated[list[str] | None, typer.Option(help="tasks instead of those")] = None,
    mirror: Annotated[Path, typer.Option(help="a folder in the hub's layout")] = Path("mirror"),
    model: Annotated[Path, typer.Option(help="a fetched model")] = Path("resources/models/minilm"),
    output: Annotated[Path | None, typer.Option(help="a JSON file for what is measured")] = None,
) -> None:
    """Time each task's steps, and print how many times faster ours are."""
    torch.set_num_threads(1)
    logging.getLogger("adapters.model_mixin").setLevel(logging.ERROR)
    tasks = there(task or (FULL if full else SHORT), mirror)
    cells = {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        sources = write_sources(work / "sources.safetensors", SOURCES, HIDDEN, LAYERS)
        for name in tasks:
            train = encoded(name, "train", mirror, fetched(model), work)
            times = measure(train, model, sources, work, batches or (24 if full else 4))
            cells[name] = {"mean_length": round(float(train.lengths.mean()), 1), **summary(times)}
            report(name, cells[name])
    means = {
        name: math.exp(np.mean([math.log(cell[name]["faster"]) for cell in cells.values()]))
        for name in (SPLIT, BUCKETS)
    }
    print(f"\ngeometric means: split {means[SPLIT]:.2f}, buckets {means[BUCKETS]:.2f} times as fast as the reference")
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps({"machine": machine(), "tasks": cells, "geometric_means": means}, indent=1) + "\n")


def measure(train: EncodedSplit, model: Path, sources: Path, work: Path, count: int) -> dict[str, list[float]]:
    """Return each program's seconds, batch by batch. Reference and split take the same rows, buckets have their own."""
    task = train.encoding["task"]
    labels = outputs(task["kind"], task["labels"], task["choices"])
    loop = load_encoder(model)
    install_loop(loop, sources)
    add_head(loop, HEAD, labels, task["kind"])
    reference, ours = step_of(loop.train()), our_step(train, model, sources, labels, work)
    drawn, alike = (chosen(train, buckets, count) for buckets in (False, True))
    times: dict[str, list[float]] = {REFERENCE: [], SPLIT: [], BUCKETS: []}
    for place, (rows, bucket) in enumerate(zip([drawn[0], *drawn], [alike[0], *alike], strict=True)):
        timed: tuple[tuple[str, Step, list[int]], ...] = (
            (REFERENCE, lambda batch: reference(padded(batch)), rows),
            (SPLIT, ours, rows),
            (BUCKETS, ours, bucket),
        )
        for name, step, indices in timed:
            start = now()
            step(train.__getitems__(indices))
            if place:  # the first does not count
                times[name].append(now() - start)
    return times


def our_step(train: EncodedSplit, model: Path, sources: Path, labels: int, work: Path) -> Step:
    """Return the trainer's step, with what its loop does around it: clipping, optimizer, schedule."""
    encoder, values = load_encoder(model), METHOD.defaults
    compose(encoder, METHOD, values, Given(sources), labels, train.encoding["task"]["kind"])
    how = resolve_compute(Compute(), this_device())
    trainer = RunTrainer(
        encoder,
        TrainLoader(train, values.batch_size, 0),
        Validation(train.take(np.arange(1)), None),
        Settings(values, 0, work / "run", "", how),
        Objective(),
    )
    trainer.create_optimizer_and_scheduler(10_000)
    trainer.current_gradient_accumulation_steps = 1  # as the library's loop sets it before each step

    def step(batch: Batch) -> None:
        trainer.training_step(encoder, batch)
        trainer.clipping.on_pre_optimizer_step(trainer.args, trainer.state, trainer.control)
        trainer.optimizer.step()
        trainer.lr_scheduler.step()
        encoder.zero_grad()

    return step


def chosen(train: EncodedSplit, buckets: bool, count: int) -> list[list[int]]:
    """Return `count` of the first epoch's batches, evenly spread from those with few tokens to those with many."""
    order: Any = TrainLoader(train, BATCH, 0, buckets).batch_sampler
    every = [rows for rows in order if len(rows) == BATCH]
    every.sort(key=lambda rows: int(train.lengths[rows].sum()))
    places = (np.arange(count) + np.random.default_rng(0).random()) * len(every) / count
    spread = [every[int(place)] for place in places]
    return [spread[place] for place in np.random.default_rng(1).permutation(count)]


def padded(batch: Batch) -> Batch:
    """Return the batch with every row padded to the length that the reference pads to."""
    return {
        name: torch.nn.functional.pad(value, (0, LENGTH - value.shape[-1])) if name in TOKEN_TENSORS else value
        for name, value in batch.items()
    }


def summary(times: dict[str, list[float]]) -> dict[str, Any]:
    """Return of each program its mean seconds, of ours how many times faster they are, with standard errors.

    The standard error is that of a simple random sample; batches that are evenly spread vary less.
    """
    found: dict[str, Any] = {"batches": len(times[REFERENCE])}
    base = np.array(times[REFERENCE])
    for name, values in times.items():
        seconds = np.array(values)
        faster = base.mean() / seconds.mean()
        error = faster * math.hypot(relative_error(base), relative_error(seconds))
        found[name] = {
            "seconds": round(float(seconds.mean()), 4),
            "quartiles": [round(float(value), 4) for value in np.quantile(seconds, [0.25, 0.75])],
            "faster": round(float(faster), 3),
            "standard_error": round(float(error), 3) if name != REFERENCE else 0.0,
        }
    return found


def relative_error(seconds: npt.NDArray[np.float64]) -> float:
    """Return the standard error of the mean, as a part of it."""
    return float(seconds.std(ddof=1) / math.sqrt(len(seconds)) / seconds.mean())


def report(name: str, cell: dict[str, Any]) -> None:
    """Print a task's line."""
    parts = [f"reference {cell[REFERENCE]['seconds'] * 1000:.0f} ms"]
    for program in (SPLIT, BUCKETS):
        parts.append("{} {:.0f} ms ({:.0f}-{:.0f}), {:.2f} ± {:.2f} times as fast".format(
            program, *(1000 * value for value in (cell[program]["seconds"], *cell[program]["quartiles"])),
            cell[program]["faster"], cell[program]["standard_error"],
        ))  # fmt: skip
    print(f"{name}, mean length {cell['mean_length']}, {cell['batches']} batches: {'; '.join(parts)}", flush=True)


if __name__ == "__main__":
    typer.run(main)
