"""Started by `fixed.py`: `scalearn train ...`, with a clock around what it does; prints seconds by part as JSON.

Wall seconds begin where the process was asked for (STARTED, by the clock); beside them are those of its own CPU.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


class Clock:
    """Seconds by part. What happens in a part inside another counts for the inner one alone."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self.inner = [[0.0, 0.0]]

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count the block as this part."""
        start = time.perf_counter(), time.process_time()
        self.inner.append([0.0, 0.0])
        try:
            yield
        finally:
            spent = time.perf_counter() - start[0], time.process_time() - start[1]
            inner = self.inner.pop()
            for index in (0, 1):
                self.seconds[name][index] += spent[index] - inner[index]
                self.inner[-1][index] += spent[index]

    def around(self, owner: Any, function: str, name: str) -> None:
        """Count every call of this function of a module or class as the part."""
        original: Callable[..., Any] = getattr(owner, function)

        def timed(*arguments: Any, **options: Any) -> Any:
            with self.part(name):
                return original(*arguments, **options)

        setattr(owner, function, timed)


def train(arguments: list[str], clock: Clock) -> int:
    """Run the command with the clock around its parts."""
    with clock.part("imports"):
        from scalearn.__main__ import run
        from scalearn.machine.heavy_imports import importing

        with importing():  # what the command does first
            import scalearn.training.runs.run as module
    from scalearn.training.engine.trainer import RunTrainer
    from scalearn.training.runs import outputs

    clock.around(module, "check_inputs", "input checks")
    clock.around(module, "_model", "model and composing")
    clock.around(RunTrainer, "training_step", "steps")
    clock.around(RunTrainer, "train", "steps")  # the library's loop: batches, clipping, optimizer
    clock.around(RunTrainer, "evaluate", "evaluation")
    clock.around(RunTrainer, "finish_epoch", "checkpoints")
    clock.around(module, "write_run", "writing")
    clock.around(outputs, "write_predictions", "prediction")
    return run(arguments)


if __name__ == "__main__":
    measured = Clock()
    measured.seconds["interpreter"] = [time.time() - float(os.environ["STARTED"]), time.process_time()]
    status = train(sys.argv[1:], measured)
    total = [time.time() - float(os.environ["STARTED"]), time.process_time()]
    print(json.dumps({"total": total, "parts": measured.seconds}), flush=True)
    sys.exit(status)
