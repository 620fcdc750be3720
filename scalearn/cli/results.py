"""Commands from predictions to tables. Each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scalearn.cli.app import CampaignText, Output, Runs, Threads, app
from scalearn.cli.options import layouts


@app.command()
def score(
    run: Annotated[Path, typer.Argument(help="a run directory")],
    metric: Annotated[
        list[str] | None, typer.Option(help="a metric, the headline first; by default those that the run recorded")
    ] = None,
    positive: Annotated[str | None, typer.Option(help="the positive label of f1, of two labels")] = None,
    output: Annotated[Path | None, typer.Option(help="by default the run's score.json")] = None,
) -> None:
    """Score a run's predictions and write its score record."""
    from scalearn.results.scores import score_run

    score_run(run, metric or [], output, positive)


@app.command()
def collect(campaign: CampaignText, runs: Runs, output: Output, threads: Threads = None) -> None:
    """Write all scores as one table, a row per run and metric. Runs without an up-to-date score are scored first."""
    from scalearn.results.collect import collect as gather

    gather(layouts(campaign), runs, output, threads)


@app.command()
def table(
    campaign: CampaignText,
    benchmark: Annotated[str, typer.Option(help="the benchmark of the table")],
    runs: Runs,
    output: Annotated[Path, typer.Option(help="path without suffix; .md, .csv, .tex and .svg are added")],
    threads: Threads = None,
    due: Annotated[
        Path | None,
        typer.Option(
            help="Snakemake's folder: runs that it is about to train again, or that cannot be scored, count as missing"
        ),
    ] = None,
) -> None:
    """Write a benchmark's result table. Runs without an up-to-date score are scored first."""
    from scalearn.cluster.unfinished import outdated_runs
    from scalearn.results.tables import write_table

    (layout,) = layouts(campaign, benchmark)
    write_table(layout, runs, output, threads, None if due is None else outdated_runs(due))


@app.command()
def explain(
    table: Annotated[Path, typer.Argument(help="a table of a campaign, for example results/glue_table.md")],
    row: Annotated[str, typer.Argument(help="a row of it, for example scalearn")],
    task: Annotated[str, typer.Argument(help="a task of it, for example rte")],
    campaign: CampaignText = "config.yaml",
) -> None:
    """Say how a number in a table came about: its runs, their scores, the chosen setting, the formula."""
    from scalearn.campaign.places import RUNS
    from scalearn.results.explain import benchmark_of, explanation

    (layout,) = layouts(campaign, benchmark_of(table))
    print(explanation(layout, table.parent / RUNS.name, row, task))
