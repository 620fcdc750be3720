"""Runs of the layout of earlier versions, moved to where their specifications belong, so that updates train nothing.

A run lay at results/runs/MODEL/METHOD/BENCHMARK/TASK/full/SEED, whatever its settings were. Its run.json says them, so
that it can be earlier_runs_notice whether it is a run that a campaign asks for.
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
from scalearn.campaign.spec import JOINT, RunSpec
from scalearn.campaign.variants import ablations
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.methods.layers.stack_facts import StackFacts
from scalearn.storage.files import read_json, sha256, write_json
from scalearn.workspace.made_by import campaign_files, values_of

RECORD = "run.json"


@dataclass
class Adopted:
    """What was moved, from -> to, and what stays where it is, and why."""

    moved: dict[Path, Path] = field(default_factory=dict)
    left: dict[Path, str] = field(default_factory=dict)


def earlier_runs(folder: Path) -> Iterator[Path]:
    """Yield the folders of finished runs in the earlier layout; the parts of joint runs are no runs of their own."""
    for record in (folder / EARLIER_RUNS).glob("*/*/*/*/*/*/run.json"):
        yield record.parent


def earlier_runs_notice(folder: Path = Path()) -> str | None:
    """Return a sentence about runs of the earlier layout in a work directory, None if there are none."""
    if next(earlier_runs(folder), None) is None:
        return None
    return f"{folder / EARLIER_RUNS}: runs of an earlier version lie here; `scalearn adopt` moves them to {RUNS}"


def adopt_all(files: Sequence[Path], folder: Path = Path(), trust: bool = False) -> Adopted:
    """Adopt the runs of these campaign files, or of all that ran in the folder; trust: see `adopt`."""
    if next(earlier_runs(folder), None) is None:
        raise UserError(f"{folder / EARLIER_RUNS}: no runs of an earlier version here; there is nothing to adopt")
    found = Adopted()
    for file in files or [folder / name for name in campaign_files(folder)]:
        its_own = adopt(Campaign.read(file), folder, trust)
        found.moved |= its_own.moved
        found.left |= its_own.left
    found.left = {run: why for run, why in found.left.items() if run not in found.moved}
    return found


def adopt(campaign: Campaign, folder: Path = Path(), trust: bool = False) -> Adopted:
    """Move the runs of the earlier layout that this campaign asks for, and the data and sources that made them.

    trust: where no note says how encoders and tasks were defined when a run was made, take them to be defined so today.
    """
    found, made = Adopted(), values_of(folder)
    _adopt_resources(campaign, folder, made, found, trust)
    asked = {_asked(campaign, run): run for run in campaign.trainings.values()}
    ready: dict[Path, tuple[RunSpec, dict[str, Any]]] = {}
    for run in sorted(earlier_runs(folder)):
        try:
            of_run = made.get(str(_record(run, folder)), {} if trust else None)
            ready[run] = _converted(campaign, read_json(run / RECORD), asked, of_run)
        except UserError as error:
            found.left[run] = str(error)
        except (KeyError, TypeError, AttributeError) as error:
            found.left[run] = f"its {RECORD} is not as runs of earlier versions have it ({error})"
    for run in sorted(ready, key=lambda run: bool(ready[run][0].sources)):  # sources before what composes them
        spec, record = ready[run]
        try:
            if isinstance(record["inputs"].get("sources"), str):
                record["inputs"]["sources"] = _adopt_stack(run, spec, record["inputs"]["sources"], folder, found)
            _move_run(run, folder / RUNS / spec.path, record, found)
        except UserError as error:
            found.left[run] = str(error)
    return found


def _record(run: Path, folder: Path) -> Path:
    return run.relative_to(folder) / RECORD


def _adopt_resources(campaign: Campaign, folder: Path, made: Mapping[str, Any], found: Adopted, trust: bool) -> None:
    """Move encoders and prepared and encoded tasks whose definitions are known to be the campaign's."""
    models = {key: name for key, name in campaign.model_names.items() if _same_model(campaign, name, folder)}
    tasks = {
        key: name
        for key, name, asked in (
            (key, name, {"tasks": {name: json.loads(campaign.definition(name))}})
            for key, name in campaign.task_names.items()
        )
        if made.get(f"{TASKS / name}/task.json", asked if trust else None) == asked
    }
    for names, place in ((models, MODELS), (tasks, TASKS)):
        for key, name in names.items():
            _move(folder / place / name, folder / place / key, found)
    for model, its_name in models.items():
        for task, name in tasks.items():
            _move(folder / ENCODED / its_name / name, folder / ENCODED / model / task, found)
            old, new = (folder / EMBEDDED / f"{path}.safetensors" for path in (f"{its_name}/{name}", f"{model}/{task}"))
            _move(old, new, found)
    _adopt_similarities(campaign, models, tasks, folder, found)


def _adopt_similarities(
    campaign: Campaign, models: Mapping[str, str], tasks: Mapping[str, str], folder: Path, found: Adopted
) -> None:
    """Move the similarities of benchmarks whose tasks and sentence encoder are known to be the campaign's."""
    for place, compared in campaign.comparisons.items():
        model, benchmark = place.split("/")
        if model in models and set(compared) <= tasks.keys():
            old = SIMILARITIES / models[model] / f"{name_of(benchmark)}.json"
            _move(folder / old, folder / SIMILARITIES / f"{place}.json", found)


def _same_model(campaign: Campaign, name: str, folder: Path) -> bool:
    path = folder / MODELS / name / "model.json"
    return path.is_file() and read_json(path).get("source") == json.loads(campaign.model_definition(name))


def _move(old: Path, new: Path, found: Adopted) -> None:
    if old != new and old.exists() and not new.exists():
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)
        found.moved[old] = new


def _asked(campaign: Campaign, run: RunSpec) -> str:
    """Return what an earlier version's run.json says of this run, as text to compare."""
    tasks = [campaign.task_names[key] for key in run.tasks]
    identity = {
        "model": campaign.model_names[run.model],
        "method": run.method,
        "benchmark": run.benchmark,
        "task": JOINT if run.family == "joint" else tasks[0],
        "shots": run.shots,
        "seed": run.seed,
    }
    return _text(identity, run.hyperparameters, run.switches, run.compute.asked, tasks)


def _text(
    identity: Mapping[str, Any],
    differing: Mapping[str, Any],
    switches: Iterable[str],
    compute: Mapping[str, Any],
    tasks: Iterable[str],
) -> str:
    """Return all this as text; 1, 1.0 and yes are the same hyper-parameter."""
    values = {key: float(value) if isinstance(value, int) else value for key, value in differing.items()}
    return normal([identity, values, list(switches), compute, sorted(tasks)])


def _converted(
    campaign: Campaign, old: dict[str, Any], asked: Mapping[str, RunSpec], made: Mapping[str, Any] | None
) -> tuple[RunSpec, dict[str, Any]]:
    """Return the spec of a run of the earlier layout and what its run.json says now; a UserError says why not.

    made: with which values the run was asked for, as the note of an earlier version says; None if it does not, empty if
    they are trusted to be the campaign's.
    """
    if "spec" in old:  # killed before the run was moved
        return RunSpec.of_record(old["spec"]), old
    tasks = old["tasks"] if "tasks" in old else [old["task"]]
    row = ablations().get(old["identity"]["method"], {})  # they were methods
    identity = {**old["identity"], "method": row.get("method", old["identity"]["method"])}
    kind = METHODS[identity["method"]].hyperparameters
    own = {key: value for key, value in row.items() if key in kind.model_fields}
    changed = kind(**{**own, **old["hyperparameters"]}).beyond(kind())
    names = [task["name"] for task in tasks]
    spec = asked.get(_text(identity, changed, old.get("switches", ()), old.get("compute", {}), names))
    if spec is None:
        raise UserError("no campaign file asks for it")
    version = {"method": old["method_version"], "training": 1}
    if version != spec.versions:
        raise UserError(f"version {version['method']} of its method made it, and the campaign would make it anew")
    if made is None:
        raise UserError(
            "no note says how its encoder and tasks were defined; if they are defined as they were, type "
            "`scalearn adopt --trust`"
        )
    if made:
        _check_definitions(campaign, spec, made)
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


def _check_definitions(campaign: Campaign, spec: RunSpec, made: Mapping[str, Any]) -> None:
    """Refuse a run that was made of another encoder or of other tasks than the campaign's of these names."""
    name = campaign.model_names[spec.model]
    if made.get("model") != json.loads(campaign.model_definition(name)):
        raise UserError(f"the campaign file defines the encoder '{name}' in another way")
    names = [campaign.task_names[key] for key in spec.tasks]
    if made.get("tasks") != {name: json.loads(campaign.definition(name)) for name in names}:
        raise UserError(f"the campaign file defines {', '.join(names)} in another way")


def _adopt_stack(run: Path, spec: RunSpec, checksum: str, folder: Path, found: Adopted) -> dict[str, Any]:
    """Return what a run's record says of its sources, whose file is moved, too; a UserError if they are others."""
    model, benchmark = run.parents[4].name, run.parents[2].name
    old = folder / SOURCES / model / benchmark / spec.shots
    new = folder / SOURCES / f"{spec.stack}.safetensors"
    for path in (new, *sorted(old.glob("*.safetensors"))):
        if path.is_file() and sha256(path) == checksum:
            facts = StackFacts.read(path)
            records = [folder / RUNS / source / RECORD for source in spec.sources]
            weights = [read_json(record)["sha256"]["weights.safetensors"] for record in records if record.is_file()]
            if list(facts.sha256) != weights:
                raise UserError("it composes other source adapters than those that the campaign asks for")
            _move(path, new, found)
            return facts.record
    raise UserError(f"the file of source adapters that it composes is not in {old}")


def _move_run(old: Path, new: Path, record: Mapping[str, Any], found: Adopted) -> None:
    """Move a run's folder, its records as this version has them; killed in between, it is moved the next time."""
    if new.exists():
        raise UserError(f"{new} is there already")
    for part in sorted(old.glob(f"tasks/*/{RECORD}")):
        its_own = read_json(part)
        task = {"tasks": [its_own.get("task") or its_own["tasks"][0]]}
        kept = {key: its_own[key] for key in ("parameters", "baseline", "sha256")}
        _rewrite(part, {**record, **kept, **task})
    _rewrite(old / RECORD, record)
    _move(old, new, found)


def _rewrite(path: Path, record: Mapping[str, Any]) -> None:
    """Write the record with the time of the old one: what was made from the run is not older than the run."""
    times = path.stat()
    write_json(path, record)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
