"""The current score records of a table's runs: what has none is scored, many runs side by side."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scalearn.campaign import Run
from scalearn.errors import UserError
from scalearn.files import LOCK, alone
from scalearn.results.layout import Layout, Scoring
from scalearn.results.records import RUN, RunRecord, ScoreRecord, predictions_folder, read_current, score_path
from scalearn.results.scores import made_from, said, score


def current_scores(
    layouts: Sequence[Layout], runs: Path, threads: int | None = None, due: Collection[Path] | None = None
) -> dict[Run, ScoreRecord]:
    """Return the score record of each run of the layouts that is there, below `runs`.

    A run that cannot be scored is a UserError, after all others have been scored. `due`, after a failure, holds the
    folders of runs that are to be made again: they count as missing, and so does what cannot be scored.
    """
    wanted = _wanted(layouts)
    left = {folder.absolute() for folder in due or ()}
    there = [run for run in wanted if _is_there(predictions_folder(runs, run), left)]
    records: dict[Run, ScoreRecord] = {}
    faults: list[UserError] = []
    stale = []
    for run in there:
        try:
            record = _current(runs, run, wanted[run])
        except UserError as error:
            faults.append(error)
            continue
        if record is None:
            stale.append(run)
        else:
            records[run] = record
    if stale:
        with (
            alone(runs / LOCK, "waiting for another process that scores these runs"),
            ThreadPoolExecutor(threads or len(os.sched_getaffinity(0))) as pool,
        ):
            for run, found in zip(stale, pool.map(lambda run: _scored(runs, run, wanted[run]), stale), strict=True):
                if isinstance(found, UserError):
                    faults.append(found)
                else:
                    records[run] = found
                    print(said(found))
    if faults and due is None:
        raise UserError(str(faults[0]) + (f" (and {len(faults) - 1} more)" if faults[1:] else ""))
    for fault in faults:
        print(f"counts as missing: {fault}")
    return records


def _wanted(layouts: Sequence[Layout]) -> dict[Run, Scoring]:
    """Return by what each run of the layouts is scored."""
    wanted: dict[Run, Scoring] = {}
    for layout in layouts:
        for run in layout.runs():
            how = layout.scoring(run.task)
            if wanted.setdefault(run, how) != how:
                raise UserError(
                    f"--layout: metrics: two layouts score {run.path} in two ways; take those of one campaign"
                )
    return wanted


def _is_there(folder: Path, left: Collection[Path]) -> bool:
    """Tell whether a run is finished and, with the folder that its part lies in, not to be made again."""
    place = folder.absolute()
    return (folder / RUN).is_file() and place not in left and place.parents[1] not in left


def _current(runs: Path, run: Run, how: Scoring) -> ScoreRecord | None:
    """Return the run's score record if it is as it would be made today."""
    folder = predictions_folder(runs, run)
    made = RunRecord.read(folder / RUN)
    if made.identity.run != run:
        raise UserError(
            f"{folder / RUN}: it is the record of {made.identity.run.path}; delete the folder and run again"
        )
    return read_current(score_path(runs, run), made_from(folder, made, how))


def _scored(runs: Path, run: Run, how: Scoring) -> ScoreRecord | UserError:
    """Score a run, unless another process just did; what is wrong with one run stops no other."""
    try:
        record = _current(runs, run, how)
        if record is None:
            record = score(predictions_folder(runs, run), how)
            record.write(score_path(runs, run))
    except UserError as error:
        return error
    return record
