"""Started by `start.py`: a process that ends where something begins, and says when that was.

    first_step.py torch                  torch and transformers are imported
    first_step.py trainer                and of transformers what every trainer of a BERT imports
    first_step.py train ...              `scalearn train ...` takes its first step
    first_step.py serve COMMAND...       COMMAND has a warm server whose trainings end at their first step
    first_step.py clients NUMBER ...     so many times `scalearn train ...`, below such a server

It prints seconds since the process was asked for (STARTED, by the clock), and its own CPU's, as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any


def say() -> None:
    """Print the instant, in seconds of the clock and of the process."""
    wall, cpu = time.time() - float(os.environ["STARTED"]), time.process_time()
    print(json.dumps({"wall": round(wall, 4), "cpu": round(cpu, 4)}), flush=True)


def train(arguments: list[str]) -> int:
    """Run the command as ever, but for one more callback: the first step ends it."""
    from scalearn.__main__ import run
    from scalearn.machine.heavy_imports import importing

    with importing():  # what the command does first
        import scalearn.training.runs.run  # noqa: F401

    from transformers import TrainerCallback
    from transformers.trainer import DEFAULT_CALLBACKS

    class FirstStep(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            say()
            raise SystemExit(0)

    DEFAULT_CALLBACKS.append(FirstStep)
    return run(arguments)


def clients(number: int, arguments: list[str]) -> None:
    """Run the command so many times, one after the other."""
    for _ in range(number):
        environment = {**os.environ, "STARTED": repr(time.time())}
        subprocess.run([sys.executable, "-m", "scalearn", *arguments], env=environment, check=True)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what in ("torch", "trainer"):
        import torch  # noqa: F401
        import transformers  # noqa: F401

        if what == "trainer":
            from transformers import BertModel, Trainer, TrainingArguments  # noqa: F401
        say()
    elif what == "train":
        sys.exit(train([what, *rest]))
    elif what == "serve":
        from scalearn.__main__ import OFFLINE
        from scalearn.machine.fork_server import serve

        serve(rest, train, OFFLINE)
    else:
        clients(int(rest[0]), rest[1:])
