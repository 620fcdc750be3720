"""Time a training step of one adapter as each key of the config's `compute` may have it.

    python benchmarks/compute.py --seconds 60 --output compute.json
    python benchmarks/compute.py --layers 2 --length 32 --compile        # and with torch.compile

A step is forward, loss, backward, clipping and AdamW, with dropout on. All variants take a step in turn, in one process
of one thread, and what counts is the ratio of two steps of the same round. Of each step the optimizer's part is timed,
too. On a CPU it is the process's own time that is taken, on a GPU the clock's. The first step, which may compile, is
timed by the clock on both.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from adapters import AutoAdapterModel
from programs import VOCABULARY
from steps import FEWEST, WARM, machine, now
from transformers import BertConfig

from scalearn.methods import METHODS
from scalearn.methods.base import Given
from scalearn.training.engine.checkpoints import trainable
from scalearn.training.engine.device import HALF
from scalearn.training.engine.frozen import hold_frozen
from scalearn.training.engine.model import compose


@dataclass(frozen=True)
class Variant:
    """One way to compute. held: frozen weights are in half precision once, in place of a cast at each use."""

    precision: str = "float32"
    held: bool = True
    attention: str = "sdpa"
    optimizer: str = "fused"
    compile: bool = False
    method: str = "adapter"


BASE = Variant()
VARIANTS = {
    "float32, sdpa, fused": BASE,
    "eager attention": Variant(attention="eager"),
    "bf16": Variant("bf16"),
    "bf16, frozen weights cast": Variant("bf16", held=False),
    "optimizer foreach": Variant(optimizer="foreach"),
    "optimizer loop": Variant(optimizer="loop"),
}
# Of all weights, where the optimizer has two hundred times as much to do.
WHOLE = {
    f"all weights, {name}": Variant(optimizer=name, method="full_finetuning") for name in ("fused", "foreach", "loop")
}
COMPILED = {"compiled": Variant(compile=True)}
OPTIONS = {"fused": {"fused": True}, "foreach": {"foreach": True}, "loop": {"foreach": False}}


def main(
    hidden: Annotated[int, typer.Option(help="size")] = 384,
    layers: Annotated[int, typer.Option()] = 6,
    length: Annotated[list[int], typer.Option(help="tokens in a row")] = [32, 64, 128],  # noqa: B006
    batch: Annotated[int, typer.Option(help="rows")] = 16,
    seconds: Annotated[float, typer.Option(help="for each length")] = 40,
    compiled: Annotated[bool, typer.Option("--compile", help="torch.compile, too; it takes minutes")] = False,
    output: Annotated[Path | None, typer.Option(help="a JSON file for what is measured")] = None,
) -> None:
    """Time each length, and print how each variant compares."""
    torch.set_num_threads(1)
    logging.getLogger("adapters.model_mixin").setLevel(logging.ERROR)
    cells = []
    for tokens in length:
        variants = {**VARIANTS, **WHOLE, **(COMPILED if compiled else {})}
        found = measure(variants, hidden, layers, tokens, batch, seconds)
        cells.append({"hidden": hidden, "layers": layers, "length": tokens, "batch": batch, **found})
        report(cells[-1])
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps({"machine": machine(), "cells": cells}, indent=1) + "\n")


def measure(
    variants: dict[str, Variant], hidden: int, layers: int, length: int, batch: int, seconds: float
) -> dict[str, Any]:
    """Return of each variant its seconds, those of its first step, and quartiles of its ratio to BASE."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    ids = torch.randint(5, VOCABULARY, (batch, length), device=device)
    inputs = {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "labels": torch.arange(batch, device=device) % 3,
    }
    steps = {name: step_of(variant, hidden, layers, inputs) for name, variant in variants.items()}
    first = {}
    for name, step in steps.items():
        start = time.monotonic()
        step()
        first[name] = time.monotonic() - start
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    rounds, until = 0, time.monotonic() + seconds
    while rounds < WARM + FEWEST or time.monotonic() < until:
        for name, step in steps.items():
            taken = step()
            if rounds >= WARM:
                times[name].append(taken)
        rounds += 1
    base = np.array(times[next(iter(VARIANTS))]).sum(1)
    return {
        "rounds": rounds - WARM,
        "variants": {
            name: {
                **asdict(variants[name]),
                "first_step": round(first[name], 2),
                "seconds": round(float(np.median(np.array(values).sum(1))), 5),
                "optimizer_ms": round(float(np.median(np.array(values)[:, 1])) * 1000, 3),
                "ratio": [round(float(q), 3) for q in np.quantile(np.array(values).sum(1) / base, [0.5, 0.25, 0.75])],
            }
            for name, values in times.items()
        },
    }


def step_of(
    variant: Variant, hidden: int, layers: int, inputs: dict[str, torch.Tensor]
) -> Callable[[], tuple[float, float]]:
    """Return a function that takes a training step and returns the seconds before the optimizer's part, and of that."""
    sizes = {"hidden_size": hidden, "num_hidden_layers": layers, "intermediate_size": 4 * hidden}
    config = BertConfig(
        vocab_size=30_522, num_attention_heads=12, **sizes
    )  # BERT's words: full fine-tuning trains them
    model: Any = AutoAdapterModel.from_config(config, attn_implementation=variant.attention)
    compose(model, METHODS[variant.method], METHODS[variant.method].defaults, Given(), labels=3)
    half, kind = HALF.get(variant.precision), inputs["input_ids"].device.type
    if half is not None and variant.held:
        hold_frozen(model, half)
    model = model.to(kind).train()
    training = list(trainable(model).values())
    optimizer = torch.optim.AdamW(training, lr=1e-4, **OPTIONS[variant.optimizer])
    call = torch.compile(model) if variant.compile else model

    def step() -> tuple[float, float]:
        start = now()
        with torch.autocast(kind, half) if half else nullcontext():
            loss = call(**inputs).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(training, 1.0)
        middle = now()
        optimizer.step()
        end = now()
        optimizer.zero_grad()
        return middle - start, end - middle

    return step


def report(cell: dict[str, Any]) -> None:
    """Print a cell: its sizes, and a line for each variant."""
    print(f"\nd = {cell['hidden']}, {cell['layers']} layers, length {cell['length']}, {cell['rounds']} rounds")
    print(f"{'variant':<28}{'ms':>9}{'optimizer':>11}{'first step':>12}  ÷ {next(iter(VARIANTS))} (quartiles)")
    for name, found in cell["variants"].items():
        ratio = "{:5.2f} ({:.2f}-{:.2f})".format(*found["ratio"])
        own = f"{found['optimizer_ms']:>11.2f}{found['first_step']:>10.1f} s"
        print(f"{name:<28}{found['seconds'] * 1000:>9.1f}{own}  {ratio}", flush=True)


if __name__ == "__main__":
    typer.run(main)
