"""Stopping a training in order: at the next step after SIGTERM, Ctrl-C or the end of its time, with a checkpoint."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import TrainerState

from scalearn.errors import Stopped

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stop(TrainerCallback):  # type: ignore[misc]
    """Raises Stopped after the step in which it is asked to; `save` writes a checkpoint of that step."""

    def __init__(self, deadline: float | None, save: Callable[[], None]) -> None:
        self.deadline, self.save, self.reason = deadline, save, ""

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals as requests. A second one ends the process at once, as ever."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may; the others are stopped by their deadline alone
            return
        before = {number: signal.signal(number, self._ask) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _ask(self, number: int, _: FrameType | None) -> None:
        self.reason = signal.Signals(number).name
        signal.signal(number, signal.SIG_DFL)

    def _asked(self) -> bool:
        if not self.reason and self.deadline is not None and time.time() >= self.deadline:
            self.reason = "the time budget is used up"
        return bool(self.reason)

    def on_step_end(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        """Stop here, unless the epoch ends here: then its evaluation is worth waiting for."""
        if self._asked() and state.epoch is not None and not float(state.epoch).is_integer():
            self.save()
            self._stop(state)

    def on_save(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        """Stop after an epoch's own checkpoint."""
        if self._asked():
            self._stop(state)

    def _stop(self, state: TrainerState) -> None:
        raise Stopped(f"{self.reason}: stopped after step {state.global_step} of {state.max_steps}, which is saved")
