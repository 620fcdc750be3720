"""The folder of a run: the files that a training writes there, and checks that it holds nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from scalearn.campaign.spec import RunSpec
from scalearn.errors import UserError
from scalearn.storage.files import LOCK, is_temporary, read_json

RECORD, STATE = "run.json", "state.json"
PARTS = {"checkpoints": STATE, "tasks": RECORD}  # subfolder -> the file that each folder in it holds
WEIGHTS = "weights.safetensors"
FILES = (WEIGHTS, "history.parquet", "predictions.parquet", "timing.json", "score.json", RECORD, LOCK)
SYSTEM = (".nfs", ".fuse_hidden", ".DS_Store")  # how the names of an operating system's own files begin
# Temporary files of earlier versions.
_EARLIER = re.compile(rf"\.({'|'.join(map(re.escape, (*FILES, *PARTS)))})\.\w{{8}}")

_CHECKPOINT = re.compile(r"checkpoint-\d+")


def check_output(folder: Path) -> None:
    """Check that a training may write into the folder: it is new or empty, or holds a run.

    Raises: UserError if not.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserError(f"{folder}: it is a file; name a folder that is new or empty, or a run's")
    names = {path.name for path in folder.iterdir()}
    if not names or is_record(folder / RECORD):
        return
    strange = sorted(
        name for name in names if not _is_ours(name) or names == {WEIGHTS}
    )  # a run leaves more files than its weights
    if not strange:
        strange = _strange_parts(folder, killed=LOCK in names)
    if strange:
        raise UserError(
            f"{folder}: it holds other things ({strange[0]}); name a folder that is new or empty, or a run's"
        )


def check_spec(folder: Path, spec: RunSpec) -> None:
    """Check that the folder does not hold another finished run; the versions of a run may differ.

    Raises: UserError if it does.
    """
    if not is_record(folder / RECORD):
        return
    wanted, present = spec.record, read_json(folder / RECORD).get("spec")
    if present is None:
        raise UserError(
            f"{folder}: it holds a run of an earlier version of scalearn; name another folder, or type `scalearn adopt`"
        )
    for key in ("method", "model", "tasks", "benchmark", "seed", "shots", "sources", "sentence_encoder", "switches"):
        _refuse_other(folder, key, present.get(key), wanted[key])
    for part in ("hyperparameters", "compute"):
        for key, value in wanted[part].items():
            _refuse_other(folder, key, present.get(part, {}).get(key), value)


def _refuse_other(folder: Path, key: str, present: Any, wanted: Any) -> None:
    if present != json.loads(json.dumps(wanted)):
        old, new = ("none" if value in (None, []) else value for value in (present, wanted))
        raise UserError(
            f"{folder}: it holds another run ({key} {old}, not {new}); name another folder, or remove that run"
        )


def is_record(path: Path) -> bool:
    """Return whether the file is an undamaged record of a run."""
    try:
        content = read_json(path)
    except UserError:
        return False
    return isinstance(content.get("spec", content.get("identity")), dict)  # earlier versions wrote `identity`


def _is_ours(name: str) -> bool:
    expected = name in (*FILES, *PARTS) or name.startswith(SYSTEM)
    return expected or is_temporary(name) or _EARLIER.fullmatch(name) is not None


def _strange_parts(folder: Path, killed: bool) -> list[str]:
    """Return the entries of `checkpoints` and `tasks` that no training has written.

    killed: whether a training may have been killed here while it removed an old checkpoint, so that a part is left.
    """
    return [
        f"{part}/{path.name}"
        for part, file in PARTS.items()
        for path in sorted(folder.glob(f"{part}/*"))
        if not path.name.startswith(".")
        and not (path / file).is_file()
        and not (killed and _CHECKPOINT.fullmatch(path.name))
    ]
