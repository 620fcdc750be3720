"""Finds the prepared task that a command line argument means."""

from __future__ import annotations

import json
from pathlib import Path

from scalearn.campaign.keys import is_of
from scalearn.errors import UserError

FOLDER = Path("resources/tasks")


def prepared_folder(given: Path) -> Path:
    """Return the folder of a prepared task.

    Args:
        given: The folder, a file in it, or the task's name or key. A path that is none of these is returned as it is.

    Raises:
        UserError: If `given` is a file of rows (the message says how to prepare a task from it), or if several
            prepared tasks have this name.
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
    if (named / "task.json").is_file():
        return named
    folders = sorted(path.parent for path in FOLDER.glob("*@*/task.json") if is_of(path.parent.name, str(given)))
    if len(folders) > 1:
        names = ", ".join(path.name for path in folders)
        raise UserError(f"{given}: several prepared tasks have this name ({names}); name one of these folders")
    return folders[0] if folders else given
