"""Moves runs of earlier versions to the paths of this version, so that an update trains nothing again.

Earlier versions stored a run at results/runs/MODEL/METHOD/BENCHMARK/TASK/full/SEED, regardless of its settings. The
settings are in its run.json. They show whether the run is one of a campaign's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scalearn.campaign.keys import name_of, normal
from scalearn.campaign.places import EARLIER_RUNS, EMBEDDED, ENCODED, MODELS, RUNS, SIMILARITIES, SOURCES, TASKS
from scalearn.campaign.plan import Campaign
from scalearn.campaign.run_folder import RECORD, WEIGHTS
from scalearn.campaign.spec import JOINT, RunSpec
from scalearn.campaign.variants import ablations
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.methods.layers.stack_facts import StackFacts
from scalearn.storage.files import read_json, sha256, write_json
from scalearn.workspace.made_by import campaign_files, noted_values


@dataclass
class Adopted:
    """The result of `adopt`.

    moved: old path -> new path.
    left: path of a run that was not moved -> reason.
    """

    moved: dict[Path, Path] = field(default_factory=dict)
    left: dict[Path, str] = field(default_factory=dict)


def earlier_runs(folder: Path) -> Iterator[Path]:
    """Yield the folders of finished runs in the earlier layout; a joint run has one folder for all its tasks."""
    for record in (folder / EARLIER_RUNS).glob("*/*/*/*/*/*/run.json"):
        yield record.parent


def earlier_runs_notice(folder: Path = Path()) -> str | None:
    """Return a sentence about runs of the earlier layout in a work directory; None if there are none."""
    if next(earlier_runs(folder), None) is None:
        return None
    return f"{folder / EARLIER_RUNS}: runs of an earlier version are here; `scalearn adopt` moves them to {RUNS}"


def adopt_all(files: Sequence[Path], folder: Path = Path(), trust: bool = False) -> Adopted:
    """Adopt the runs of several campaign files (see `adopt`).

    files: the campaign files; empty: all that were started in the work directory `folder`.
    Raises: UserError if there are no runs of the earlier layout, or if a campaign file cannot be read.
    """
    if next(earlier_runs(folder), None) is None:
        raise UserError(f"{folder / EARLIER_RUNS}: no runs of an earlier version here; there is nothing to adopt")
    adopted = Adopted()
    for file in files or [folder / name for name in campaign_files(folder)]:
        of_file = adopt(Campaign.read(file), folder, trust)
        adopted.moved |= of_file.moved
        adopted.left |= of_file.left
    adopted.left = {run: why for run, why in adopted.left.items() if run not in adopted.moved}
    return adopted


def adopt(campaign: Campaign, folder: Path = Path(), trust: bool = False) -> Adopted:
    """Move the campaign's runs of the earlier layout, with their data and source adapters.

    folder: the work directory.
    trust: whether to assume that encoders and tasks were defined as they are now, where no note says how they were.
    """
    adopted, notes = Adopted(), noted_values(folder)
    _adopt_resources(campaign, folder, notes, adopted, trust)
    runs = {_old_identity(campaign, run): run for run in campaign.trainings.values()}
    ready: dict[Path, tuple[RunSpec, dict[str, Any]]] = {}
    for run in sorted(earlier_runs(folder)):
        try:
            of_run = notes.get(str(_record(run, folder)), {} if trust else None)
            ready[run] = _converted(campaign, read_json(run / RECORD), runs, of_run)
        except UserError as error:
            adopted.left[run] = str(error)
        except (KeyError, TypeError, AttributeError) as error:
            adopted.left[run] = f"its {RECORD} is not as runs of earlier versions have it ({error})"
    for run in sorted(ready, key=lambda run: bool(ready[run][0].sources)):  # sources before the runs that compose them
        spec, record = ready[run]
        try:
            if isinstance(record["inputs"].get("sources"), str):
                record["inputs"]["sources"] = _adopt_stack(run, spec, record["inputs"]["sources"], folder, adopted)
            _move_run(run, folder / RUNS / spec.path, record, adopted)
        except UserError as error:
            adopted.left[run] = str(error)
    return adopted


def _record(run: Path, folder: Path) -> Path:
    return run.relative_to(folder) / RECORD


def _adopt_resources(campaign: Campaign, folder: Path, notes: Mapping[str, Any], adopted: Adopted, trust: bool) -> None:
    """Move the encoders, and the prepared and encoded tasks, whose definitions equal the campaign's.

    notes: config values of earlier versions, by the path of a record.
    """
    models = {key: name for key, name in campaign.model_names.items() if _same_model(campaign, name, folder)}
    tasks = {
        key: name
        for key, name, definition in (
            (key, name, {"tasks": {name: json.loads(campaign.definition(name))}})
            for key, name in campaign.task_names.items()
        )
        if notes.get(f"{TASKS / name}/task.json", definition if trust else None) == definition
    }
    for names, place in ((models, MODELS), (tasks, TASKS)):
        for key, name in names.items():
            _move(folder / place / name, folder / place / key, adopted)
    for model, model_name in models.items():
        for task, name in tasks.items():
            _move(folder / ENCODED / model_name / name, folder / ENCODED / model / task, adopted)
            old, new = (
                folder / EMBEDDED / f"{path}.safetensors" for path in (f"{model_name}/{name}", f"{model}/{task}")
            )
            _move(old, new, adopted)
    _adopt_similarities(campaign, models, tasks, folder, adopted)


def _adopt_similarities(
    campaign: Campaign, models: Mapping[str, str], tasks: Mapping[str, str], folder: Path, adopted: Adopted
) -> None:
    """Move the similarities of benchmarks whose tasks and sentence encoder have the campaign's definitions."""
    for place, compared in campaign.comparisons.items():
        model, benchmark = place.split("/")
        if model in models and set(compared) <= tasks.keys():
            old = SIMILARITIES / models[model] / f"{name_of(benchmark)}.json"
            _move(folder / old, folder / SIMILARITIES / f"{place}.json", adopted)


def _same_model(campaign: Campaign, name: str, folder: Path) -> bool:
    path = folder / MODELS / name / "model.json"
    return path.is_file() and read_json(path).get("source") == json.loads(campaign.model_definition(name))


def _move(old: Path, new: Path, adopted: Adopted) -> None:
    if old != new and old.exists() and not new.exists():
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)
        adopted.moved[old] = new


def _old_identity(campaign: Campaign, run: RunSpec) -> str:
    """Return what identifies this run in an earlier version's run.json, as text."""
    tasks = [campaign.task_names[key] for key in run.tasks]
    identity = {
        "model": campaign.model_names[run.model],
        "method": run.method,
        "benchmark": run.benchmark,
        "task": JOINT if run.family == "joint" else tasks[0],
        "shots": run.shots,
        "seed": run.seed,
    }
    return _text(identity, run.hyperparameters, run.switches, run.compute.explicit, tasks)


def _text(
    identity: Mapping[str, Any],
    hyperparameters: Mapping[str, Any],
    switches: Iterable[str],
    compute: Mapping[str, Any],
    tasks: Iterable[str],
) -> str:
    """Return what identifies a run, as text; the hyper-parameters 1, 1.0 and true are equal."""
    values = {key: float(value) if isinstance(value, int) else value for key, value in hyperparameters.items()}
    return normal([identity, values, list(switches), compute, sorted(tasks)])


def _converted(
    campaign: Campaign, old: dict[str, Any], runs: Mapping[str, RunSpec], notes: Mapping[str, Any] | None
) -> tuple[RunSpec, dict[str, Any]]:
    """Return the spec and the new run.json of a run of the earlier layout.

    old: its run.json.
    runs: the campaign's runs, by `_old_identity`.
    notes: the config values behind the run, from an earlier version's note; None if no note has them, empty if they are
        assumed to equal the campaign's.
    Raises: UserError if the run is not one of the campaign's.
    """
    if "spec" in old:  # an earlier `adopt` was killed before it moved the run
        return RunSpec.of_record(old["spec"]), old
    tasks = old["tasks"] if "tasks" in old else [old["task"]]
    row = ablations().get(old["identity"]["method"], {})  # these rows were methods
    identity = {**old["identity"], "method": row.get("method", old["identity"]["method"])}
    kind = METHODS[identity["method"]].hyperparameters
    settings = {key: value for key, value in row.items() if key in kind.model_fields}
    changed = kind(**{**settings, **old["hyperparameters"]}).beyond(kind())
    names = [task["name"] for task in tasks]
    spec = runs.get(_text(identity, changed, old.get("switches", ()), old.get("compute", {}), names))
    if spec is None:
        raise UserError("no campaign file has this run")
    version = {"method": old["method_version"], "training": 1}
    if version != spec.versions:
        raise UserError(f"version {version['method']} of its method made it, and the campaign would train it again")
    if notes is None:
        raise UserError(
            "no note says how its encoder and tasks were defined; if they are defined as they were, type "
            "`scalearn adopt --trust`"
        )
    if notes:
        _check_definitions(campaign, spec, notes)
    models, data = old["inputs"]["model"], old["inputs"]["data"]
    inputs = {
        **{key: value for key, value in old["inputs"].items() if value is not None},
        "model": models if isinstance(models, list) else [models],
        "data": data if "tasks" in old else {names[0]: data},
    }
    dropped = ("identity", "hyperparameters", "method_version", "switches", "compute", "task", "checksum")
    kept = {key: value for key, value in old.items() if key not in dropped}
    records = {"own": old.get("own", [])} if "tasks" in old else {}
    return spec, {**kept, **records, "spec": spec.record, "tasks": tasks, "inputs": inputs}


def _check_definitions(campaign: Campaign, spec: RunSpec, notes: Mapping[str, Any]) -> None:
    """Check that the run's encoder and tasks were defined as in the campaign.

    Raises: UserError if not.
    """
    name = campaign.model_names[spec.model]
    if notes.get("model") != json.loads(campaign.model_definition(name)):
        raise UserError(f"the campaign file defines the encoder '{name}' differently")
    names = [campaign.task_names[key] for key in spec.tasks]
    if notes.get("tasks") != {name: json.loads(campaign.definition(name)) for name in names}:
        raise UserError(f"the campaign file defines {', '.join(names)} differently")


def _adopt_stack(run: Path, spec: RunSpec, checksum: str, folder: Path, adopted: Adopted) -> dict[str, Any]:
    """Move the file of a run's stacked source adapters, and return what the run's new record says about it.

    checksum: of the file.
    Raises: UserError if the file is missing or holds other source adapters than the campaign's.
    """
    model, benchmark = run.parents[4].name, run.parents[2].name
    old = folder / SOURCES / model / benchmark / spec.shots
    new = folder / SOURCES / f"{spec.stack}.safetensors"
    for path in (new, *sorted(old.glob("*.safetensors"))):
        if path.is_file() and sha256(path) == checksum:
            facts = StackFacts.read(path)
            records = [folder / RUNS / source / RECORD for source in spec.sources]
            weights = [read_json(record)["sha256"][WEIGHTS] for record in records if record.is_file()]
            if list(facts.sha256) != weights:
                raise UserError("it composes other source adapters than the campaign's")
            _move(path, new, adopted)
            return facts.record
    raise UserError(f"the file of source adapters that it composes is not in {old}")


def _move_run(old: Path, new: Path, record: Mapping[str, Any], adopted: Adopted) -> None:
    """Write a run's records in this version's form, then move its folder.

    If the process is killed in between, the next `adopt` moves the folder.
    """
    if new.exists():
        raise UserError(f"{new} exists already")
    for part in sorted(old.glob(f"tasks/*/{RECORD}")):
        old_record = read_json(part)
        task = {"tasks": [old_record.get("task") or old_record["tasks"][0]]}
        kept = {key: old_record[key] for key in ("parameters", "baseline", "sha256")}
        _rewrite(part, {**record, **kept, **task})
    _rewrite(old / RECORD, record)
    _move(old, new, adopted)


def _rewrite(path: Path, record: Mapping[str, Any]) -> None:
    """Write the record, and keep the file's time, so that the run is not newer than what was made from it."""
    times = path.stat()
    write_json(path, record)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
