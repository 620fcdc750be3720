"""The commands that rules call and people can call too. Each imports what it needs when it runs."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scalearn.campaign import loggers
from scalearn.campaign.campaign_file import VARIABLE
from scalearn.cli.options import (
    how_to_compute,
    hyper_parameters,
    json_object,
    layouts,
    protocol_switches,
    run_spec,
    valid,
    whole_number,
)
from scalearn.errors import UserError, nearest
from scalearn.machine import gpus, time_budget
from scalearn.machine.heavy_imports import importing

if TYPE_CHECKING:
    from scalearn.training.runs.planned import PlannedRun

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

UsageError: Any = typer.BadParameter.__mro__[1]  # click's, or that of typer's own copy of click

Output = Annotated[Path, typer.Option(help="what to write")]
CampaignText = Annotated[
    str, typer.Option(envvar=VARIABLE, help="a campaign file, or what it says as JSON", show_envvar=False)
]
MaxTime = Annotated[str | None, typer.Option(help="stop after so long, say 10m, with a checkpoint to go on from")]
How = Annotated[
    list[str] | None, typer.Option("--compute", help="KEY=VALUE of the config's `compute`; by default all are auto")
]
LoggerNames = Annotated[
    list[str] | None, typer.Option("--logger", help="where else to report: tensorboard, csv, wandb or mlflow")
]
Runs = Annotated[Path, typer.Option(help="the folder of run directories")]
FetchedModel = Annotated[Path, typer.Option(help="a fetched model")]
Seed = Annotated[int, typer.Option(parser=whole_number(0, 2**32 - 1), metavar="<int>")]
Changed = Annotated[str, typer.Option(help="what differs from the paper's, as JSON (scalearn methods NAME lists them)")]
Switches = Annotated[list[str] | None, typer.Option(help="a difference of the reference protocol to repeat")]

ENCODER = "by default that of the benchmark's encoder; without a campaign RoBERTa-base's"

COUNT: Any = {"parser": whole_number(1), "metavar": "<int>"}
Threads = Annotated[int | None, typer.Option(help="runs scored side by side; by default one for each core", **COUNT)]
WIDE = 160  # columns of a table that goes to a file


@app.command()
def check(config: Annotated[Path, typer.Argument(help="a campaign file")] = Path("config.yaml")) -> None:
    """Check a campaign file and what it names on this machine, before any work starts."""
    from scalearn.preflight.inputs import check_campaign

    for line in check_campaign(config).notes:
        print(line)


# Whatever else stands there is Snakemake's, in its order.
@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def resume(context: typer.Context, max_time: MaxTime = None) -> None:
    """Go on with this folder's campaign after anything; other arguments are Snakemake's, by default the last ones."""
    from scalearn.cluster.resume import resume as go_on

    raise typer.Exit(go_on(context.args, max_time))


@app.command()
def verify(
    config: Annotated[Path, typer.Argument(help="a campaign file")] = Path("config.yaml"),
    mend: Annotated[bool, typer.Option("--mend", help="remove what is damaged, so that it is made again")] = False,
) -> None:
    """Hold what a campaign has made here to its checksums; exit status 1 if something is damaged.

    Whole runs that another config has made are named, too; they are not damaged and never removed.
    """
    from scalearn.campaign.plan import Campaign
    from scalearn.workspace.verify import damages, others

    campaign = Campaign.read(config)
    found, strange = list(damages(campaign, config)), list(others(campaign))
    for damage in found:
        print(f"{damage.path}: {damage.fault}{'; removed' if mend else ''}")
        if mend:
            damage.mend()
    for other in strange:
        print(f"{other.path}: {other.made}")
    say = "start the campaign again to make it anew" if mend else "`scalearn verify --mend` removes what is damaged"
    print(f"{len(found)} damaged; {say}" if found else "nothing is damaged")
    if strange:
        print(f"{len(strange)} runs were made otherwise than {config} asks; they are whole and stay")
    raise typer.Exit(int(bool(found) and not mend))


@app.command()
def adopt(
    configs: Annotated[list[Path] | None, typer.Argument(help="campaign files; by default all that ran here")] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="where no note tells: encoders and tasks are defined as they were then")
    ] = False,
) -> None:
    """Move the runs of an earlier version to where this version looks for them; they are not trained again."""
    from scalearn.workspace.adopt import adopt_all

    adopted = adopt_all(configs or [], trust=trust)
    for old, new in adopted.moved.items():
        print(f"{old} -> {new}")
    for run, why in adopted.left.items():
        print(f"stays: {run} ({why})")
    print(f"{len(adopted.moved)} folders and files moved, {len(adopted.left)} runs stay where they are")


@app.command()
def prune(
    remove: Annotated[bool, typer.Option("--remove", help="remove what is listed; it cannot be had back")] = False,
    forget: Annotated[
        str | None, typer.Option(help="a campaign file that was given up: no longer count what it asked for")
    ] = None,
) -> None:
    """List what no campaign that was started in this folder asks for, biggest first; remove nothing by default.

    What is asked for follows from the campaign files as they are now, with the `--config` overrides of each start, and
    from config.yaml.
    """
    from scalearn.workspace.prune import prune as run

    run(remove, forget)


@app.command()
def pack(
    archive: Annotated[Path, typer.Argument(help="the file to write, for example campaign.tar.gz")],
    folder: Annotated[Path, typer.Option(help="the work directory")] = Path(),
) -> None:
    """Pack a work directory, without what can be made again, to go on with it elsewhere."""
    from scalearn.workspace.pack import pack as run

    packed = run(folder, archive)
    print(f"{archive}: {packed.files:,} files; there: scalearn unpack {archive.name} FOLDER")
    for name, why in packed.behind.items():
        print(f"stays behind: {name} ({why})")


@app.command()
def unpack(
    archive: Annotated[Path, typer.Argument(help="what `scalearn pack` wrote")],
    folder: Annotated[Path, typer.Argument(help="the new work directory")],
) -> None:
    """Unpack a work directory; the command that was under way there goes on here."""
    from scalearn.workspace.pack import unpack as run

    print(f"{folder}: {run(archive, folder):,} files; go on there with the same snakemake command")


@app.command()
def fetch_model(
    name: str,
    source: Annotated[str, typer.Option(help="a `models` entry as JSON")],
    output: Output,
    not_trained: Annotated[
        bool, typer.Option("--not-trained", help="it only compares texts, for adapter_soup, and may be of any kind")
    ] = False,
) -> None:
    """Fetch an encoder: weights as safetensors, tokenizer, nothing else; refuse what does not fit together."""
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
) -> None:
    """Write a task in the on-disk format: train, validation and test rows, and task.json."""
    from scalearn.fields import Name, local_path
    from scalearn.tasks import TASKS
    from scalearn.tasks.definition import Task
    from scalearn.tasks.preparing.prepare import prepare

    if definition is None and name not in TASKS:
        raise UserError(f"unknown task '{name}'{nearest(name, TASKS)}; or give its --definition")
    task = TASKS[name] if definition is None else valid("--definition", Task, json_object("--definition", definition))
    prepare(valid("NAME", Name, name), task, output, None if mirror is None else local_path(str(mirror)))


@app.command()
def check_task(
    task: Annotated[Path, typer.Argument(help="a prepared task's folder, or its name")],
    model: Annotated[Path | None, typer.Option(help="a fetched model, to count its tokens instead of words")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Say in plain words what is wrong with a prepared task; exit status 1 if it cannot be trained or scored."""
    from rich.console import Console

    from scalearn.cli.prepared_tasks import prepared_folder
    from scalearn.tasks.inspecting import report
    from scalearn.tasks.inspecting.findings import check_task as look
    from scalearn.tasks.store import TaskInfo

    folder = prepared_folder(task)
    if model is None:
        found = look(folder)
    else:
        from scalearn.training.data.tokens import Tokens

        info = TaskInfo.read(folder)
        tokens = Tokens(model, info.max_length, info.truncate)
        found = look(folder, tokens.lengths, tokens.max_length, tokens.unknown)
    if as_json:
        print(json.dumps(report.as_json(found), indent=1))
    else:
        report.show(found, Console())
    raise typer.Exit(int(found.errors > 0))


@app.command()
def tasks(
    config: Annotated[Path | None, typer.Option(help="a campaign file; by default config.yaml, if it is here")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """List the tasks: kind, sizes (~: as published, not prepared yet), metrics, source, benchmarks."""
    from rich.console import Console

    from scalearn.campaign.plan import Campaign
    from scalearn.tasks import TASKS
    from scalearn.tasks.listing import as_table, listing

    if config is None and Path("config.yaml").is_file():
        config = Path("config.yaml")
    campaign = None if config is None else Campaign.read(config)
    known = TASKS if campaign is None else campaign.known_tasks
    benchmarks = {} if campaign is None else {name: entry.tasks for name, entry in campaign.benchmarks.items()}
    keys = {} if campaign is None else {name: key for key, name in campaign.task_names.items()}
    rows = listing(known, benchmarks, Path("resources/tasks"), keys)
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        Console(width=None if sys.stdout.isatty() else WIDE).print(as_table(rows))


@app.command()
def methods(
    name: Annotated[str | None, typer.Argument(help="one of them, with what its hyper-parameters mean")] = None,
    benchmark: Annotated[str | None, typer.Option(help="whose tasks are learned; by default any eight")] = None,
    config: Annotated[Path | None, typer.Option(help="a campaign file; with a benchmark config.yaml")] = None,
    hidden_size: Annotated[int | None, typer.Option(help=f"width, {ENCODER}", **COUNT)] = None,
    layers: Annotated[int | None, typer.Option(help=f"number, {ENCODER}", **COUNT)] = None,
    intermediate_size: Annotated[int | None, typer.Option(help="of its FFN; 4 x a given hidden size", **COUNT)] = None,
    embeddings: Annotated[int | None, typer.Option(help=f"rows of its tables, {ENCODER}", **COUNT)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """List the methods: family, trainable parameters without the heads, what they are shared by, citation, defaults.

    With NAME, show one of them: its formula, and every hyper-parameter with its default, its bounds and its meaning.
    """
    from rich.console import Console

    from scalearn.campaign.plan import Campaign
    from scalearn.cli.method_list import as_table, catalogue, sizes
    from scalearn.cli.method_page import as_text, check_name, page

    if name is not None:
        check_name(name)
    if benchmark is not None and config is None:
        config = Path("config.yaml")
    campaign = Campaign.read(config) if config else None
    asked = {"layers": layers, "hidden": hidden_size, "intermediate": intermediate_size, "embeddings": embeddings}
    shapes = sizes(campaign, benchmark, asked)
    rows = catalogue(campaign, benchmark, shapes)
    one = next((page(row) for row in rows if row["method"] == name), None)
    if as_json:
        print(json.dumps(one or rows, indent=1))
    else:
        Console(width=None if sys.stdout.isatty() else WIDE).print(as_text(one) if one else as_table(rows))


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
def stack(
    runs: Annotated[list[Path], typer.Argument(help="stage-1 run directories, in order")], output: Output
) -> None:
    """Stack source adapters into the one file that stage 2 reads."""
    from scalearn.training.runs.stacking import stack as run

    run(runs, output)


@app.command()
def embed(
    task: Annotated[Path, typer.Option(help="a prepared task")],
    model: Annotated[Path, typer.Option(help="a fetched sentence encoder")],
    output: Output,
) -> None:
    """Write the mean embedding of a task's texts, by which tasks are compared."""
    gpus.take()

    from scalearn.training.data.similarity import embed as run

    run(task, model, output)


@app.command()
def similarities(
    embeddings: Annotated[list[Path], typer.Argument(help="what `scalearn embed` wrote for each task")], output: Output
) -> None:
    """Write how similar tasks are to each other, for adapter_soup."""
    from scalearn.training.data.similarity import similarities as run

    run(embeddings, output)


@app.command()
def train(
    spec: Annotated[
        str | None,
        typer.Option(
            help="what the run is, as JSON or a file of it; its folders are a campaign's unless they are named"
        ),
    ] = None,
    method: Annotated[str | None, typer.Option(help="without a --spec: a method's name")] = None,
    model: Annotated[Path | None, typer.Option(help="a fetched model")] = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="an encoded task; for a joint run once for each task, in order")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="the run's directory")] = None,
    benchmark: Annotated[str, typer.Option(help="the benchmark whose sources are composed")] = "single",
    seed: Seed = 0,
    sources: Annotated[Path | None, typer.Option(help="stacked source adapters, for two-stage methods")] = None,
    hyperparameters: Changed = "{}",
    switch: Switches = None,
    similarities: Annotated[str, typer.Option(help="a file of those between tasks, for adapter_soup")] = "",
    compute: How = None,
    max_time: MaxTime = None,
    logger: LoggerNames = None,
) -> None:
    """Train one run. A finished run is left as it is, a killed one goes on from its last checkpoint."""
    from scalearn.campaign.spec import SINGLE
    from scalearn.cli.by_hand import planned_by_hand
    from scalearn.training.runs.planned import PlannedRun

    if (spec is None) == (method is None):
        raise UserError("--spec: give either --spec or --method; the spec says all that --method and its options say")
    compared = Path(similarities) if similarities else None
    if spec is not None:
        beside = {"--benchmark": benchmark != SINGLE, "--seed": seed, "--hyperparameters": hyperparameters != "{}"}
        for option, given in {**beside, "--switch": switch, "--compute": compute}.items():
            if given:
                raise UserError(f"{option}: the --spec says this; leave the option out")
        run = PlannedRun.of_campaign(run_spec(spec))
        run = PlannedRun(
            run.spec,
            model or run.model,
            tuple(data or run.data),
            output or run.output,
            sources or run.sources,
            compared,
        )
    else:
        for option, folder in {"--model": model, "--data": data, "--output": output}.items():
            if not folder:
                raise UserError(f"{option}: --method needs it; name the folder, or give a --spec")
        changed, switches = hyper_parameters(str(method), hyperparameters), protocol_switches(switch or [])
        assert model and data and output
        run = planned_by_hand(
            str(method),
            model,
            data,
            output,
            benchmark=benchmark,
            seed=seed,
            changed=changed,
            switches=switches,
            compute=how_to_compute(compute or []),
            sources=sources,
            similarities=compared,
        )
    _make(run, max_time, logger or [])


@app.command()
def train_joint(
    method: Annotated[str, typer.Option(help="a joint method's name")],
    model: FetchedModel,
    data: Annotated[list[Path], typer.Option(help="an encoded task; give the option once for each, in order")],
    output: Output,
    benchmark: Annotated[str, typer.Option(help="the benchmark that the tasks make up")] = "joint",
    seed: Seed = 0,
    hyperparameters: Changed = "{}",
    switch: Switches = None,
    compute: How = None,
    max_time: MaxTime = None,
    logger: LoggerNames = None,
) -> None:
    """Train one model on all tasks; `scalearn score OUTPUT/tasks/TASK` then scores each of them."""
    from scalearn.cli.by_hand import planned_by_hand
    from scalearn.methods import METHODS

    changed, switches = hyper_parameters(method, hyperparameters), protocol_switches(switch or [])
    if METHODS[method].family != "joint":
        raise UserError(f"method '{method}' is not a joint one; use `scalearn train`")
    how = how_to_compute(compute or [])
    run = planned_by_hand(
        method, model, data, output, benchmark=benchmark, seed=seed, changed=changed, switches=switches, compute=how
    )
    _make(run, max_time, logger or [])


def _make(run: PlannedRun, max_time: str | None, names: list[str]) -> None:
    """Train a planned run, unless it is done."""
    run = replace(run, loggers=loggers.chosen(names))
    time_budget.begin(max_time)
    time_budget.check()
    if run.done:
        return
    gpus.take()
    with importing():
        if run.spec.family == "joint":
            from scalearn.training.runs.joint import train as make
        else:
            from scalearn.training.runs.run import train as make
    make(run)


@app.command()
def score(
    run: Annotated[Path, typer.Argument(help="a run directory")],
    metric: Annotated[list[str] | None, typer.Option(help="headline first; by default those the run recorded")] = None,
    positive: Annotated[str | None, typer.Option(help="of two labels the one that f1 is of")] = None,
    output: Annotated[Path | None, typer.Option(help="by default the run's score.json")] = None,
) -> None:
    """Score a run's predictions: write its score record."""
    from scalearn.results.scores import score_run

    score_run(run, metric or [], output, positive)


@app.command()
def collect(campaign: CampaignText, runs: Runs, output: Output, threads: Threads = None) -> None:
    """Gather all scores in one table: a row per run and metric. Runs without a current score are scored first."""
    from scalearn.results.collect import collect as gather

    gather(layouts(campaign), runs, output, threads)


@app.command()
def table(
    campaign: CampaignText,
    benchmark: Annotated[str, typer.Option(help="whose table is written")],
    runs: Runs,
    output: Annotated[Path, typer.Option(help="path without ending; .md, .csv, .tex and .svg are added")],
    threads: Threads = None,
    due: Annotated[
        Path | None,
        typer.Option(help="Snakemake's folder: runs to be made again, or that cannot be scored, count as missing"),
    ] = None,
) -> None:
    """Write a benchmark's result table. Runs without a current score are scored first."""
    from scalearn.cluster.unfinished import due_runs
    from scalearn.results.tables import write_table

    (layout,) = layouts(campaign, benchmark)
    write_table(layout, runs, output, threads, None if due is None else due_runs(due))
