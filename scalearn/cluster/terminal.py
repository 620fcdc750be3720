"""What Snakemake says on the terminal: a line or two per job, and of a failed one its log's last line and path.

Snakemake's own log file (.snakemake/log/) still has everything, and so have dry runs and `--verbose`. Filters of
Python's logging on Snakemake's logger do it; whatever they do not know is said as ever.
"""

from __future__ import annotations

import logging
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# They come from outputs that are `update` (workflow/rules/stage1.smk) when a job fails that had none before.
NO_BACKUP = re.compile(r"Cannot restore .*: no backup found\.")
UNKNOWN = re.compile(r"\d+ jobs have (?:missing|outdated) provenance/metadata .*\nRules with \w+ metadata: (.*)")
COMMAND = re.compile(
    r'(?:RuleException:\n)?CalledProcessError in file "(.+)", line (\d+):\n'
    r".*(?:exit status (\d+)|died with .*?(\d+)>?)\.\s*",
    re.DOTALL,
)
# What Snakemake adds to each message of a cluster.
SEE_LOGS = "For further error details see the cluster/cloud log and the log files of the involved rule(s)."
TOLD = (1, 75)  # exit statuses of commands of ours, which have said why in their logs
UNSAID = ("Select jobs to execute...", "Singularity containers: ignored")
TAIL = 1 << 16  # bytes of a log that are looked at

Say = Callable[[logging.LogRecord], str | None]


def settle(logger: logging.Logger, whole: bool) -> None:
    """Have Snakemake's logger say less; `whole` (a dry run, `--verbose`): all there is of jobs, as ever."""
    logger.addFilter(_Known())
    for handler in logger.handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler) and not whole:
            handler.addFilter(_Brief(handler))


class _Known(logging.Filter):
    """Drops what is no news to anybody, and says in one plain line what takes Snakemake two."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = str(record.msg)
        if found := UNKNOWN.fullmatch(text):
            record.msg = f"made elsewhere or by an earlier version, and taken as they are: outputs of {found[1]}"
        return NO_BACKUP.fullmatch(text) is None


class _Brief(logging.Filter):
    """Has its handler say something shorter in place of a record that is known; all others pass."""

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
    return "" if record.msg in UNSAID else None


def _nothing(_: logging.LogRecord) -> str:
    return ""


def _started(record: logging.LogRecord) -> str | None:
    return None if _field(record, "rule_msg") else f"{time.strftime('%H:%M:%S')} {_job(record)}"


def _progress(record: logging.LogRecord) -> str:
    done, total = int(_field(record, "done")), int(_field(record, "total"))
    return f"{done} of {total} done ({100 * done // total} %)"


def _failed(record: logging.LogRecord) -> str | None:
    """Name the job, why it failed and where its log is; without a log all that Snakemake knows is said."""
    for log in _field(record, "log"):
        if line := last_line(Path(str(log))):
            message = (_field(record, "rule_msg") or "").removesuffix(SEE_LOGS).strip()
            lines = [f"{key}: {value}" for key, value in {"message": message, **_field(record, "aux")}.items() if value]
            what = "in it" if _field(record, "indent") else "failed"
            return "\n    ".join([f"{what}: {_job(record)}", *lines, line, f"log: {log}"])
    return None


def _group_failed(record: logging.LogRecord) -> str:
    """Name a submission of several jobs; what is to be said of each comes as a record of its own."""
    return f"failed: a submission of {len(_field(record, 'job_error_info'))} jobs ({_field(record, 'groupid')})"


def _exception(record: logging.LogRecord) -> str | None:
    """Say of a failed command only what its log cannot: that it was killed, say for want of memory."""
    found = COMMAND.fullmatch(str(record.msg))
    if found is None:
        return None
    status = int(found[3] or found[4])
    if status in TOLD:
        return ""
    number = status - 128 if found[3] else status
    name = signal.Signals(number).name if number in {*signal.Signals} else ""
    return f"{found[1]}, line {found[2]}: a command ended with exit status {status}" + (f" ({name})" if name else "")


def _job(record: logging.LogRecord) -> str:
    """Return a job's rule and what tells it from others of that rule."""
    wildcards = getattr(record, "wildcards", None)
    if wildcards is None:  # as in records of failures; all outputs begin with what they have in common
        first = next(iter(_field(record, "output")), "")
        return f"{_field(record, 'rule_name')} {Path(str(first).removesuffix(' (update)')).parent}"
    return " ".join([str(_field(record, "rule_name")), "/".join(map(str, wildcards.values()))]).strip()


def _field(record: logging.LogRecord, name: str) -> Any:
    """Return what Snakemake says with a record beside its text."""
    return getattr(record, name)


def last_line(path: Path) -> str:
    """Return the last line of a log that is not blank, or nothing; of a progress bar what it showed last."""
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
