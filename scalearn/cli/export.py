"""The command `export`. It imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scalearn.cli.app import app
from scalearn.machine.heavy_imports import importing


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="a finished run, or a joint run's folder of one task")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="the folder to write; it must not exist")],
    model: Annotated[Path | None, typer.Option(help="the encoder; by default the campaign's")] = None,
    data: Annotated[list[Path] | None, typer.Option(help="the encoded task; of a joint run all, in order")] = None,
    task: Annotated[Path | None, typer.Option(help="the prepared task; by default the campaign's")] = None,
    sources: Annotated[Path | None, typer.Option(help="stacked source adapters, for two-stage methods")] = None,
    similarities: Annotated[Path | None, typer.Option(help="the file of task similarities, for adapter_soup")] = None,
    all_rows: Annotated[bool, typer.Option("--all-rows", help="prove it on all test rows, not on 256")] = False,
) -> None:
    """Export a run as files that stock `adapters` loads. A process without scalearn has to predict the same first."""
    from scalearn.export.finished import Places, read_run
    from scalearn.storage.files import check_new

    check_new(output)
    finished = read_run(run, Places(model, tuple(data or ()), task, sources, similarities))
    with importing():
        from scalearn.export.export import export as write

    (proof,) = write({output: finished}, all_rows=all_rows).values()
    difference = f"{proof['largest_difference']:.1e}"
    print(f"{output}: {proof['rows']} test rows predicted without scalearn; logits differ by at most {difference}")
