"""Loggers: where else a training reports its losses and metrics. They are no part of what identifies a run.

The names stand in the environment, so that all jobs of a campaign know them, also on other nodes, and no parameter of a
rule does: a finished run does not run again for them. Light: the loggers' packages are looked for here, never imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

from scalearn.errors import Stopped, UserError, nearest

Logger = Literal["tensorboard", "csv", "wandb", "mlflow"]
KNOWN: tuple[Logger, ...] = get_args(Logger)
OURS: Logger = "csv"  # which needs no package
VARIABLE = "SCALEARN_LOGGERS"  # names, joined by commas
FOLDER = Path("logs", "loggers")
# A user who sets one of these to a true value switches the package off.
_OFF = {"wandb": "WANDB_DISABLED", "mlflow": "DISABLE_MLFLOW_INTEGRATION"}


@dataclass(frozen=True)
class Reports:
    """Which loggers a training reports to, and what they call it: the path of its run."""

    loggers: tuple[Logger, ...] = ()
    run: str = ""

    @property
    def packages(self) -> list[Logger]:
        """The loggers that are packages, by the names that the library gives them."""
        return [name for name in self.loggers if name != OURS]

    def place(self, name: Logger) -> Path:
        """Return where a logger writes what it has to say of this run."""
        return FOLDER / name / self.run

    def begin(self) -> None:
        """Tell the packages where to write, and to send nothing away; what the user's environment says stays."""
        for name in self.packages:
            self.place(name).mkdir(parents=True, exist_ok=True)
        if "wandb" in self.loggers:
            os.environ.setdefault("WANDB_MODE", "offline")
            os.environ.setdefault("WANDB_PROJECT", "scalearn")
            os.environ.setdefault("WANDB_DIR", str(self.place("wandb").absolute()))
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
            # What it prints at the end would stand below an error, where the last line of a log is looked for.
            os.environ.setdefault("WANDB_SILENT", "true")
        if "mlflow" in self.loggers:
            # A store of its own for each run: many runs begin at the same time, and a shared file of SQLite would not
            # do on a network's file system.
            store = self.place("mlflow").absolute() / "mlflow.db"
            os.environ.setdefault("MLFLOW_TRACKING_URI", f"sqlite:///{store}")
            os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Have the packages write all they hold when the training ends, however it ends.

        They would do so when Python exits. A process of the fork server (scalearn.machine.fork_server) never exits
        that way.
        """
        status = "FAILED"
        try:
            yield
            status = "FINISHED"
        except Stopped:
            status = "KILLED"
            raise
        finally:
            for name in self.packages:
                try:
                    _close(name, status)
                except Exception as error:  # the training itself is whole
                    print(f"{name}: it could not be closed ({error}); its last values may be missing", flush=True)


def _close(name: str, status: str) -> None:
    """Close a package that a training has imported; `status` is one of MLflow's."""
    package = sys.modules.get(name)
    if package is None:
        return
    if name == "wandb":
        package.finish(exit_code=int(status != "FINISHED"))
    if name == "mlflow":
        package.flush_async_logging()
        package.end_run(status)  # nothing, if the library has ended it


def begin(names: Sequence[Logger]) -> None:
    """Let the trainings that this process and its children start report to these loggers; none changes nothing."""
    if names:
        os.environ[VARIABLE] = ",".join(names)


def chosen(names: Sequence[str]) -> tuple[Logger, ...]:
    """Return the loggers of these names, which an option gave; without any, those that the environment names."""
    text = os.environ.get(VARIABLE, "")
    key = "--logger" if names or not text else f"environment: {VARIABLE}"
    asked = names or text.split(",") if names or text else ()
    found = []
    for name in asked:
        known = next((entry for entry in KNOWN if entry == name), None)
        if known is None:
            raise UserError(f"{key}: unknown logger '{name}'{nearest(name, KNOWN)}")
        if known in found:
            raise UserError(f"{key}: '{name}' is named more than once; keep one")
        found.append(known)
    check_installed(found, key)
    return tuple(found)


def check_installed(names: Sequence[Logger], key: str) -> None:
    """Refuse a logger whose package is not installed here, or is switched off; `key`: what the refusal names."""
    for name in names:
        # A folder of that name, which such a package may have left here, is no package: it has no origin.
        if name != OURS and ((spec := find_spec(name)) is None or spec.origin is None):
            raise UserError(f"{key}: {name} is not installed; type `pip install {name}`, or leave it out")
        variable = _OFF.get(name, "")
        if os.environ.get(variable, "").upper() in ("1", "ON", "YES", "TRUE"):
            raise UserError(f"{key}: {variable} in the environment switches {name} off; unset it, or leave {name} out")
