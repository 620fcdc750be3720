"""Time budgets: what is a time, how they nest, and that a training or a whole campaign ends with them."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from scalearn.errors import Stopped, UserError
from scalearn.machine import time_budget


@pytest.fixture(autouse=True)
def no_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(time_budget.VARIABLE, "0")  # so that it is as it was after the test, whatever the test sets
    monkeypatch.delenv(time_budget.VARIABLE)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), (" 2d ", 172_800)])
def test_times(text: str, seconds: float) -> None:
    assert time_budget.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "-1m", "0s", "1w", "1h30m", "nan", "1e3s"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UserError, match=f"--max-time: '{text}' is not a time"):
        time_budget.seconds(text)


def test_without_a_budget_nothing_ends() -> None:
    time_budget.begin(None)
    assert time_budget.deadline() is None
    time_budget.check_time_left()


def test_a_budget_within_another_is_no_longer_than_it() -> None:
    time_budget.begin("1h")
    outer = time_budget.deadline()
    time_budget.begin("2h")
    assert time_budget.deadline() == outer
    time_budget.begin("1m")
    inner = time_budget.deadline()
    assert inner is not None and time.time() < inner <= time.time() + 60


def test_a_deadline_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(time_budget.VARIABLE, "tomorrow")
    with pytest.raises(UserError, match="SCALEARN_DEADLINE: 'tomorrow' is not a time"):
        time_budget.deadline()


def test_after_the_end_work_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(time_budget.VARIABLE, repr(time.time() - 1))
    with pytest.raises(Stopped, match="used up"):
        time_budget.check_time_left()


STUBBORN = """
import signal, time
from scalearn.machine import time_budget
time_budget.EARLY, time_budget.PATIENCE = 0.0, ((signal.SIGINT, 0.3), (signal.SIGKILL, 0.3))
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, _: print(signal.Signals(number).name, flush=True))
time_budget.begin("0.3s")
time_budget.watch()
while True:
    time.sleep(0.05)
"""


def test_a_process_that_is_watched_is_asked_then_interrupted_then_killed() -> None:
    done = subprocess.run([sys.executable, "-c", STUBBORN], capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.split() == ["SIGTERM", "SIGINT"]
    assert done.returncode == -9
    assert "the same command continues" in done.stderr
