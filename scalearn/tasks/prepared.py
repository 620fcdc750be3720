"""Where prepared tasks lie, and which of them a word on the command line means."""

from __future__ import annotations

import json
from pathlib import Path

from scalearn.errors import UserError

FOLDER = Path("resources/tasks")


def prepared_folder(given: Path) -> Path:
    """Return the folder of a prepared task: `given`, the folder of a file in it, or resources/tasks/`given`.

    A UserError says how a file of rows becomes a task. What is no task at all is returned as it is.
    """
    if (given / "task.json").is_file():
        return given
    if given.is_file():
        if (given.parent / "task.json").is_file():
            return given.parent
        definition = json.dumps({"source": {"kind": "files", "train": str(given)}})
        raise UserError(
            f"{given}: this is a file, and check-task reads the folder of a prepared task; prepare one from it: "
            f"scalearn prepare-task NAME --definition '{definition}' --output {FOLDER}/NAME"
        )
    named = FOLDER / given
    return named if (named / "task.json").is_file() else given
