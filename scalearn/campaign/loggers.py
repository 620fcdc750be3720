"""Loggers: tools to which trainings report their losses and metrics. They are not part of a run's identity.

An environment variable passes their names to all jobs of a campaign, also on other nodes. They are no parameter of a
rule, so that another logger does not repeat a finished run. Light: this module never imports a logger's package.
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
OURS: Logger = "csv"  # needs no package
VARIABLE = "SCALEARN_LOGGERS"  # names, joined by commas
FOLDER = Path("logs", "loggers")
# Environment variables that disable a logger's package.
_OFF = {"wandb": "WANDB_DISABLED", "mlflow": "DISABLE_MLFLOW_INTEGRATION"}


@dataclass(frozen=True)
class Reports:
    """The loggers of a training.

    run: the path of the run, which is its name in the loggers.
    """

    loggers: tuple[Logger, ...] = ()
    run: str = ""

    @property
    def packages(self) -> list[Logger]:
        """The loggers that are packages, by their names in transformers."""
        return [name for name in self.loggers if name != OURS]

    def place(self, name: Logger) -> Path:
        """Return the folder into which a logger writes this run."""
        return FOLDER / name / self.run

    def begin(self) -> None:
        """Let the packages write into the run's folders, not to the network; the environment takes precedence."""
        for name in self.packages:
            self.place(name).mkdir(parents=True, exist_ok=True)
        if "wandb" in self.loggers:
            os.environ.setdefault("WANDB_MODE", "offline")
            os.environ.setdefault("WANDB_PROJECT", "scalearn")
            os.environ.setdefault("WANDB_DIR", str(self.place("wandb").absolute()))
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
            # Its final output would follow an error message, but messages quote the last line of a log.
            os.environ.setdefault("WANDB_SILENT", "true")
        if "mlflow" in self.loggers:
            # Each run has its own store: many runs start at the same time, and SQLite files on a network's file system
            # cannot be shared.
            store = self.place("mlflow").absolute() / "mlflow.db"
            os.environ.setdefault("MLFLOW_TRACKING_URI", f"sqlite:///{store}")
            os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Close the packages at the end of the block, so that they write all values.

        They close when Python exits, but a child of the fork server (scalearn.machine.fork_server) ends without it.
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
                except Exception as error:  # the training itself has succeeded
                    print(f"{name}: it could not be closed ({error}); its last values may be missing", flush=True)


def _close(name: str, status: str) -> None:
    """Close a package if a training has imported it.

    status: one of MLflow's: FINISHED, FAILED or KILLED.
    """
    package = sys.modules.get(name)
    if package is None:
        return
    if name == "wandb":
        package.finish(exit_code=int(status != "FINISHED"))
    if name == "mlflow":
        package.flush_async_logging()
        package.end_run(status)  # has no effect if transformers has ended the run


def begin(names: Sequence[Logger]) -> None:
    """Let the trainings of this process and its children report to these loggers; no names change nothing."""
    if names:
        os.environ[VARIABLE] = ",".join(names)


def chosen(names: Sequence[str]) -> tuple[Logger, ...]:
    """Return the loggers of an option, or else those of the environment.

    names: the values of the option.
    Raises: UserError if a name is unknown or repeated, or if a logger's package is not installed.
    """
    text = os.environ.get(VARIABLE, "")
    key = "--logger" if names or not text else f"environment: {VARIABLE}"
    selected: list[Logger] = []
    for name in names or (text.split(",") if text else ()):
        logger = next((entry for entry in KNOWN if entry == name), None)
        if logger is None:
            raise UserError(f"{key}: unknown logger '{name}'{nearest(name, KNOWN)}")
        if logger in selected:
            raise UserError(f"{key}: '{name}' is named more than once; keep one")
        selected.append(logger)
    check_installed(selected, key)
    return tuple(selected)


def check_installed(names: Sequence[Logger], key: str) -> None:
    """Check that the packages of these loggers are installed and not disabled.

    key: the option or config key, for messages.
    Raises: UserError if one is not installed, or if an environment variable disables it.
    """
    for name in names:
        # A package may leave a folder of its name here. Python takes such a folder for a package without an origin.
        if name != OURS and ((spec := find_spec(name)) is None or spec.origin is None):
            raise UserError(f"{key}: {name} is not installed; type `pip install {name}`, or leave it out")
        variable = _OFF.get(name, "")
        if os.environ.get(variable, "").upper() in ("1", "ON", "YES", "TRUE"):
            raise UserError(f"{key}: {variable} in the environment disables {name}; unset it, or leave {name} out")
