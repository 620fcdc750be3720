"""Commands that train. Each imports what it needs when it runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scalearn.campaign import loggers
from scalearn.cli.app import (
    ComputeOptions,
    Differences,
    FetchedModel,
    HyperParameters,
    LoggerNames,
    MaxTime,
    Output,
    Seed,
    app,
)
from scalearn.cli.options import how_to_compute, hyper_parameters, protocol_differences, run_spec
from scalearn.errors import UserError
from scalearn.machine import gpus, time_budget
from scalearn.machine.heavy_imports import importing

if TYPE_CHECKING:
    from scalearn.training.runs.planned import PlannedRun


@app.command()
def train(
    spec: Annotated[
        str | None,
        typer.Option(
            help="the run, as JSON or a file of it; its folders are those of a campaign unless you name others"
        ),
    ] = None,
    method: Annotated[str | None, typer.Option(help="a method's name, if there is no --spec")] = None,
    model: Annotated[Path | None, typer.Option(help="a fetched model")] = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="an encoded task; a joint run takes one option per task, in order")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="the run's directory")] = None,
    benchmark: Annotated[str, typer.Option(help="the benchmark whose sources are composed")] = "single",
    seed: Seed = 0,
    sources: Annotated[Path | None, typer.Option(help="stacked source adapters, for two-stage methods")] = None,
    hyperparameters: HyperParameters = "{}",
    switch: Differences = None,
    similarities: Annotated[str, typer.Option(help="the file of task similarities, for adapter_soup")] = "",
    compute: ComputeOptions = None,
    max_time: MaxTime = None,
    logger: LoggerNames = None,
) -> None:
    """Train one run. A finished run stays as it is, an interrupted one goes on from its last checkpoint."""
    from scalearn.campaign.spec import SINGLE
    from scalearn.cli.by_hand import planned_by_hand
    from scalearn.training.runs.planned import PlannedRun

    if (spec is None) == (method is None):
        raise UserError("--spec: give either --spec or --method; the spec says all that --method and its options say")
    compared = Path(similarities) if similarities else None
    if spec is not None:
        beside = {"--benchmark": benchmark != SINGLE, "--seed": seed, "--hyperparameters": hyperparameters != "{}"}
        for option, given in {**beside, "--difference": switch, "--compute": compute}.items():
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
        changed, switches = hyper_parameters(str(method), hyperparameters), protocol_differences(switch or [])
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
    data: Annotated[list[Path], typer.Option(help="an encoded task; one option per task, in order")],
    output: Output,
    benchmark: Annotated[str, typer.Option(help="the benchmark of the tasks")] = "joint",
    seed: Seed = 0,
    hyperparameters: HyperParameters = "{}",
    switch: Differences = None,
    compute: ComputeOptions = None,
    max_time: MaxTime = None,
    logger: LoggerNames = None,
) -> None:
    """Train one model on all tasks. `scalearn score OUTPUT/tasks/TASK` scores each of them afterwards."""
    from scalearn.cli.by_hand import planned_by_hand
    from scalearn.methods import METHODS

    changed, switches = hyper_parameters(method, hyperparameters), protocol_differences(switch or [])
    if METHODS[method].family != "joint":
        raise UserError(f"method '{method}' is not a joint one; use `scalearn train`")
    how = how_to_compute(compute or [])
    run = planned_by_hand(
        method, model, data, output, benchmark=benchmark, seed=seed, changed=changed, switches=switches, compute=how
    )
    _make(run, max_time, logger or [])


def _make(run: PlannedRun, max_time: str | None, names: list[str]) -> None:
    """Train a planned run, unless it is finished."""
    run = replace(run, loggers=loggers.chosen(names))
    time_budget.begin(max_time)
    time_budget.check_time_left()
    if run.done:
        return
    gpus.take_gpu()
    with importing():
        if run.spec.family == "joint":
            from scalearn.training.runs.joint import train as make
        else:
            from scalearn.training.runs.run import train as make
    make(run)
