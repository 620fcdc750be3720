"""Time a training step of our methods beside the library's single adapter, its AdapterFusion and a loop over sources.

    python benchmarks/steps.py                                    # the short form, with fewer layers
    python benchmarks/steps.py --full --batch 32 --seconds 300 --output steps.json

A step is forward, loss, backward, clipping and AdamW, with dropout on. All programs take a step in turn, in one process
of one thread, and what counts is the ratio of two steps of the same round: so another job's noise meets both. On a
CPU it is the process's own time that is taken, on a GPU the clock's.
"""

from __future__ import annotations

import json
import logging
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import geometric_mean
from typing import Annotated, Any

import numpy as np
import torch
import typer
from programs import LIBRARY, OURS, VOCABULARY, programs

from scalearn.training.engine.checkpoints import trainable

SHORT, FULL = {384: 3, 768: 2}, {384: 6, 768: 12}  # layers by hidden size
WARM = 1  # rounds that do not count
FEWEST = 3  # rounds that count, however long they take


def main(
    full: Annotated[bool, typer.Option("--full", help="MiniLM's and RoBERTa-base's layers: 6 and 12")] = False,
    depth: Annotated[int | None, typer.Option(help="so many layers instead, whatever the size")] = None,
    hidden: Annotated[list[int], typer.Option(help="sizes")] = [384, 768],  # noqa: B006
    length: Annotated[list[int], typer.Option(help="tokens in a row")] = [32, 64, 128],  # noqa: B006
    seconds: Annotated[float, typer.Option(help="for each size and length, building the models included")] = 40,
    batch: Annotated[int, typer.Option(help="rows")] = 16,
    output: Annotated[Path | None, typer.Option(help="a JSON file for what is measured")] = None,
) -> None:
    """Time each size and length, and print how each program compares."""
    torch.set_num_threads(1)
    logging.getLogger("adapters.model_mixin").setLevel(logging.ERROR)
    cells = []
    for size in hidden:
        for tokens in length:
            layers = depth or (FULL if full else SHORT)[size]
            times = measure(size, layers, tokens, batch, time.monotonic() + seconds)
            cells.append({"hidden": size, "layers": layers, "length": tokens, "batch": batch, **summary(times)})
            report(cells[-1])
    for name in cells[0]["programs"]:
        means = [
            geometric_mean(cell["programs"][name][base][0] for cell in cells) for base in ("to_library", "to_ours")
        ]
        print(f"geometric mean, {name:<36} ÷ {LIBRARY} {means[0]:.2f}, ÷ {OURS} {means[1]:.2f}")
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps({"machine": machine(), "cells": cells}, indent=1) + "\n")


def measure(hidden: int, layers: int, length: int, batch: int, until: float) -> dict[str, list[float]]:
    """Return each program's seconds, round by round, until the time is up."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    ids = torch.randint(5, VOCABULARY, (batch, length), device=device)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    inputs["labels"] = torch.arange(batch, device=device) % 3
    with tempfile.TemporaryDirectory() as folder:
        found = programs(hidden, layers, Path(folder))
        steps = {name: step_of(build().to(device).train()) for name, build in found.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    rounds = 0
    while rounds < WARM + FEWEST or time.monotonic() < until:
        for name, step in steps.items():
            start = now()
            step(inputs)
            if rounds >= WARM:
                times[name].append(now() - start)
        rounds += 1
    return times


def step_of(model: Any) -> Callable[[dict[str, torch.Tensor]], None]:
    """Return a function that takes one training step with a batch."""
    training = list(trainable(model).values())
    optimizer = torch.optim.AdamW(training, lr=1e-4, fused=True)

    def step(inputs: dict[str, torch.Tensor]) -> None:
        model(**inputs).loss.backward()
        torch.nn.utils.clip_grad_norm_(training, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def now() -> float:
    """Return the time of the process, or on a GPU that of the clock once the GPU has finished."""
    if not torch.cuda.is_available():
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def summary(times: dict[str, list[float]]) -> dict[str, Any]:
    """Return of each program the median seconds, and median and quartiles of its ratio to the two adapters."""

    def quartiles(name: str, base: str) -> list[float]:
        ratios = np.array(times[name]) / np.array(times[base])
        return [round(float(value), 4) for value in np.quantile(ratios, [0.5, 0.25, 0.75])]

    return {
        "rounds": len(times[LIBRARY]),
        "programs": {
            name: {
                "seconds": round(float(np.median(values)), 5),
                "to_library": quartiles(name, LIBRARY),
                "to_ours": quartiles(name, OURS),
            }
            for name, values in times.items()
        },
    }


def report(cell: dict[str, Any]) -> None:
    """Print a cell: its sizes, and a line for each program."""
    print(f"\nd = {cell['hidden']}, {cell['layers']} layers, length {cell['length']}, {cell['rounds']} rounds")
    print(f"{'program':<36}{'ms':>9}  ÷ {LIBRARY + ' (quartiles)':<30}  ÷ {OURS} (quartiles)")
    for name, found in cell["programs"].items():
        ratios = ["{:5.2f} ({:.2f}-{:.2f})".format(*found[base]) for base in ("to_library", "to_ours")]
        print(f"{name:<36}{found['seconds'] * 1000:>9.1f}  {ratios[0]:<32}  {ratios[1]}", flush=True)


def machine() -> dict[str, str]:
    """Return what the times depend on."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.processor() or platform.machine()
    return {"device": device, "torch": torch.__version__, "python": sys.version.split()[0], "threads": "1"}


if __name__ == "__main__":
    typer.run(main)
