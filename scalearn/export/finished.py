"""A finished run on disk, with everything that it was made from, whole and unchanged; or the reason why not."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scalearn.campaign.places import ENCODED, MODELS, RUNS, SIMILARITIES, SOURCES, TASKS
from scalearn.campaign.run_folder import RECORD, WEIGHTS
from scalearn.campaign.spec import RunSpec
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.storage.files import altered, read_json, sha256
from scalearn.tasks.store import TaskInfo
from scalearn.training.runs.inputs import check_inputs
from scalearn.training.runs.planned import PlannedRun


class NotThere(UserError):
    """A run's encoder, task, sources or similarities are not there. what: the message without its mend."""

    def __init__(self, what: str, mend: str, option: str) -> None:
        super().__init__(f"{what}; {mend} {option}")
        self.what, self.option = what, option


@dataclass(frozen=True)
class Places:
    """Folders and files that were named; what was not lies where a campaign puts it."""

    model: Path | None = None
    data: tuple[Path, ...] = ()
    task: Path | None = None
    sources: Path | None = None
    similarities: Path | None = None


@dataclass(frozen=True)
class FinishedRun:
    """A run, or of a joint run its part on one task.

    folder: where the task's predictions lie. planned: the run with the folders that it was made from; its output holds
    the weights. prepared: the folder of the task's texts.
    """

    folder: Path
    planned: PlannedRun
    record: dict[str, Any]
    task: str
    prepared: Path

    @property
    def data(self) -> Path:
        """The folder of the task's encoded rows."""
        return self.planned.data[list(self.planned.encodings).index(self.task)]

    @property
    def encoding(self) -> dict[str, Any]:
        """What encoding.json says of the task."""
        return self.planned.encodings[self.task]

    @property
    def info(self) -> TaskInfo:
        """What task.json says of the task."""
        return TaskInfo.read(self.prepared)

    @property
    def encoder(self) -> dict[str, Any]:
        """What model.json says of the encoder."""
        return read_json(self.planned.model / "model.json")


def read_run(run: Path, given: Places | None = None) -> FinishedRun:
    """Return the finished run in the folder `run`, or in a joint run's folder of one task.

    Raises: UserError if it is not finished, damaged or of another version, or if what it was made from is not there or
    has changed.
    """
    given = given or Places()
    root, task = _parts(run)
    record, spec = _read_record(root)
    if spec.family == "joint" and task is None:
        parts = sorted(path.name for path in root.glob("tasks/*"))
        raise UserError(f"{run}: this run learned {len(parts)} tasks; name one of them, such as {run}/tasks/{parts[0]}")
    names = [entry["name"] for entry in record["tasks"]]
    name = names[0] if task is None else task
    work = _work_directory(root, spec)
    planned = PlannedRun(
        spec,
        given.model or work / MODELS / spec.model,
        given.data or tuple(work / ENCODED / spec.model / key for key in spec.tasks),
        root,
        _sources(spec, given, work),
        _similarities(spec, record, given, work),
    )
    if name not in names:
        raise UserError(f"{run}: the run learned no task '{name}', but {', '.join(names)}")
    _check_files(planned, record)
    found = FinishedRun(run, planned, record, name, given.task or work / TASKS / spec.tasks[names.index(name)])
    _check_prepared(found)
    return found


def _parts(run: Path) -> tuple[Path, str | None]:
    """Return the folder with the run's weights and, if `run` is a joint run's folder of one task, the task's name."""
    if not run.is_dir():
        raise UserError(f"{run}: no such folder; name the folder of a finished run")
    joint = run.parent.name == "tasks" and not (run / WEIGHTS).exists()
    return (run.parent.parent, run.name) if joint else (run, None)


def _read_record(folder: Path) -> tuple[dict[str, Any], RunSpec]:
    path = folder / RECORD
    if not path.is_file():
        raise UserError(f"{folder}: this run is not finished ({RECORD} is missing); train it to its end first")
    record = read_json(path)
    if "spec" not in record:
        earlier = "a run of an earlier version; type `scalearn adopt`" if "identity" in record else "no record of a run"
        raise UserError(f"{path}: {earlier}")
    try:
        spec = RunSpec.of_record(record["spec"])
        made = record["spec"]["versions"]
        files = dict(record["sha256"])
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}: no record of a run of this version; train the run again") from None
    if made != spec.versions:
        other = next(part for part in spec.versions if made.get(part) != spec.versions[part])
        raise UserError(
            f"{folder}: version {made.get(other)} of the {other} made this run, and here is version "
            f"{spec.versions[other]}; export it with the version of scalearn that made it, or train it again"
        )
    for name in altered(folder, files):
        raise UserError(f"{folder / name}: not as it was written; delete {path} and train the run again")
    return record, spec


def _work_directory(folder: Path, spec: RunSpec) -> Path:
    """Return the work directory whose campaign made the run; where none did, the one we are in."""
    parts, own = folder.resolve().parts, (RUNS / spec.path).parts
    return Path(*parts[: -len(own)]) if parts[-len(own) :] == own else Path()


def _sources(spec: RunSpec, given: Places, work: Path) -> Path | None:
    if spec.family != "two_stage":
        return None
    return _there(given.sources or work / SOURCES / f"{spec.stack}.safetensors", "the source adapters", "--sources")


def _similarities(spec: RunSpec, record: dict[str, Any], given: Places, work: Path) -> Path | None:
    """Return the file of similarities that the run went by: of those of the campaign, the one with its checksum."""
    if not METHODS[spec.method].similarity:
        return None
    if given.similarities is not None:
        return _there(given.similarities, "the similarities", "--similarities")
    wanted, folder = record["inputs"]["similarities"], work / SIMILARITIES
    for path in sorted(folder.rglob("*.json")):
        if sha256(path) == wanted:
            return path
    what = f"{folder}: the similarities that this run went by are not there"
    raise NotThere(what, "name them with", "--similarities")


def _there(path: Path, what: str, option: str) -> Path:
    if not path.exists():
        raise NotThere(f"{path}: {what} of this run are not there", "make the campaign's again, or name", option)
    return path


def _check_files(planned: PlannedRun, record: dict[str, Any]) -> None:
    """Refuse an encoder, rows or sources that are missing, damaged, or not those that the run was made from."""
    for path, option in ((planned.model, "--model"), *((folder, "--data") for folder in planned.data)):
        if not path.is_dir():
            what = "encoder" if option == "--model" else "encoded task"
            raise NotThere(f"{path}: no such {what}", "start the campaign to make it again, or name", option)
    check_inputs(planned.model, *planned.data)
    now = json.loads(json.dumps(planned.record()))
    for key in ("inputs", "tasks"):
        if record.get(key) != now[key]:
            raise UserError(
                f"{planned.output}: {_changed(record.get(key), now[key])} since; name what it was made from"
            )


def _changed(then: Any, now: Any) -> str:
    names = {"model": "its encoder has changed", "data": "its encoded rows have changed"}
    known = names | {"sources": "its source adapters have changed", "similarities": "its similarities have changed"}
    differing: Iterable[str] = now if isinstance(now, dict) else ()
    return next((known[key] for key in differing if key in known and then.get(key) != now[key]), "its task has changed")


def _check_prepared(run: FinishedRun) -> None:
    if not run.prepared.is_dir():
        what = f"{run.prepared}: no such prepared task"
        raise NotThere(what, "start the campaign to make it again, or name", "--task")
    if dict(run.info.sha256) != run.encoding["task"]["sha256"]:
        raise UserError(f"{run.prepared}: other rows than the run was made from; prepare the task again")
    for name in altered(run.prepared, {"test.parquet": run.info.sha256["test"]}):
        raise UserError(
            f"{run.prepared / name}: not as it was written; delete {run.prepared} and prepare the task again"
        )
