"""Commands that make what trainings read: encoders, tasks, encoded rows, stacks, similarities.

Each imports what it needs when it runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scalearn.campaign.campaign_file import VARIABLE
from scalearn.cli.app import FetchedModel, Output, app
from scalearn.cli.options import json_object, states_kind, valid
from scalearn.errors import UserError, nearest
from scalearn.machine import gpus


@app.command()
def fetch_model(
    name: str,
    source: Annotated[str, typer.Option(help="a `models` entry as JSON")],
    output: Output,
    not_trained: Annotated[
        bool,
        typer.Option(
            "--not-trained", help="accept any architecture: the encoder only compares texts, for adapter_soup"
        ),
    ] = False,
) -> None:
    """Fetch an encoder: its safetensors and its tokenizer. They are refused if they do not fit together."""
    from scalearn.campaign.config import ModelSource
    from scalearn.encoders.fetching import fetch
    from scalearn.fields import Name

    entry = valid("--source", ModelSource, json_object("--source", source))
    fetch(valid("NAME", Name, name), entry, output, trained=not not_trained)


@app.command()
def prepare_task(
    name: str,
    output: Output,
    definition: Annotated[str | None, typer.Option(help="a `tasks` entry as JSON; by default the built-in one")] = None,
    mirror: Annotated[Path | None, typer.Option(help="a folder in the hub's layout, instead of the hub")] = None,
    campaign: Annotated[str, typer.Option(envvar=VARIABLE, hidden=True)] = "",
) -> None:
    """Prepare a task: write its train, validation and test rows and its task.json."""
    # A job's --definition leaves defaults out. The campaign in the environment tells whether it states `kind`. This is
    # no part of the definition, so that the tasks of earlier campaigns stay as they are.
    from scalearn.fields import Name, local_path
    from scalearn.tasks import TASKS
    from scalearn.tasks.definition import Task
    from scalearn.tasks.preparing.prepare import prepare

    if definition is None and name not in TASKS:
        raise UserError(f"unknown task '{name}'{nearest(name, TASKS)}; or give its --definition")
    if definition is None:
        task = TASKS[name]
    else:
        stated = {"kind": "classification"} if states_kind(campaign, name) else {}
        task = valid("--definition", Task, {**stated, **json_object("--definition", definition)})
    prepare(valid("NAME", Name, name), task, output, None if mirror is None else local_path(str(mirror)))


@app.command()
def encode(
    task: Annotated[Path, typer.Option(help="a prepared task")],
    model: FetchedModel,
    output: Output,
) -> None:
    """Tokenise a task for a model, once for all its runs."""
    from scalearn.training.data.encode import encode as run

    run(task, model, output)


@app.command()
def fetch_adapter(
    name: str,
    source: Annotated[str, typer.Option(help="where it comes from, as JSON: `adapter`, and of the hub `revision`")],
    output: Output,
    model: Annotated[
        list[Path] | None, typer.Option(help="a fetched encoder that the adapter must fit; one option per encoder")
    ] = None,
    reduction_factor: Annotated[
        list[int] | None, typer.Option(min=1, help="of the adapters that it is to be composed with")
    ] = None,
) -> None:
    """Fetch a source adapter from elsewhere: its configuration and its safetensors."""
    from scalearn.campaign.config import ForeignSource
    from scalearn.foreign.fetching import fetch

    entry = valid("--source", ForeignSource, {**json_object("--source", source), "name": name})
    fetch(entry, output, model or [], reduction_factor or [])


@app.command()
def stack(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="RUNS...", help="stage-1 run directories and fetched adapters from elsewhere, in order"),
    ],
    output: Output,
    model: Annotated[
        Path | None, typer.Option(help="the fetched encoder; needed if there are adapters from elsewhere")
    ] = None,
) -> None:
    """Stack source adapters into one file, which stage 2 reads."""
    from scalearn.training.runs.stacking import stack as run

    run(folders, output, model)


@app.command()
def embed(
    task: Annotated[Path, typer.Option(help="a prepared task")],
    model: Annotated[Path, typer.Option(help="a fetched sentence encoder")],
    output: Output,
) -> None:
    """Write the mean sentence embedding of a task's training texts."""
    gpus.take_gpu()

    from scalearn.training.data.similarity import embed as run

    run(task, model, output)


@app.command()
def similarities(
    embeddings: Annotated[list[Path], typer.Argument(help="what `scalearn embed` wrote for each task")], output: Output
) -> None:
    """Write the pairwise similarities of tasks, for adapter_soup."""
    from scalearn.training.data.similarity import similarities as run

    run(embeddings, output)
