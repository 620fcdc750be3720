"""The command line application, and the options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from scalearn.campaign.campaign_file import VARIABLE
from scalearn.cli.options import whole_number

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

UsageError: Any = typer.BadParameter.__mro__[1]  # click's, or that of typer's own copy of click

Output = Annotated[Path, typer.Option(help="the file or folder to write")]
CampaignText = Annotated[
    str, typer.Option(envvar=VARIABLE, help="a campaign file, or what it says as JSON", show_envvar=False)
]
MaxTime = Annotated[str | None, typer.Option(help="time limit, for example 10m: the run saves a checkpoint and stops")]
ComputeOptions = Annotated[
    list[str] | None,
    typer.Option("--compute", help="KEY=VALUE, a key of the config's `compute`; the default of each is auto"),
]
LoggerNames = Annotated[
    list[str] | None, typer.Option("--logger", help="a logger to report to: tensorboard, csv, wandb or mlflow")
]
Runs = Annotated[Path, typer.Option(help="the folder of run directories")]
FetchedModel = Annotated[Path, typer.Option(help="a fetched model")]
Seed = Annotated[int, typer.Option(parser=whole_number(0, 2**32 - 1), metavar="<int>")]
HyperParameters = Annotated[
    str, typer.Option(help="those that differ from the paper's, as JSON; `scalearn methods NAME` lists all")
]
Differences = Annotated[list[str] | None, typer.Option("--difference", help="a protocol difference to train with")]

ENCODER = "by default of the benchmark's encoder, without a campaign of RoBERTa-base"

COUNT: Any = {"parser": whole_number(1), "metavar": "<int>"}
Threads = Annotated[
    int | None, typer.Option(help="number of runs to score in parallel; by default the number of cores", **COUNT)
]
WIDE = 160  # columns of a table that is not printed to a terminal
