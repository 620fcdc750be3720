"""The proof of an export: a process that has none of our code loads it, and predicts what the run itself predicts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load_file

from scalearn.campaign.run_folder import PREDICTIONS
from scalearn.errors import UserError
from scalearn.export.about import texts_read
from scalearn.export.finished import FinishedRun
from scalearn.export.rebuild import Logits

SCRIPT = Path(__file__).with_name("fresh.py")
ROWS = 256
ROWS_AT_ONCE = 4096  # rows of the test split that are in memory
# How far logits may be apart in float32, relative to the largest one if that is above one: rounding grows with the
# logits and with the encoder's depth.
LIMIT = 1e-5
# Two classes whose logits are as near to each other as this may change places between the run's precision and float32;
# relative to the largest logit, if that is above one.
TIES = {"float32": 1e-4, "tf32": 2e-2, "bf16": 1e-1, "fp16": 1e-1}


@dataclass(frozen=True)
class Claim:
    """An export in `folder` that must give these logits, (rows, outputs), for these test rows of the run."""

    run: FinishedRun
    folder: Path
    rows: Sequence[int]
    logits: Logits


def chosen_rows(count: int, all_rows: bool) -> list[int]:
    """Return which of so many test rows an export is proved on: all, or 256, evenly spread."""
    if all_rows or count <= ROWS:
        return list(range(count))
    return [int(place) for place in np.linspace(0, count - 1, ROWS).round()]


def prove(claims: Sequence[Claim]) -> list[dict[str, Any]]:
    """Return of each claim what export.json says of its proof.

    Raises: UserError if an export cannot be loaded, or gives other logits, or other classes than the run has stored.
    """
    found = _in_a_fresh_process(claims)
    return [_compared(claim, logits) for claim, logits in zip(claims, found, strict=True)]


def _in_a_fresh_process(claims: Sequence[Claim]) -> list[Logits]:
    with tempfile.TemporaryDirectory(prefix="scalearn-export-") as scratch:
        folder, jobs = Path(scratch), []
        for index, claim in enumerate(claims):
            rows = folder / f"{index}.jsonl"
            _write_texts(claim.run, claim.rows, rows)
            job = {"export": claim.folder, "encoder": claim.run.planned.model, "rows": rows}
            job["logits"] = folder / f"{index}.safetensors"
            jobs.append({name: str(path.resolve()) for name, path in job.items()})
        (folder / "jobs.json").write_text(json.dumps(jobs), encoding="utf-8")
        # On the CPU, as the run's own logits are computed; and nothing is looked up on the hub.
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
        command = [sys.executable, "-P", str(SCRIPT), str(folder / "jobs.json")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=folder)
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["killed"])[-1]
            raise UserError(f"{claims[0].run.folder}: the export cannot be loaded ({why}); nothing is written")
        return [load_file(job["logits"])["logits"] for job in jobs]


def _write_texts(run: FinishedRun, rows: Sequence[int], path: Path) -> None:
    """Write the texts of these test rows, in their order, as the task on disk has them: a line of JSON for each."""
    second = "choices" if run.info.kind == "multiple_choice" else "text2"
    columns = ["text1", second] if texts_read(run) == 2 else ["text1"]
    wanted, done = np.asarray(rows), 0
    with path.open("w", encoding="utf-8") as stream, pq.ParquetFile(run.prepared / "test.parquet") as file:
        for batch in file.iter_batches(ROWS_AT_ONCE, columns=columns):
            here = wanted[(wanted >= done) & (wanted < done + len(batch))] - done
            for row in batch.take(pa.array(here)).to_pylist():
                stream.write(json.dumps([row[name] for name in columns]) + "\n")
            done += len(batch)


def _compared(claim: Claim, found: Logits) -> dict[str, Any]:
    run = claim.run
    apart = float(np.abs(found - claim.logits).max())
    limit = LIMIT * max(1.0, float(np.abs(claim.logits).max()))
    if not apart <= limit:  # a NaN is no proof either
        raise UserError(
            f"{run.folder}: the export gives logits that are up to {apart:.1e} from the run's own, and {limit:.1e} is "
            "the limit; nothing is written"
        )
    stored = pq.read_table(run.folder / PREDICTIONS, columns=["logits"]).take(list(claim.rows))["logits"].to_pylist()
    ties = _ties(run, np.asarray(stored, dtype=np.float32), found)
    return {"rows": len(claim.rows), "largest_difference": apart, "ties": ties}


def _ties(run: FinishedRun, stored: Logits, found: Logits) -> int:
    """Return how many rows have another class than the run has stored, as the precision that it computed in may do."""
    kind = run.info.kind
    if kind == "regression":
        return 0
    near = TIES[_precision(run)] * max(1.0, float(np.abs(stored).max()))
    if kind == "multi_label":
        other, margin = (stored > 0) != (found > 0), np.abs(found)
    else:
        then, now, rows = stored.argmax(1), found.argmax(1), np.arange(len(found))
        other, margin = then != now, found[rows, now] - found[rows, then]
    if (other & (margin > near)).any():
        raise UserError(
            f"{run.folder}: in float32 the run gives another class than it has stored for {int(other.sum())} of "
            f"{len(found)} test rows, and not by a tie; nothing is written"
        )
    return int(other.reshape(len(found), -1).any(1).sum())


def _precision(run: FinishedRun) -> str:
    computed = run.record["computed"][-1]
    return "tf32" if computed["tf32"] and computed["precision"] == "float32" else str(computed["precision"])
