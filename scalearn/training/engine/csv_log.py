"""The logger `csv`: one file per run, with a row per epoch or round."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import TrainerState

from scalearn.storage.files import whole_file
from scalearn.training.engine.history import history_rows


class CsvLog(TrainerCallback):  # type: ignore[misc]
    """Rewrites the file after each epoch from the Trainer's log history. A resume neither loses nor repeats rows.

    A checkpoint stores the log history and is written after the file.
    """

    def __init__(self, path: Path, unit: str) -> None:
        self.path, self.unit = path, unit

    def on_evaluate(self, args: Any, state: TrainerState, control: Any, **_: Any) -> None:
        """Write the rows of all epochs so far."""
        rows = history_rows(state.log_history, self.unit)
        columns = list(dict.fromkeys(key for row in rows for key in row))
        with whole_file(self.path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
