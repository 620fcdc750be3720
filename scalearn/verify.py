"""Damage: files of a campaign that are no longer as they were written.

Snakemake looks at times and at what it remembers of inputs, not at outputs that rotted. This does, by the checksums in
the records; what it removes is made again, and nothing else is. A run that is whole, and that another config has made,
is named and stays.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scalearn.campaign import JOINT, Campaign, Run
from scalearn.errors import UserError
from scalearn.files import altered, read_json
from scalearn.methods import METHODS

RESOURCES, RUNS, SOURCES = Path("resources"), Path("results/runs"), Path("results/sources")


@dataclass(frozen=True)
class Damage:
    """A damaged file, what is wrong with it, and what to remove so that it is made again."""

    path: Path
    fault: str
    remove: tuple[Path, ...]

    def mend(self) -> None:
        """Remove the damaged files; those that were made from them and are whole stay."""
        for path in self.remove:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Other:
    """The record of a whole run that is not the one that the campaign asks for, and how that one was made."""

    path: Path
    made: str


def others(campaign: Campaign, folder: Path = Path()) -> Iterator[Other]:
    """Find the runs that lie where the campaign's belong and were made by another config; they are not damaged."""
    for run in campaign.all_trainings():
        record = folder / RUNS / run.path / "run.json"
        try:
            difference = _difference(campaign, run, read_json(record))
        except (UserError, KeyError, AttributeError, TypeError):  # missing, or damaged
            continue
        if difference is not None:
            yield Other(record, f"made by {difference}")


def damages(campaign: Campaign, folder: Path = Path()) -> Iterator[Damage]:
    """Find the damaged files of a campaign in its work directory; what is not there yet is not damaged."""
    for model in campaign.models:
        where = folder / RESOURCES / "models" / model
        yield from _folder(where, "model.json", lambda found: {"model.safetensors": found})
        for task in campaign.tasks:
            where = folder / RESOURCES / "encoded" / model / task
            yield from _folder(where, "encoding.json", lambda found: _named(found, "arrow"))
    for task in campaign.tasks:
        where = folder / RESOURCES / "tasks" / task
        yield from _folder(where, "task.json", lambda found: _named(found, "parquet"))
    tables = _tables(campaign, folder)
    for run in campaign.all_trainings():
        for damage in _run(campaign, run, folder / RUNS / run.path):
            yield replace(damage, remove=(*damage.remove, *tables))
    for run in campaign.all_runs():
        for damage in _score(run, folder / RUNS):
            yield replace(damage, remove=(*damage.remove, *tables))
    yield from _sources(folder / SOURCES)


def _tables(campaign: Campaign, folder: Path) -> list[Path]:
    """What shows scores: as long as it is there, Snakemake makes nothing between it and the tasks again."""
    names = [f"{name}_table.{ending}" for name in campaign.benchmarks for ending in ("md", "csv", "tex", "svg")]
    return [folder / "results" / name for name in (*names, "scores.parquet")]


def _named(checksums: Mapping[str, str], ending: str) -> dict[str, str]:
    return {f"{split}.{ending}": checksum for split, checksum in checksums.items()}


def _folder(folder: Path, record: str, files: Callable[[Any], dict[str, str]]) -> Iterator[Damage]:
    """Hold a folder's files to the checksums in its record."""
    if not (folder / record).is_file():
        return
    try:
        checksums = files(read_json(folder / record)["sha256"])
    except (UserError, KeyError, AttributeError, TypeError) as error:
        yield Damage(folder / record, _why(error), (folder / record,))
        return
    for name in altered(folder, checksums):
        yield Damage(folder / name, "not as it was written", (folder / name, folder / record))


def _run(campaign: Campaign, run: Run, folder: Path) -> Iterator[Damage]:
    """Hold a training's files to its record."""
    record = folder / "run.json"
    if not record.is_file():
        return
    scores: tuple[Path, ...] = (folder / "score.json",)
    if run.task == JOINT:
        names = campaign.joint_tasks(run.benchmark)
        scores = tuple(folder.parents[2] / task / run.shots / str(run.seed) / "score.json" for task in names)
    try:
        damaged = altered(folder, read_json(record)["sha256"])
        for task in sorted(folder.glob("tasks/*/run.json")):
            read_json(task)
    except (UserError, KeyError, AttributeError, TypeError) as error:
        yield Damage(record, _why(error), (record, *scores))
        return
    for name in damaged:
        yield Damage(folder / name, "not as it was written", (folder / name, record, *scores))


def _difference(campaign: Campaign, run: Run, found: Mapping[str, Any]) -> str | None:
    """Return in what a run's record differs from what the campaign asks for, or None if in nothing."""
    asked: dict[str, Any] = {
        "model": run.model,
        "method": run.method,
        "benchmark": run.benchmark,
        "task": run.task,
        "shots": run.shots,
        "seed": run.seed,
    }
    tasks = campaign.joint_tasks(run.benchmark) if run.task == JOINT else [run.task]
    switches = campaign.switches(run.method, *tasks)
    if found["identity"] != asked:
        return f"another config: it is {_differing(found['identity'], asked)}"
    values = campaign.hyperparameters(run.method, run.benchmark, run.task).model_dump()
    if found["hyperparameters"] != values:
        return f"another config: hyper-parameter {_differing(found['hyperparameters'], values)}"
    version = campaign.version(run.method, run.benchmark, run.task)
    if found["method_version"] != version:
        return f"version {found['method_version']} of its method, here version {version}"
    if tuple(found.get("switches", ())) != switches:
        return f"another config: protocol switches {_listed(found.get('switches', ()))}, here {_listed(switches)}"
    compute, here = found.get("compute", {}), campaign.config.compute.asked
    if compute != here:
        return f"another config: compute {json.dumps(compute)}, here {json.dumps(here)}"
    return None


def _differing(found: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """Return the first entry that differs, as `key value, here value`."""
    key = next(key for key in (*asked, *found) if found.get(key) != asked.get(key))
    return f"{key} {found.get(key)}, here {asked.get(key)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _score(run: Run, runs: Path) -> Iterator[Damage]:
    """Hold a score record to the run that it was made from."""
    score = runs / run.path / "score.json"
    if not score.is_file():
        return
    source = runs / run.path / "run.json"
    if METHODS[run.method].family == "joint":
        source = runs / run.model / run.method / run.benchmark / JOINT / run.shots / str(run.seed) / "tasks" / run.task
        source = source / "run.json"
    try:
        found, made = read_json(score), read_json(source) if source.is_file() else None
        if made is not None and any(found[key] != made[key] for key in ("identity", "hyperparameters")):
            yield Damage(score, "not made from the run beside it", (score,))
        elif made is not None and not made["sha256"].items() <= found["provenance"]["sha256"].items():
            yield Damage(score, "made from other predictions than the run's", (score,))
    except (UserError, KeyError, AttributeError, TypeError) as error:
        yield Damage(score, _why(error), (score,))


def _sources(folder: Path) -> Iterator[Damage]:
    """Read each stack of source adapters; only if there is one, since it takes torch."""
    for path in sorted(folder.rglob("*.safetensors")):
        from scalearn.methods.layers.sources import Sources

        try:
            Sources.read(path)
        except UserError as error:
            yield Damage(path, _why(error), (path,))


def _why(error: Exception) -> str:
    """Return what is wrong with a record; a UserError's own advice is for who reads no more than it."""
    return "not as it was written" if isinstance(error, UserError) else f"without {error}"
