"""Shortens Snakemake's messages on the terminal to one or two lines per job.

Of a failed job the terminal shows the last line of its log and the log's path. Snakemake's own log file
(.snakemake/log/), dry runs and `--verbose` still show all messages. The module adds filters to Snakemake's logger; a
message that no filter recognises passes unchanged.
"""

from __future__ import annotations

import logging
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Snakemake warns so when a job with `update` outputs (workflow/rules/stage1.smk) fails and had no outputs before.
NO_BACKUP = re.compile(r"Cannot restore .*: no backup found\.")
UNKNOWN = re.compile(r"\d+ jobs have (?:missing|outdated) provenance/metadata .*\nRules with \w+ metadata: (.*)")
COMMAND = re.compile(
    r'(?:RuleException:\n)?CalledProcessError in file "(.+)", line (\d+):\n'
    r".*(?:exit status (\d+)|died with .*?(\d+)>?)\.\s*",
    re.DOTALL,
)
# Snakemake appends this sentence to each message of a cluster.
SEE_LOGS = "For further error details see the cluster/cloud log and the log files of the involved rule(s)."
EXPLAINED = (1, 75)  # exit statuses of our commands, whose logs already give the reason
DROPPED = ("Select jobs to execute...", "Singularity containers: ignored")
TAIL = 1 << 16  # bytes at the end of a log in which the last line is searched

Say = Callable[[logging.LogRecord], str | None]


def shorten_messages(logger: logging.Logger, all_messages: bool) -> None:
    """Add the filters to Snakemake's logger.

    all_messages: whether the messages about jobs stay as they are, for dry runs and `--verbose`.
    """
    logger.addFilter(_Rewording())
    for handler in logger.handlers:
        if (
            isinstance(handler, logging.StreamHandler)
            and not isinstance(handler, logging.FileHandler)
            and not all_messages
        ):
            handler.addFilter(_Shortening(handler))


class _Rewording(logging.Filter):
    """Drops a message that tells users nothing, and replaces another one of two lines by one line."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = str(record.msg)
        if match := UNKNOWN.fullmatch(text):
            record.msg = f"made elsewhere or by an earlier version, used unchanged: outputs of {match[1]}"
        return NO_BACKUP.fullmatch(text) is None


class _Shortening(logging.Filter):
    """Replaces the records that it recognises by shorter ones; all other records pass."""

    def __init__(self, handler: logging.Handler) -> None:
        super().__init__()
        self.handler = handler

    def filter(self, record: logging.LogRecord) -> bool:
        event = getattr(record, "event", None)
        say = SAYINGS.get("" if event is None else str(event))
        try:
            text = say(record) if say else None
        except (AttributeError, TypeError, ValueError):  # another version of Snakemake
            text = None
        if text:
            self.handler.handle(logging.LogRecord(record.name, record.levelno, "", 0, text, None, None))
        return text is None


def _plain(record: logging.LogRecord) -> str | None:
    return "" if record.msg in DROPPED else None


def _nothing(_: logging.LogRecord) -> str:
    return ""


def _started(record: logging.LogRecord) -> str | None:
    return None if _field(record, "rule_msg") else f"{time.strftime('%H:%M:%S')} {_job(record)}"


def _progress(record: logging.LogRecord) -> str:
    done, total = int(_field(record, "done")), int(_field(record, "total"))
    return f"{done} of {total} done ({100 * done // total} %)"


def _failed(record: logging.LogRecord) -> str | None:
    """Return the failed job, the reason and the path of its log; None if there is no log: Snakemake's message stays."""
    for log in _field(record, "log"):
        if line := last_line(Path(str(log))):
            message = (_field(record, "rule_msg") or "").removesuffix(SEE_LOGS).strip()
            lines = [f"{key}: {value}" for key, value in {"message": message, **_field(record, "aux")}.items() if value]
            what = "in it" if _field(record, "indent") else "failed"
            return "\n    ".join([f"{what}: {_job(record)}", *lines, line, f"log: {log}"])
    return None


def _group_failed(record: logging.LogRecord) -> str:
    """Return a line about a failed submission of several jobs; Snakemake sends another record for each job."""
    return f"failed: a submission of {len(_field(record, 'job_error_info'))} jobs ({_field(record, 'groupid')})"


def _exception(record: logging.LogRecord) -> str | None:
    """Return what the log of a failed command cannot show: that the command was killed, for example for its memory."""
    match = COMMAND.fullmatch(str(record.msg))
    if match is None:
        return None
    status = int(match[3] or match[4])
    if status in EXPLAINED:
        return ""
    number = status - 128 if match[3] else status
    name = signal.Signals(number).name if number in {*signal.Signals} else ""
    return f"{match[1]}, line {match[2]}: a command ended with exit status {status}" + (f" ({name})" if name else "")


def _job(record: logging.LogRecord) -> str:
    """Return a job's rule and its wildcards, or its output's folder where the record has no wildcards."""
    wildcards = getattr(record, "wildcards", None)
    if wildcards is None:  # records of failures have none; all outputs of a job lie in the same folder
        first = next(iter(_field(record, "output")), "")
        return f"{_field(record, 'rule_name')} {Path(str(first).removesuffix(' (update)')).parent}"
    return " ".join([str(_field(record, "rule_name")), "/".join(map(str, wildcards.values()))]).strip()


def _field(record: logging.LogRecord, name: str) -> Any:
    """Return a field that Snakemake adds to its records."""
    return getattr(record, name)


def last_line(path: Path) -> str:
    """Return the last line of a log that is not blank, or ''; of a progress bar its last state."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - TAIL))
            text = stream.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in re.split(r"[\r\n]", text)]
    return next((line for line in reversed(lines) if line), "")


SAYINGS: dict[str, Say] = {
    "": _plain,
    "workflow_started": _nothing,
    "job_info": _started,
    "job_started": _nothing,
    "job_finished": _nothing,
    "progress": _progress,
    "job_error": _failed,
    "group_error": _group_failed,
    "error": _exception,
}
