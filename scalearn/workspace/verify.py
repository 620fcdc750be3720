"""Damage: files of a campaign that are no longer as they were written.

Snakemake looks at times and at what it remembers of inputs, not at outputs that rotted. This does, by the checksums in
the records; what it removes is made again, and nothing else is. A run that is whole, and that another config has made,
is named and stays.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scalearn.campaign.places import ENCODED, MODELS, RUNS, SOURCES, TASKS
from scalearn.campaign.plan import Campaign
from scalearn.campaign.spec import RunSpec
from scalearn.errors import UserError
from scalearn.storage.files import altered, read_json
from scalearn.workspace.table_owners import SCORES, tables_of_others

SNAKEMAKE = Path(".snakemake")
TABLE_FILES = (".md", ".csv", ".tex", ".svg")


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


def others(campaign: Campaign) -> Iterator[Other]:
    """Find the campaign's runs that are others, or that other versions of the code made; they are not damaged."""
    for run in campaign.trainings.values():
        record = RUNS / run.path / "run.json"
        try:
            content = read_json(record)["spec"]
            made, by = RunSpec.of_record(content).path, content["versions"]
        except (UserError, ValueError, KeyError, TypeError):  # missing, or damaged
            continue
        if made != run.path:
            yield Other(record, f"made as {RUNS / made}")
        elif by != run.versions:
            yield Other(record, f"made by {_versions(by)}; here {_versions(run.versions)}")


def _versions(versions: Mapping[str, int]) -> str:
    return ", ".join(f"version {version} of the {part}" for part, version in sorted(versions.items()))


def damages(campaign: Campaign, file: Path = Path("config.yaml")) -> Iterator[Damage]:
    """Find the damaged files of the campaign of a file in the current folder; what is not there yet is not damaged."""
    for model in campaign.model_names:
        yield from _folder(MODELS / model, "model.json", lambda found: {"model.safetensors": found})
        for task in campaign.task_names:
            yield from _folder(ENCODED / model / task, "encoding.json", lambda found: _named(found, "arrow"))
    for task in campaign.task_names:
        yield from _folder(TASKS / task, "task.json", lambda found: _named(found, "parquet"))
    tables = _tables(campaign, file)
    for run in campaign.trainings.values():
        for damage in (*_run(RUNS / run.path), *_scores(RUNS / run.path)):
            yield replace(damage, remove=(*damage.remove, *tables))
    yield from _sources([SOURCES / f"{stack}.safetensors" for stack in campaign.stacks])


def _tables(campaign: Campaign, file: Path) -> list[Path]:
    """Return what shows scores of the campaign, and is not another campaign file's.

    As long as it is there, Snakemake makes nothing between it and the tasks again.
    """
    theirs = tables_of_others(SNAKEMAKE, campaign, [str(file)])
    tables = [Path("results", f"{name}_table.md") for name in campaign.benchmarks]
    mine = [path.with_suffix(ending) for path in tables if str(path) not in theirs for ending in TABLE_FILES]
    return mine if SCORES in theirs else [*mine, Path(SCORES)]


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


def _run(folder: Path) -> Iterator[Damage]:
    """Hold a training's files to its record."""
    record = folder / "run.json"
    if not record.is_file():
        return
    try:
        damaged = altered(folder, read_json(record)["sha256"])
        for task in sorted(folder.glob("tasks/*/run.json")):
            read_json(task)
    except (UserError, KeyError, AttributeError, TypeError) as error:
        yield Damage(record, _why(error), (record,))
        return
    for name in damaged:
        yield Damage(folder / name, "not as it was written", (folder / name, record))


def _scores(folder: Path) -> Iterator[Damage]:
    """Hold a run's score records to their own checksums. One made from other predictions is no damage."""
    for score in sorted((*folder.glob("score.json"), *folder.glob("tasks/*/score.json"))):
        try:
            read_json(score, ours=True)
        except UserError as error:
            yield Damage(score, _why(error), (score,))


def _sources(paths: Iterable[Path]) -> Iterator[Damage]:
    """Read each stack of source adapters that is there; only if there is one, since it takes torch."""
    for path in filter(Path.is_file, paths):
        from scalearn.methods.layers.sources import Sources

        try:
            Sources.read(path)
        except UserError as error:
            yield Damage(path, _why(error), (path,))


def _why(error: Exception) -> str:
    """Return what is wrong with a record; a UserError's own advice is for who reads no more than it."""
    return "not as it was written" if isinstance(error, UserError) else f"without {error}"
