"""The folder that `save_to_disk` of `datasets` writes: which Arrow files hold which split.

The layout is private to `datasets`. This module alone knows it, with `arrow_files` for the files themselves. Reading it
here keeps `datasets` out of `scalearn check`, and tells a half-written folder from a whole one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scalearn.errors import UserError
from scalearn.fields import local_path
from scalearn.tasks.definition import DiskSource

_AGAIN = "save it again with save_to_disk"


def disk_files(source: DiskSource) -> dict[str, list[Path]]:
    """Return train, validation and test -> the Arrow files of the split, in order, for those that the source names.

    Raises: UserError if the folder or a split is missing or half written.
    """
    folder = local_path(source.path)
    wanted = source.splits.named()
    if (folder / "dataset_dict.json").is_file():
        present = saved_splits(source)
        for split in wanted.values():
            if split not in present:
                raise UserError(f"{folder}: no split '{split}'; name one of {', '.join(present)} in `splits`")
        return {use: _arrow_files(folder / split) for use, split in wanted.items()}
    if not (folder / "state.json").is_file():
        what = "no such folder" if not folder.is_dir() else "neither dataset_dict.json nor state.json is in the folder"
        raise UserError(f"{folder}: {what}; name a folder that save_to_disk wrote completely")
    if source.splits.model_fields_set:
        raise UserError(f"{folder}: this is one Dataset without splits, all of it is train; remove `splits`")
    return {"train": _arrow_files(folder)}


def disk_inputs(source: DiskSource) -> list[Path]:
    """Return all files that the rows of the source depend on.

    Raises: UserError as `disk_files` does.
    """
    files = disk_files(source)
    folders = dict.fromkeys(path.parent for paths in files.values() for path in paths)
    index = local_path(source.path) / "dataset_dict.json"
    states = [folder / "state.json" for folder in folders]
    return [*([index] if index.is_file() else []), *states, *(path for paths in files.values() for path in paths)]


def saved_splits(source: DiskSource) -> list[str]:
    """Return the names of the splits in the folder; none if it holds one Dataset."""
    path = local_path(source.path) / "dataset_dict.json"
    splits = _json(path).get("splits") if path.is_file() else []
    if not isinstance(splits, list) or not all(isinstance(split, str) for split in splits):
        raise UserError(f"{path}: the list `splits` is missing; {_AGAIN}")
    return splits


def _arrow_files(folder: Path) -> list[Path]:
    path = folder / "state.json"
    if not path.is_file():
        raise UserError(f"{folder}: the split is half written, it has no state.json; {_AGAIN}")
    state = _json(path)
    if state.get("_indices_data_files"):
        raise UserError(f"{path}: an old version of datasets wrote this folder with a separate index; {_AGAIN}")
    try:
        names = [entry["filename"] for entry in state["_data_files"]]
        files = [folder / Path(name).name for name in names]  # a file outside the folder is never read
    except (KeyError, TypeError):
        raise UserError(f"{path}: the list `_data_files` is missing; {_AGAIN}") from None
    for file in files:
        if not file.is_file():
            raise UserError(f"{file}: no such file, the split is half written; {_AGAIN}")
    if not files:
        raise UserError(f"{path}: the split has no rows; {_AGAIN}")
    return files


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        content = None
    if not isinstance(content, dict):
        raise UserError(f"{path}: not readable as JSON, the folder is half written; {_AGAIN}")
    return content
