"""A run's own folder: which files a training writes there, and the refusal of a folder that holds anything else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from scalearn.campaign.spec import RunSpec
from scalearn.errors import UserError
from scalearn.storage.files import LOCK, is_temporary, read_json

RECORD, STATE = "run.json", "state.json"
PARTS = {"checkpoints": STATE, "tasks": RECORD}  # folders of a run, and what each folder in them holds
WEIGHTS = "weights.safetensors"
FILES = (WEIGHTS, "history.parquet", "predictions.parquet", "timing.json", "score.json", RECORD, LOCK)
SYSTEM = (".nfs", ".fuse_hidden", ".DS_Store")  # names begin so that an operating system puts into any folder
# Earlier versions named what they were writing like this.
_EARLIER = re.compile(rf"\.({'|'.join(map(re.escape, (*FILES, *PARTS)))})\.\w{{8}}")

_CHECKPOINT = re.compile(r"checkpoint-\d+")


def check_output(folder: Path) -> None:
    """Refuse, without touching it, a folder that is neither new nor empty nor a run's: a training writes over it."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UserError(f"{folder}: it is a file; name a folder that is new or empty, or a run's")
    names = {path.name for path in folder.iterdir()}
    if not names or is_record(folder / RECORD):
        return
    strange = sorted(name for name in names if not _is_ours(name) or names == {WEIGHTS})  # a run leaves more than these
    if not strange:
        strange = _strange_parts(folder, killed=LOCK in names)
    if strange:
        raise UserError(
            f"{folder}: it holds other things ({strange[0]}); name a folder that is new or empty, or a run's"
        )


def check_spec(folder: Path, spec: RunSpec) -> None:
    """Refuse a folder with a whole record of another run than this one; one of other versions is the same run."""
    if not is_record(folder / RECORD):
        return
    asked, found = spec.record, read_json(folder / RECORD).get("spec")
    if found is None:
        raise UserError(
            f"{folder}: it holds a run of an earlier version of scalearn; name another folder, or type `scalearn adopt`"
        )
    for key in ("method", "model", "tasks", "benchmark", "seed", "shots", "sources", "sentence_encoder", "switches"):
        _refuse_other(folder, key, found.get(key), asked[key])
    for part in ("hyperparameters", "compute"):
        for key, value in asked[part].items():
            _refuse_other(folder, key, found.get(part, {}).get(key), value)


def _refuse_other(folder: Path, key: str, found: Any, asked: Any) -> None:
    if found != json.loads(json.dumps(asked)):
        shown, wanted = ("none" if value in (None, []) else value for value in (found, asked))
        raise UserError(
            f"{folder}: it holds another run ({key} {shown}, not {wanted}); name another folder, or remove that run"
        )


def is_record(path: Path) -> bool:
    """Tell whether the file is a run's record, whole."""
    try:
        content = read_json(path)
    except UserError:
        return False
    return isinstance(content.get("spec", content.get("identity")), dict)  # `identity`: of earlier versions


def _is_ours(name: str) -> bool:
    known = name in (*FILES, *PARTS) or name.startswith(SYSTEM)
    return known or is_temporary(name) or _EARLIER.fullmatch(name) is not None


def _strange_parts(folder: Path, killed: bool) -> list[str]:
    """Return what no run of ours has left in its checkpoints and its tasks.

    killed: a training may have been killed here while it removed an old checkpoint, of which a part is left.
    """
    return [
        f"{part}/{path.name}"
        for part, file in PARTS.items()
        for path in sorted(folder.glob(f"{part}/*"))
        if not path.name.startswith(".")
        and not (path / file).is_file()
        and not (killed and _CHECKPOINT.fullmatch(path.name))
    ]
