"""Stops a training with a checkpoint: at the next step after SIGTERM, Ctrl-C or the end of its time budget."""

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
    """Raises Stopped after the step in which a signal arrives or the deadline passes.

    deadline: seconds since the epoch, as time.time() counts; None sets no limit.
    save: writes a checkpoint of the step that has just ended.
    """

    def __init__(self, deadline: float | None, save: Callable[[], None]) -> None:
        self.deadline, self.save, self.reason = deadline, save, ""

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals inside this context. A second signal ends the process at once."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Python handles signals in the main thread only; other threads have the deadline alone
            return
        before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, _: FrameType | None) -> None:
        self.reason = signal.Signals(number).name
        signal.signal(number, signal.SIG_DFL)

    def _is_due(self) -> bool:
        if not self.reason and self.deadline is not None and time.time() >= self.deadline:
            self.reason = "the time budget is used up"
        return bool(self.reason)

    def on_step_end(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        """Stop here, unless the epoch ends with this step: then wait for its evaluation."""
        if self._is_due() and state.epoch is not None and not float(state.epoch).is_integer():
            self.save()
            self._stop(state)

    def on_evaluate(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        """Stop after the epoch's own checkpoint, which an earlier callback of this event has written."""
        if self._is_due():
            self._stop(state)

    def _stop(self, state: TrainerState) -> None:
        raise Stopped(f"{self.reason}: stopped after step {state.global_step} of {state.max_steps}, which is saved")
