"""Times training steps on a GPU: replayed and not, what determinism costs, and several trainings side by side.

    python benchmarks/gpu.py --output gpu.json             # under three minutes
    python benchmarks/gpu.py --no-mps --processes 1 --processes 4

It needs a GPU, and nothing from the network: encoders and sources have random weights. Steps are the trainer's own,
batches of 32 rows of 32 tokens in bf16, with all that the trainer does around them. docs/gpu.md says how to bring the
project to a machine without a package index.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from gpu_loop import Ended, clock, run, trainer_of

SIZES = {"MiniLM": (384, 6), "base": (768, 12)}
METHODS_OF = {
    "MiniLM": ("adapter", "scalearn", "scalearn_uniform_pp", "adapter_fusion", "full_finetuning", "adapter_m"),
    "base": ("adapter", "scalearn", "adapter_fusion", "full_finetuning"),
}
TOKENS = 32
REPLAYED, EAGER, PROFILED = 150, 20, 5  # steps that are timed
WARM = 60  # steps that are not: in them, steps are captured
SIDE_BY_SIDE = 1.5  # seconds of each measurement
FORK = multiprocessing.get_context("fork")


def main(
    processes: Annotated[list[int], typer.Option(help="trainings side by side")] = [1, 2, 4, 8, 14],  # noqa: B006
    mps: Annotated[bool, typer.Option(help="also with a daemon of the Multi-Process Service")] = True,
    output: Annotated[Path | None, typer.Option(help="a JSON file for what is measured")] = None,
) -> None:
    """Measure all, and print a table of each."""
    started = time.monotonic()
    found: dict[str, Any] = {"steps": steps()}
    report_steps(found["steps"])
    found["determinism"] = determinism()
    report_determinism(found["determinism"])
    found["side by side"] = {"no MPS": side_by_side(processes)}
    if mps:
        with daemon() as running:
            if running:
                found["side by side"]["MPS"] = side_by_side(processes)
    report_side_by_side(processes, found["side by side"])
    found["seconds"] = round(time.monotonic() - started)
    print(f"\n{found['seconds']} s in all")
    if output:
        output.write_text(json.dumps(found, indent=1) + "\n")


def in_a_child(function: Any) -> Any:
    """Return what a child process finds, which starts afresh; this one never uses the GPU, so that it can fork more."""
    receiver, sender = FORK.Pipe(duplex=False)
    child = FORK.Process(target=lambda: sender.send(function()))
    child.start()
    sender.close()
    with contextlib.suppress(EOFError):
        return receiver.recv()
    sys.exit("error: the measurement has failed, see above")


def steps() -> list[dict[str, Any]]:
    """Return what a step of each method takes, replayed and not, and its kernels' time."""
    return [
        {"size": size, "method": method, **in_a_child(partial(step_of, method, *SIZES[size]))}
        for size, methods in METHODS_OF.items()
        for method in methods
    ]


def step_of(method: str, hidden: int, layers: int) -> dict[str, Any]:
    """Return milliseconds of a step: replayed, eager, and of its kernels."""
    found: dict[str, Any] = {"device": torch.cuda.get_device_name()}
    start = 0.0
    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_of(method, hidden, layers, TOKENS, Path(folder))
        profiler = cuda_profiler()

        def at_each_step(done: int) -> None:
            nonlocal start
            if done == WARM:
                start = clock()
            elif done == WARM + REPLAYED:
                found["replayed"] = 1000 * (clock() - start) / REPLAYED
                assert trainer.replay is not None
                found.update(trainer.replay.facts)
                trainer.replays = False
            elif done == WARM + REPLAYED + 5:
                start = clock()
            elif done == WARM + REPLAYED + 5 + EAGER:
                found["eager"] = 1000 * (clock() - start) / EAGER
                profiler.start()
            elif done == WARM + REPLAYED + 5 + EAGER + PROFILED:
                found["kernels"], found["launches"] = kernels_in(profiler)
                raise Ended

        run(trainer, at_each_step)
    return found


def cuda_profiler() -> torch.profiler.profile:
    """Return a profiler of what runs on the GPU."""
    return torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA], acc_events=True)


def kernels_in(profiler: torch.profiler.profile) -> tuple[float, int]:
    """End the profiler; return the milliseconds of a step's kernels and copies, and how many there are."""
    torch.cuda.synchronize()
    profiler.stop()
    found = [
        event
        for event in profiler.events()
        if event.device_type == torch.autograd.DeviceType.CUDA and not event.is_user_annotation
    ]
    return sum(event.device_time for event in found) / 1000 / PROFILED, round(len(found) / PROFILED)


def determinism() -> list[dict[str, Any]]:
    """Return the kernels' milliseconds of an eager step with deterministic kernels only, and with torch's default."""
    return [
        {"size": size, "tokens": tokens, **in_a_child(partial(with_and_without, *sizes, tokens))}
        for size, sizes in SIZES.items()
        for tokens in (TOKENS, 128)
    ]


def with_and_without(hidden: int, layers: int, tokens: int) -> dict[str, float]:
    """Return the kernels' milliseconds of a step of an adapter, both ways."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_of("adapter", hidden, layers, tokens, Path(folder))
        trainer.replays = False
        profiler = cuda_profiler()

        def at_each_step(done: int) -> None:
            nonlocal profiler
            if done in (10, 20 + PROFILED):
                profiler.start()
            elif done == 10 + PROFILED:
                found["deterministic"] = kernels_in(profiler)[0]
                torch.use_deterministic_algorithms(False)
                profiler = cuda_profiler()
            elif done == 20 + 2 * PROFILED:
                found["default"] = kernels_in(profiler)[0]
                raise Ended

        run(trainer, at_each_step)
    return found


def side_by_side(processes: list[int]) -> dict[str, dict[str, float]]:
    """Return the steps per second of all trainings together, eager and replayed, by their number."""
    most = max(processes)
    barrier, queue = FORK.Barrier(most + 1), FORK.SimpleQueue()
    plan = [(kind, count) for kind in ("replayed", "eager") for count in processes]
    workers = [FORK.Process(target=work, args=(index, plan, barrier, queue), daemon=True) for index in range(most)]
    for worker in workers:
        worker.start()
    found: dict[str, dict[str, float]] = {"replayed": {}, "eager": {}}
    for kind, count in plan:
        barrier.wait(120)
        barrier.wait(120)
        found[kind][str(count)] = round(sum(queue.get() for _ in range(count)), 1)
    for worker in workers:
        worker.join(30)
    return found


def work(index: int, plan: list[tuple[str, int]], barrier: Barrier, queue: Any) -> None:
    """In a child: train ScaLearn at MiniLM's size, in turn with as many others as the plan says."""
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_of("scalearn", *SIZES["MiniLM"], TOKENS, Path(folder))
        turns, first, start = iter(plan), WARM, 0.0

        def begin() -> None:
            nonlocal first, start
            for kind, count in turns:
                torch.cuda.synchronize()
                barrier.wait(120)
                if index < count:
                    trainer.replays = kind == "replayed"
                    first, start = trainer.state.global_step, time.perf_counter()
                    return
                barrier.wait(120)
            raise Ended

        def at_each_step(done: int) -> None:
            if done == WARM:
                begin()
            elif done > WARM and time.perf_counter() - start > SIDE_BY_SIDE:
                torch.cuda.synchronize()
                queue.put((done - first) / (time.perf_counter() - start))
                barrier.wait(120)
                begin()

        run(trainer, at_each_step)


@contextlib.contextmanager
def daemon() -> Iterator[bool]:
    """Run a daemon of the Multi-Process Service of one's own while the context lasts; yield whether there is one."""
    program = shutil.which("nvidia-cuda-mps-control")
    if program is None:
        print("no nvidia-cuda-mps-control here: nothing measured with MPS")
        yield False
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"CUDA_MPS_PIPE_DIRECTORY": f"{folder}/pipe", "CUDA_MPS_LOG_DIRECTORY": f"{folder}/log"}
        started = subprocess.run([program, "-d"], check=False).returncode == 0
        try:
            yield started
        finally:
            subprocess.run([program], input="quit\n", text=True, check=False)
            for name in ("CUDA_MPS_PIPE_DIRECTORY", "CUDA_MPS_LOG_DIRECTORY"):
                del os.environ[name]


def report_steps(found: list[dict[str, Any]]) -> None:
    """Print a line for each method and size."""
    print(f"{found[0]['device']}; a step in ms, batches of 32 x {TOKENS} tokens, bf16")
    heads = ("eager", "replayed", "kernels", "faster", "÷ kernels", "launches")
    print(f"{'size':<8}{'method':<22}" + "".join(f"{head:>10}" for head in heads))
    for one in found:
        faster, over = one["eager"] / one["replayed"], one["replayed"] / one["kernels"]
        print(
            f"{one['size']:<8}{one['method']:<22}{one['eager']:>10.2f}{one['replayed']:>10.2f}{one['kernels']:>10.2f}"
            f"{faster:>10.1f}{over:>10.2f}{one['launches']:>10}  {one.get('not_replayed', '')}"
        )


def report_determinism(found: list[dict[str, Any]]) -> None:
    """Print what the kernels take with deterministic attention and without."""
    print(f"\n{'adapter, kernels in ms':<24}{'tokens':>8}{'default':>10}{'deterministic':>15}{'ratio':>8}")
    for one in found:
        ratio = one["deterministic"] / one["default"]
        print(f"{one['size']:<24}{one['tokens']:>8}{one['default']:>10.2f}{one['deterministic']:>15.2f}{ratio:>8.2f}")


def report_side_by_side(processes: list[int], found: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print steps per second by the number of trainings."""
    print(f"\n{'steps per second, ScaLearn at MiniLM size':<44}" + "".join(f"{count:>9}" for count in processes))
    for service, kinds in found.items():
        for kind, rates in kinds.items():
            print(f"{kind + ', ' + service:<44}" + "".join(f"{rates[str(count)]:>9.0f}" for count in processes))


if __name__ == "__main__":
    typer.run(main)
