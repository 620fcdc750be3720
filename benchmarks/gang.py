"""Several trainings at once: as processes side by side, or as a gang in one process, which we have not built.

    python benchmarks/gang.py                              # tiny tensors, where launching operations is all the work
    python benchmarks/gang.py --hidden 768 --length 40     # RoBERTa-base's; on a GPU, if there is one

A gang trains members that share a frozen encoder and a method: the rows of all of them go through the encoder together,
and what trains is stacked, one slice a member, and applied by batched products. The gang here is as much of one as it
takes to time a step and to see that each member's is that of a training of its own: no schedules, no early stopping.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import torch
import typer
from programs import VOCABULARY, encoder, write_sources
from steps import machine, now
from torch import Tensor, nn
from torch.nn import functional

from scalearn.methods import METHODS
from scalearn.methods.base import Given
from scalearn.methods.layers.wide_bottleneck import ScaledUp
from scalearn.training.engine.checkpoints import trainable
from scalearn.training.engine.model import compose

SOURCES = 8
FEWEST = 4  # rounds, of which the first does not count
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


class MemberLinear(nn.Module):
    """A Linear for each member: (members x rows, ..., in) -> (members x rows, ..., out)."""

    def __init__(self, members: list[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([linear.weight.T for linear in members]).detach())
        self.bias = nn.Parameter(torch.stack([linear.bias for linear in members])[:, None].detach())

    def forward(self, inputs: Tensor) -> Tensor:
        """Return each member's rows under its own weights."""
        rows = inputs.reshape(len(self.weight), -1, inputs.shape[-1])
        return torch.baddbmm(self.bias, rows, self.weight).view(*inputs.shape[:-1], -1)


class MemberScaledUp(nn.Module):
    """ScaLearn's up-projection with an omega for each member, over the same sources."""

    def __init__(self, members: list[ScaledUp]) -> None:
        super().__init__()
        self.weight, self.bias, self.dropout = members[0].weight, members[0].bias, members[0].omega.dropout
        self.omega = nn.Parameter(torch.stack([up.omega.weight for up in members]).detach())  # (members, S, d)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return each member's scaled sum."""
        omega = functional.dropout(self.omega, self.dropout, self.training)
        weight = (self.weight.permute(1, 2, 0) * omega.unsqueeze(2)).flatten(1, 2)  # (members, S·b, d)
        rows = hidden.reshape(len(omega), -1, hidden.shape[-1])
        return torch.baddbmm((omega * self.bias).sum(1, keepdim=True), rows, weight).view(*hidden.shape[:-1], -1)


def build(name: str, seed: int, hidden: int, layers: int, sources: Path) -> Any:
    """Return a model that trains this method; encoders are the same whatever the seed."""
    torch.manual_seed(0)
    model = encoder(hidden, layers)
    torch.manual_seed(seed)
    given = Given(sources if METHODS[name].family == "two_stage" else None)
    compose(model, METHODS[name], METHODS[name].defaults, given, labels=3)
    return model


def gang_of(models: list[Any]) -> Any:
    """Return the first model, with what trains in it stacked over all of them; one alone stays as it is."""
    if len(models) == 1:
        return models[0]
    first, modules = models[0], [dict(model.named_modules()) for model in models]
    for name, module in list(first.named_modules()):
        members = [found[name] for found in modules]
        if isinstance(module, ScaledUp):
            stacked: nn.Module = MemberScaledUp(members)
        elif isinstance(module, nn.Linear) and module.weight.requires_grad:
            stacked = MemberLinear(members)
        else:
            continue
        parent, _, child = name.rpartition(".")
        setattr(first.get_submodule(parent), child, stacked)
    return first


def clip(parameters: list[nn.Parameter], members: int) -> None:
    """Scale the gradients of each member to a norm of at most one."""
    grads = [parameter.grad.view(members, -1) for parameter in parameters if parameter.grad is not None]
    norms = torch.stack([grad.norm(dim=1) for grad in grads]).norm(dim=0)
    torch._foreach_mul_(grads, [(1 / (norms + 1e-6)).clamp(max=1)[:, None]] * len(grads))


def step_of(model: Any, members: int, rows: int, length: int, first: int = 0) -> Callable[[], None]:
    """Return a function that takes a training step of so many members, of `rows` rows each, from the `first` on."""
    ids, labels = some_rows(first, members * rows, length)
    parameters = list(trainable(model.to(DEVICE).train()).values())
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, fused=True)

    def step() -> None:
        loss = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss
        (loss * members).backward()  # the sum of each member's mean
        if members > 1:
            clip(parameters, members)
        else:
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def some_rows(first: int, count: int, length: int) -> tuple[Tensor, Tensor]:
    """Return token ids and labels of these rows."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, VOCABULARY, (first + count, length), generator=generator)
    return ids[first:].to(DEVICE), (torch.arange(first, first + count) % 3).to(DEVICE)


def difference(name: str, folder: Path, members: int = 3) -> float:
    """Return by how much members' logits differ after five steps in a gang and alone, in float64, without dropout."""
    sizes, rows, length = (48, 2), 4, 7
    sources = write_sources(folder / "few.safetensors", SOURCES, *sizes)

    def logits(seeds: list[int]) -> Tensor:
        """Return what models of these seeds say of their rows when they are trained."""
        model = gang_of([build(name, seed, *sizes, sources).double() for seed in seeds])
        for module in model.modules():
            for dropout in ("p", "dropout", "dropout_prob"):
                if isinstance(getattr(module, dropout, None), float):
                    setattr(module, dropout, 0.0)
        first, count = seeds[0] * rows, len(seeds) * rows
        step = step_of(model, len(seeds), rows, length, first)
        for _ in range(5):
            step()
        with torch.no_grad():
            found: Tensor = model(input_ids=some_rows(first, count, length)[0]).logits
        return found

    alone = torch.cat([logits([seed]) for seed in range(members)])
    return float((logits(list(range(members))) - alone).abs().max())


def side_by_side(processes: int, seconds: float, *program: Any) -> float:
    """Return the steps per second of so many processes together, each of one thread."""
    context = multiprocessing.get_context("spawn")
    counts, ready = context.Queue(), context.Barrier(processes)
    started = [context.Process(target=put_steps, args=(counts, ready, seconds, *program)) for _ in range(processes)]
    for process in started:
        process.start()
    total = sum(counts.get() for _ in started)
    for process in started:
        process.join()
    return float(total)


def put_steps(counts: Any, ready: Any, seconds: float, name: str, sizes: Any, rows: int, length: int) -> None:
    """In a process of its own: put the steps per second that it takes."""
    quiet()
    with TemporaryDirectory() as folder:
        sources = write_sources(Path(folder) / "sources.safetensors", SOURCES, *sizes)
        step = step_of(build(name, 0, *sizes, sources), 1, rows, length)
    for _ in range(3):
        step()
    ready.wait()
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        step()
        count += 1
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    counts.put(count / (time.perf_counter() - start))


def quiet() -> None:
    """Take one thread, and have the library not warn of what is so on purpose."""
    torch.set_num_threads(1)
    logging.getLogger("adapters.model_mixin").setLevel(logging.ERROR)


def gangs(name: str, sizes: tuple[int, int], rows: int, length: int, counts: list[int], seconds: float) -> Any:
    """Return median and quartiles of a gang's step in steps of the first of these counts, taken in turn; by count."""
    with TemporaryDirectory() as folder:
        sources = write_sources(Path(folder) / "sources.safetensors", SOURCES, *sizes)
        steps = [
            step_of(gang_of([build(name, seed, *sizes, sources) for seed in range(count)]), count, rows, length)
            for count in counts
        ]
    rounds, end = [], time.monotonic() + seconds
    while len(rounds) < FEWEST or time.monotonic() < end:
        rounds.append([timed(step) for step in steps])
    ratios = np.array(rounds[1:]) / np.array(rounds[1:])[:, :1]
    return dict(zip(counts, np.quantile(ratios, [0.5, 0.25, 0.75], axis=0).T.round(3).tolist(), strict=True))


def timed(step: Callable[[], None]) -> float:
    """Return the seconds of a step."""
    start = now()
    step()
    return now() - start


def main(
    hidden: Annotated[int, typer.Option(help="of the encoder")] = 24,
    layers: Annotated[int, typer.Option(help="of the encoder")] = 12,
    length: Annotated[int, typer.Option(help="tokens in a row")] = 4,
    rows: Annotated[int, typer.Option(help="of a member's batch")] = 2,
    members: Annotated[list[int], typer.Option(help="sizes of gangs")] = [1, 2, 5, 10],  # noqa: B006
    processes: Annotated[list[int], typer.Option(help="how many side by side")] = [1, 2],  # noqa: B006
    seconds: Annotated[float, typer.Option(help="for all gangs, and for each number of processes")] = 15,
    output: Annotated[Path | None, typer.Option(help="a JSON file for what is measured")] = None,
) -> None:
    """Time both ways, and print how many times the steps of one training they take in the same time."""
    quiet()
    sizes, found = (hidden, layers), {}
    for name in ("adapter", "scalearn"):
        with TemporaryDirectory() as folder:
            error = difference(name, Path(folder))
        print(f"\n{name}: logits of members differ from those of trainings of their own by {error:.0e}")
        costs = gangs(name, sizes, rows, length, members, seconds)
        for count, (middle, low, high) in costs.items():
            print(f"  gang, {count}: a step of {middle:.2f} ({low:.2f}-{high:.2f}), {count / middle:.2f} x the steps")
        rates = {count: side_by_side(count, seconds, name, sizes, rows, length) for count in processes}
        for count, rate in rates.items():
            print(f"  processes, {count}: {rate / rates[processes[0]]:.2f} x the steps", flush=True)
        found[name] = {"difference": error, "gang": costs, "processes": rates}
    if output:
        shape = {"hidden": hidden, "layers": layers, "length": length, "rows": rows}
        output.write_text(json.dumps({"machine": machine(), **shape, **found}, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
