"""Time budgets: a campaign and its trainings stop with a checkpoint when their time is up.

The deadline is an environment variable, so that it reaches all processes of a campaign, also on other nodes.
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
STOPPED = 75  # the exit status of work that stopped at its deadline: EX_TEMPFAIL, "try again later"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# Snakemake stops so many seconds before the deadline, so that it starts no trainings in place of those that stop.
EARLY = 5.0
# Signals to Snakemake after SIGTERM, each with the seconds to wait before it: first running jobs have time to end, then
# Snakemake has time to cancel them and to unlock the folder.
PATIENCE = ((signal.SIGINT, 120.0), (signal.SIGKILL, 60.0))


def seconds(text: str, key: str = "--max-time") -> float:
    """Return a time such as 10m, 1.5h or 90s in seconds.

    key: the option or config key that error messages name.
    Raises: UserError if the text is not a time.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", str(text).strip())
    if match is None or float(match[1]) == 0:
        raise UserError(f"{key}: '{text}' is not a time; give a number and s, m, h or d, as in 10m or 1.5h")
    return float(match[1]) * UNITS[match[2]]


def begin(text: str | None, key: str = "--max-time") -> None:
    """Set the deadline of this process and those that it starts, unless an earlier one is already set.

    text: the time from now, such as 10m; None changes nothing.
    key: the option or config key that error messages name.
    Raises: UserError if the text is not a time.
    """
    if text is None:
        return
    end = time.time() + seconds(text, key)
    earlier = deadline()
    os.environ[VARIABLE] = repr(end if earlier is None else min(end, earlier))


def deadline() -> float | None:
    """Return the deadline in seconds since 1970; None if there is none.

    Raises: UserError if the environment variable SCALEARN_DEADLINE is not a number.
    """
    text = os.environ.get(VARIABLE)
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        raise UserError(f"environment: {VARIABLE}: '{text}' is not a time in seconds since 1970; unset it") from None


def check_time_left() -> None:
    """Return if time is left.

    Raises: Stopped if the deadline has passed.
    """
    end = deadline()
    if end is not None and time.time() >= end:
        raise Stopped("the time budget is used up; the same command with a new budget continues")


def watch() -> None:
    """Stop this process, a Snakemake, at the deadline: first it starts no new jobs, later it cancels running ones.

    A thread sends the same signals that a user would send. Even the last one, SIGKILL, loses nothing.
    """
    end = deadline()
    if end is not None:
        threading.Thread(target=_stop, args=[end - EARLY], daemon=True).start()


def _stop(end: float) -> None:
    time.sleep(max(0.0, end - time.time()))
    print("scalearn: the time budget is used up; the same command continues from here", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    for number, patience in PATIENCE:
        time.sleep(patience)
        os.kill(os.getpid(), number)
