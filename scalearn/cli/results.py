"""Commands from predictions to tables. Each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scalearn.cli.app import CampaignText, Output, Runs, Threads, app
from scalearn.cli.options import campaign_of, layouts
from scalearn.errors import UserError

Benchmark = Annotated[str, typer.Option(help="the benchmark of the table")]
Due = Annotated[
    Path | None,
    typer.Option(
        help="Snakemake's folder: runs that it is about to train again, or that cannot be scored, count as missing"
    ),
]
WithoutSuffix = Annotated[Path, typer.Option(help="path without suffix; .md, .csv and .tex are added")]


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
    benchmark: Benchmark,
    runs: Runs,
    output: Annotated[Path, typer.Option(help="path without suffix; .md, .csv, .tex, .svg and .parquet are added")],
    threads: Threads = None,
    due: Due = None,
) -> None:
    """Write a benchmark's result table. Runs without an up-to-date score are scored first."""
    from scalearn.cluster.unfinished import outdated_runs
    from scalearn.figures.files import write_scores
    from scalearn.results.tables import write_table

    (layout,) = layouts(campaign, benchmark)
    write_scores(write_table(layout, runs, output, threads, None if due is None else outdated_runs(due)), output)


@app.command()
def comparisons(
    campaign: CampaignText,
    benchmark: Benchmark,
    runs: Runs,
    output: WithoutSuffix,
    threads: Threads = None,
    due: Due = None,
) -> None:
    """Write the 95 % intervals of a benchmark's table, and its rows' differences from the baseline row."""
    from scalearn.cluster.unfinished import outdated_runs
    from scalearn.results.companions import write_comparisons

    (layout,) = layouts(campaign, benchmark)
    write_comparisons(layout, runs, output, threads, None if due is None else outdated_runs(due))


@app.command()
def figures(
    campaign: CampaignText,
    benchmark: Benchmark,
    runs: Runs,
    output: Annotated[Path, typer.Option(help="a folder; each figure goes there as .svg, .pdf and .png")],
    threads: Threads = None,
    due: Due = None,
) -> None:
    """Draw a benchmark's figures: scores, differences, learning curves, scores over parameters."""
    from scalearn.cluster.unfinished import outdated_runs
    from scalearn.figures.files import write_figures

    (layout,) = layouts(campaign, benchmark)
    write_figures(layout, runs, output, threads, None if due is None else outdated_runs(due))


@app.command()
def published(
    campaign: CampaignText,
    benchmark: Benchmark,
    runs: Runs,
    output: WithoutSuffix,
    threads: Threads = None,
    due: Due = None,
) -> None:
    """Write a benchmark's scores beside the published ones. Runs without an up-to-date score are scored first."""
    from scalearn.cluster.unfinished import outdated_runs
    from scalearn.results.companions import write_published

    (layout,) = layouts(campaign, benchmark)
    planned = campaign_of(campaign)
    if (reason := planned.not_compared(benchmark)) is not None:
        raise UserError(f"--benchmark {benchmark}: it is not compared with the paper: {reason}; name another benchmark")
    left = None if due is None else outdated_runs(due)
    write_published(layout, planned.departures(benchmark), runs, output, threads, left)


@app.command()
def cost(
    campaign: CampaignText,
    benchmark: Benchmark,
    runs: Runs,
    output: WithoutSuffix,
    threads: Threads = None,
    due: Due = None,
) -> None:
    """Write what each row of a benchmark's table cost: parameters, hours, memory, bytes to keep."""
    from scalearn.cluster.unfinished import outdated_runs
    from scalearn.figures.files import write_hours
    from scalearn.results.companions import write_cost

    (layout,) = layouts(campaign, benchmark)
    table, hours = write_cost(layout, runs, output, threads, None if due is None else outdated_runs(due))
    write_hours(table, hours, output)


@app.command()
def report(
    campaign: CampaignText,
    runs: Runs,
    output: Output,
    logs: Annotated[Path, typer.Option(help="the folder of the logs of trainings")] = Path("logs/train"),
    threads: Threads = None,
) -> None:
    """Write the campaign as one page of HTML: tables, figures, the runs behind each cell, cost, provenance."""
    from scalearn.report.page import write_report

    write_report(campaign_of(campaign), runs, logs, output, threads)


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
