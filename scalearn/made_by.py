"""Which campaign file made what, so that another campaign in the same folder does not train over its runs.

Until a path says all that lies there, two campaign files may ask for different runs, tasks or encoders at one path. A
note says whose each is, and with which values it was asked for. It is no part of a run: runs are the same without it.
One file holds it for all campaigns, so that a start reads one file and replaces it at once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from scalearn.campaign import JOINT, Campaign, normal
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.notes import read_note, write_note
from scalearn.started import campaign_names, started_files

NOTE = Path("scalearn") / "made_by.json"  # in Snakemake's folder
LOST = "runs of another campaign file in this folder may be trained over"
SHOWN = 200  # characters of values in a refusal

Files = tuple[str, ...]  # of a campaign; more than one if the command line names more
Values = dict[str, Any]
Makers = dict[str, tuple[Files, Values]]  # whose the run, task or encoder is that this record belongs to


def claim(folder: Path, campaign: Campaign, files: Sequence[str], outputs: Iterable[str]) -> None:
    """Refuse to make `outputs` if something that another campaign file made is among them; else note whose they are.

    folder: Snakemake's; files: the campaign's. A campaign file that is gone was renamed or given up: what it made is
    free. A file that was edited, or is run with another `--config`, is the same campaign.
    """
    mine = campaign_names(files)
    makers, due = _read(folder / NOTE), set(map(str, outputs))
    taken = []
    for record, values in _asked(campaign):
        there, (maker, others) = Path(record).exists(), makers.get(record, (mine, {}))
        if record in due and there and maker != mine and others != values and all(map(_is_file, maker)):
            taken.append((record, maker, _differing(others, values)))
        if record in due or (there and record not in makers):
            makers[record] = mine, values
    if taken:
        record, maker, differing = taken[0]
        more = f" (and {len(taken) - 1} more)" if len(taken) > 1 else ""
        raise UserError(
            f"{', '.join(mine)}: {Path(record).parent}{more} would be made over: {', '.join(maker)} made it with other "
            f"values ({differing}); run this campaign in another folder, or remove what that one made"
        )
    _write(folder / NOTE, makers)


def campaign_files(folder: Path) -> list[str]:
    """Return the campaign files that have run in a work directory and are still there, and its config.yaml.

    Folders of earlier versions have no note of starts; their campaign files are the makers of what is there.
    """
    makers = _read(folder / ".snakemake" / NOTE).values()
    files = dict.fromkeys(["config.yaml", *started_files(folder), *(file for maker, _ in makers for file in maker)])
    return [file for file in files if (folder / file).is_file()]


def _asked(campaign: Campaign) -> Iterator[tuple[str, Values]]:
    """Yield the record of each run, task and encoder of the campaign, and all that makes it what it is."""
    models = {name: {"model": json.loads(campaign.model_definition(name))} for name in campaign.models}
    tasks = {name: json.loads(campaign.definition(name)) for name in campaign.tasks}
    known: dict[tuple[str | int, ...], Values] = {}  # of the runs that share them
    for run in campaign.all_trainings():
        composes = METHODS[run.method].family == "two_stage"
        source_seed = campaign.source_seed(run.seed) if composes else 0
        key = (run.model, run.method, run.benchmark, run.task, source_seed)
        if key not in known:
            sources = campaign.source_runs(run.benchmark, source_seed) if composes else []
            learned = campaign.joint_tasks(run.benchmark) if run.task == JOINT else [run.task]
            known[key] = {
                "hyperparameters": json.loads(campaign.changed(run.method, run.benchmark, run.task)),
                "protocol": list(campaign.switches(run.method, *learned)),
                "compute": campaign.config.compute.asked,
                "sources": [source.path for source in sources],
                "sentence_encoder": campaign.config.sentence_encoder if METHODS[run.method].similarity else None,
                "tasks": {task: tasks[task] for task in learned},
                **models[run.model],
            }
        yield f"results/runs/{run.path}/run.json", known[key]
    for name, definition in tasks.items():
        yield f"resources/tasks/{name}/task.json", {"tasks": {name: definition}}
    for name, source in models.items():
        yield f"resources/models/{name}/model.json", source


def _is_file(path: str) -> bool:
    return Path(path).is_file()


def _differing(there: Values, here: Values) -> str:
    """Return the first entry that differs, with both values if they are short."""
    key = next(key for key in (*here, *there) if there.get(key) != here.get(key))
    old, new = json.dumps(there.get(key)), json.dumps(here.get(key))
    return f"{key} {old}, here {new}" if len(old) + len(new) <= SHOWN else key


def _read(path: Path) -> Makers:
    content = read_note(path, LOST)
    try:
        files, values = [tuple(names) for names in content.get("files", [])], content.get("values", [])
        return {record: (files[file], values[value]) for record, (file, value) in content.get("made", {}).items()}
    except (AttributeError, IndexError, TypeError, ValueError):
        print(f"warning: {path}: not as it was written; {LOST}", file=sys.stderr, flush=True)
        return {}


def _write(path: Path, makers: Makers) -> None:
    """Write each campaign and each set of values once: thousands of runs share a few dozen."""
    files: dict[Files, int] = {}
    values: dict[str, int] = {}
    text = {id(asked): normal(asked) for asked in {id(asked): asked for _, asked in makers.values()}.values()}
    made = {
        record: (files.setdefault(maker, len(files)), values.setdefault(text[id(asked)], len(values)))
        for record, (maker, asked) in makers.items()
    }
    write_note(path, {"files": list(files), "values": [json.loads(value) for value in values], "made": made})
