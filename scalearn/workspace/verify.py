"""Finds damaged files of a campaign by the checksums in their records.

Snakemake compares times and inputs, not the content of outputs, and does not notice damage. It rebuilds the files that
`verify` removes, and no others. An undamaged run of another config is reported and stays.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scalearn.campaign.input_files import ADAPTER_RECORD, ENCODER_WEIGHTS
from scalearn.campaign.places import ADAPTERS, ENCODED, MODELS, RUNS, SOURCES, TABLES, TASKS, table_files
from scalearn.campaign.plan import Campaign
from scalearn.campaign.spec import RunSpec
from scalearn.errors import UserError
from scalearn.storage.files import altered, read_json
from scalearn.workspace.table_owners import SCORES, tables_of_others

SNAKEMAKE = Path(".snakemake")


@dataclass(frozen=True)
class Damage:
    """A damaged file.

    fault: what is wrong with it.
    remove: the paths to remove so that Snakemake rebuilds it.
    """

    path: Path
    fault: str
    remove: tuple[Path, ...]

    def mend(self) -> None:
        """Remove the paths in `remove`; undamaged files that were made from them stay."""
        for path in self.remove:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


@dataclass(frozen=True)
class Mismatch:
    """An undamaged run at a path of the campaign that is not the campaign's run.

    path: its record.
    made: how it was made.
    """

    path: Path
    made: str


def mismatches(campaign: Campaign) -> Iterator[Mismatch]:
    """Yield the runs at the campaign's paths that have another spec, or that another version of scalearn made."""
    for run in campaign.trainings.values():
        record = RUNS / run.path / "run.json"
        try:
            content = read_json(record)["spec"]
            made, by = RunSpec.of_record(content).path, content["versions"]
        except (UserError, ValueError, KeyError, TypeError):  # missing, or damaged
            continue
        if made != run.path:
            yield Mismatch(record, f"made as {RUNS / made}")
        elif by != run.versions:
            yield Mismatch(record, f"made by {_versions(by)}; here {_versions(run.versions)}")


def _versions(versions: Mapping[str, int]) -> str:
    return ", ".join(f"version {version} of the {part}" for part, version in sorted(versions.items()))


def damages(campaign: Campaign, file: Path = Path("config.yaml")) -> Iterator[Damage]:
    """Yield the damaged files of a campaign in the current folder; a missing record is not damage.

    file: the campaign's file.
    """
    for model in campaign.model_names:
        yield from _folder(MODELS / model, "model.json", lambda checksum: {ENCODER_WEIGHTS: checksum})
        for task in campaign.task_names:
            yield from _folder(ENCODED / model / task, "encoding.json", lambda checksums: _named(checksums, "arrow"))
    for task in campaign.task_names:
        yield from _folder(TASKS / task, "task.json", lambda checksums: _named(checksums, "parquet"))
    for adapter in campaign.adapters:
        yield from _folder(ADAPTERS / adapter, ADAPTER_RECORD, dict)
    tables = _tables(campaign, file)
    for run in campaign.trainings.values():
        for damage in (*_run(RUNS / run.path), *_scores(RUNS / run.path)):
            yield replace(damage, remove=(*damage.remove, *tables))
    yield from _sources([SOURCES / f"{stack}.safetensors" for stack in campaign.stacks])


def _tables(campaign: Campaign, file: Path) -> list[Path]:
    """Return the files that show scores of the campaign, without those of another campaign file.

    As long as these files exist, Snakemake rebuilds nothing that they depend on.
    """
    theirs = tables_of_others(SNAKEMAKE, campaign, [str(file)])
    tables = [table_files(kind, name) for name in campaign.benchmarks for kind in TABLES]
    mine = [Path(file) for files in tables if theirs.isdisjoint(files) for file in files]
    return mine if SCORES in theirs else [*mine, Path(SCORES)]


def _named(checksums: Mapping[str, str], ending: str) -> dict[str, str]:
    return {f"{split}.{ending}": checksum for split, checksum in checksums.items()}


def _folder(folder: Path, record: str, files: Callable[[Any], dict[str, str]]) -> Iterator[Damage]:
    """Compare a folder's files with the checksums in its record.

    files: returns the checksum of each file, by name, given the record's entry `sha256`.
    """
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
    """Compare a run's files with the checksums in its record."""
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
    """Compare a run's score records with their own checksums; outdated scores are not damage."""
    for score in sorted((*folder.glob("score.json"), *folder.glob("tasks/*/score.json"))):
        try:
            read_json(score, ours=True)
        except UserError as error:
            yield Damage(score, _why(error), (score,))


def _sources(paths: Iterable[Path]) -> Iterator[Damage]:
    """Read each existing file of source adapters; torch is imported only if there is one."""
    for path in filter(Path.is_file, paths):
        from scalearn.methods.layers.sources import Sources

        try:
            Sources.read(path)
        except UserError as error:
            yield Damage(path, _why(error), (path,))


def _why(error: Exception) -> str:
    """Return what is wrong with a record, without the advice of a UserError."""
    return "not as it was written" if isinstance(error, UserError) else f"without {error}"
