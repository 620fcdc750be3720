"""Time budgets: a campaign, and each training in it, stops with a checkpoint when its time is up.

The end of the time stands in the environment, so that whatever a campaign starts, also on other nodes, knows it.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time

from scalearn.errors import Stopped, UserError

VARIABLE = "SCALEARN_DEADLINE"  # seconds since 1970
STOPPED = 75  # the exit status of work that stopped in order: EX_TEMPFAIL, "try again later"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# Snakemake is asked so long before the trainings stop by themselves that it starts no others in their place.
EARLY = 5.0
# Seconds that what still runs has to end, then what it takes for Snakemake to cancel and unlock.
PATIENCE = ((signal.SIGINT, 120.0), (signal.SIGKILL, 60.0))


def seconds(text: str, key: str = "--max-time") -> float:
    """Return how many seconds `10m`, `1.5h` or `90s` are; `key` names what a refusal is about."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", str(text).strip())
    if match is None or float(match[1]) == 0:
        raise UserError(f"{key}: '{text}' is no time; give a number and s, m, h or d, as in 10m or 1.5h")
    return float(match[1]) * UNITS[match[2]]


def begin(text: str | None, key: str = "--max-time") -> None:
    """Let this process and those that it starts have so much time from now, or less if less was left already."""
    if text is None:
        return
    end = time.time() + seconds(text, key)
    known = deadline()
    os.environ[VARIABLE] = repr(end if known is None else min(end, known))


def deadline() -> float | None:
    """Return when the time is up, in seconds since 1970, or None if it never is."""
    text = os.environ.get(VARIABLE)
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise UserError(f"environment: {VARIABLE}: '{text}' is no time in seconds since 1970; unset it") from None


def check() -> None:
    """Raise Stopped if the time is up."""
    end = deadline()
    if end is not None and time.time() >= end:
        raise Stopped("the time budget is used up; the same command with a new one goes on")


def watch() -> None:
    """Have this process, a Snakemake, stop when the time is up: no new jobs, then those that will not end cancelled.

    A thread of its own sends it the signals that a person would. Nothing is lost even by the last of them.
    """
    end = deadline()
    if end is not None:
        threading.Thread(target=_stop, args=[end - EARLY], daemon=True).start()


def _stop(end: float) -> None:
    time.sleep(max(0.0, end - time.time()))
    print("scalearn: the time budget is used up; the same command goes on from here", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    for number, patience in PATIENCE:
        time.sleep(patience)
        os.kill(os.getpid(), number)
