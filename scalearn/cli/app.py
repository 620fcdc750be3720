"""The command line application, and the options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from scalearn.campaign.campaign_file import VARIABLE
from scalearn.cli.options import whole_number

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
