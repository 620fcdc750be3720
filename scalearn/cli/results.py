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
