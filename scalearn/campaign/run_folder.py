"""A run's own folder: the files that a run writes there, and checks that the folder holds nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from scalearn.campaign.spec import RunSpec
from scalearn.errors import UserError
from scalearn.storage.files import LOCK, is_temporary, read_json

RECORD, STATE = "run.json", "state.json"
SUBFOLDERS = {"checkpoints": STATE, "tasks": RECORD}  # subfolders of a run, and a file that each folder in them holds
WEIGHTS, HISTORY, PREDICTIONS = "weights.safetensors", "history.parquet", "predictions.parquet"
TIMING, SCORE = "timing.json", "score.json"
FILES = (WEIGHTS, HISTORY, PREDICTIONS, TIMING, SCORE, RECORD, LOCK)
SYSTEM = (".nfs", ".fuse_hidden", ".DS_Store")  # prefixes of names that an operating system puts into any folder
# Earlier versions named their temporary files like this.
_EARLIER = re.compile(rf"\.({'|'.join(map(re.escape, (*FILES, *SUBFOLDERS)))})\.\w{{8}}")

_CHECKPOINT = re.compile(r"checkpoint-\d+")


def check_output(folder: Path) -> None:
    """Check that a run may write to `folder`: it is new, empty or a run's.

    Raises: UserError if it is a file or holds anything else. Nothing in it is changed.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserError(f"{folder}: it is a file; name a folder that is new or empty, or a run's")
    names = {path.name for path in folder.iterdir()}
    if not names or is_record(folder / RECORD):
        return
    # A run leaves more than its weights, so these alone are somebody else's.
    foreign = sorted(name for name in names if not _is_run_file(name) or names == {WEIGHTS})
    if not foreign:
        foreign = _foreign_entries(folder, killed=LOCK in names)
    if foreign:
        raise UserError(
            f"{folder}: it holds other things ({foreign[0]}); name a folder that is new or empty, or a run's"
        )


def check_spec(folder: Path, spec: RunSpec) -> None:
    """Check that a complete run.json in the folder, if there is one, is of this run, in whatever version.

    Raises: UserError if it is of another run; the message names the first key that differs.
    """
    if not is_record(folder / RECORD):
        return
    wanted, stored = spec.record, read_json(folder / RECORD).get("spec")
    if stored is None:
        raise UserError(
            f"{folder}: it holds a run of an earlier version of scalearn; name another folder, or type `scalearn adopt`"
        )
    for key in ("method", "model", "tasks", "benchmark", "seed", "shots", "sources", "sentence_encoder", "switches"):
        _check_value(folder, key, stored.get(key), wanted[key])
    for section in ("hyperparameters", "compute"):
        for key, value in wanted[section].items():
            _check_value(folder, key, stored.get(section, {}).get(key), value)


def _check_value(folder: Path, key: str, stored: Any, wanted: Any) -> None:
    if stored != json.loads(json.dumps(wanted)):
        old, new = ("none" if value in (None, []) else value for value in (stored, wanted))
        raise UserError(
            f"{folder}: it holds another run ({key} {old}, not {new}); name another folder, or remove that run"
        )


def is_record(path: Path) -> bool:
    """Tell whether the file is a complete run.json."""
    try:
        content = read_json(path)
    except UserError:
        return False
    return isinstance(content.get("spec", content.get("identity")), dict)  # `identity`: of earlier versions


def _is_run_file(name: str) -> bool:
    ours = name in (*FILES, *SUBFOLDERS) or name.startswith(SYSTEM)
    return ours or is_temporary(name) or _EARLIER.fullmatch(name) is not None


def _foreign_entries(folder: Path, killed: bool) -> list[str]:
    """Return the entries of checkpoints/ and tasks/ that no run has written.

    killed: whether a run may have been killed here while it removed an old checkpoint, and left it incomplete.
    """
    return [
        f"{subfolder}/{path.name}"
        for subfolder, file in SUBFOLDERS.items()
        for path in sorted(folder.glob(f"{subfolder}/*"))
        if not path.name.startswith(".")
        and not (path / file).is_file()
        and not (killed and _CHECKPOINT.fullmatch(path.name))
    ]
