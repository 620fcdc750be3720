"""Finds the up-to-date score records of runs, and scores those that have none, several in parallel."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import ValidationError

from scalearn.errors import UserError
from scalearn.results.layout import Layout, Scoring
from scalearn.results.records import RUN, SCORE, MadeFrom, Part, RunRecord, ScoreRecord, read_current, score_path
from scalearn.results.scores import headline_of, made_from, score
from scalearn.storage.files import LOCK, alone, read_json


def current_scores(
    layouts: Sequence[Layout], runs: Path, threads: int | None = None, due: Collection[Path] | None = None
) -> dict[Part, ScoreRecord]:
    """Return the score record of each finished run of the layouts.

    Args:
        runs: The folder of all runs.
        threads: How many runs are scored in parallel. By default the number of cores.
        due: After a failure: folders of runs that will train again. They count as missing, and so does each run that
            cannot be scored.

    Raises: UserError if a run cannot be scored and `due` is None. All other runs are scored first.
    """
    wanted = _wanted(layouts)
    left = {folder.absolute() for folder in due or ()}
    there = [part for part in wanted if _is_there(runs, part, left)]
    records: dict[Part, ScoreRecord] = {}
    faults: list[UserError] = []
    stale = []
    for part in there:
        try:
            record = _current(runs, part, wanted[part])
        except UserError as error:
            faults.append(error)
            continue
        if record is None:
            stale.append(part)
        else:
            records[part] = record
    if stale:
        with (
            alone(runs / LOCK, "waiting for another process that scores these runs"),
            ThreadPoolExecutor(threads or len(os.sched_getaffinity(0))) as pool,
        ):
            outcomes = pool.map(lambda part: _scored(runs, part, wanted[part]), stale)
            for part, outcome in zip(stale, outcomes, strict=True):
                if isinstance(outcome, UserError):
                    faults.append(outcome)
                else:
                    records[part] = outcome
                    print(headline_of(outcome))
    if faults and due is None:
        raise UserError(str(faults[0]) + (f" (and {len(faults) - 1} more)" if faults[1:] else ""))
    for fault in faults:
        print(f"counts as missing: {fault}")
    return records


def recorded_score(folder: Path) -> ScoreRecord:
    """Return the score record of a run's folder, or of one task of a joint run.

    The stored record counts with the metrics that a campaign asked for, if it is of this run and this version of
    scoring. Otherwise the run is scored with the metrics that it recorded, and nothing is written.

    Raises: UserError if the run's record or predictions are missing or damaged.
    """
    run = RunRecord.read(folder / RUN)
    try:
        how = MadeFrom.model_validate(read_json(folder / SCORE, ours=True).get("made_from"))
        stored = read_current(folder / SCORE, made_from(folder, run, Scoring(how.metrics, how.positive)))
    except (UserError, ValidationError):
        stored = None
    return stored or score(folder, Scoring((), None))


def _wanted(layouts: Sequence[Layout]) -> dict[Part, Scoring]:
    """Return the metrics of each part of the layouts."""
    return {part: layout.scoring(part.task) for layout in layouts for part in layout.parts()}


def _is_there(runs: Path, part: Part, left: Collection[Path]) -> bool:
    """Return whether a run is finished and will not train again."""
    return (runs / part.folder / RUN).is_file() and (runs / part.run).absolute() not in left


def _current(runs: Path, part: Part, how: Scoring) -> ScoreRecord | None:
    """Return the score record if it is up to date, else None."""
    folder = runs / part.folder
    run = RunRecord.read(folder / RUN)
    if (run.identity.run, run.identity.task) != (part.run, part.task):
        where = f"{run.identity.run}, {run.identity.task}"
        raise UserError(f"{folder / RUN}: it is the record of {where}; delete the folder and run again")
    return read_current(score_path(runs, part), made_from(folder, run, how))


def _scored(runs: Path, part: Part, how: Scoring) -> ScoreRecord | UserError:
    """Score a run, unless another process has just done so. Return a UserError instead of raising it."""
    try:
        record = _current(runs, part, how)
        if record is None:
            record = score(runs / part.folder, how)
            record.write(score_path(runs, part))
    except UserError as error:
        return error
    return record
