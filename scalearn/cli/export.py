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
    license: Annotated[str | None, typer.Option(help="the licence for the model card, for example apache-2.0")] = None,
    language: Annotated[list[str] | None, typer.Option(help="a language for the model card, for example en")] = None,
    push_to_hub: Annotated[
        str | None, typer.Option(metavar="NAME", help="push the export to this repository of the hub, OWNER/NAME")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="make the repository a private one")] = False,
) -> None:
    """Export a run as files that stock `adapters` loads. A process without scalearn has to predict the same first."""
    from scalearn.errors import UserError
    from scalearn.export.finished import Places, read_run
    from scalearn.export.push import check_push, push
    from scalearn.storage.files import check_new

    check_new(output)
    if push_to_hub:
        check_push(push_to_hub)
    elif private:
        raise UserError("--private: only a push makes a repository; add --push-to-hub")
    finished = read_run(run, Places(model, tuple(data or ()), task, sources, similarities))
    with importing():
        from scalearn.export.card import FromUser
        from scalearn.export.export import export as write

    from_user = FromUser(license, tuple(language or ()))
    (proof,) = write({output: finished}, all_rows=all_rows, from_user=from_user).values()
    difference = f"{proof['largest_difference']:.1e}"
    print(f"{output}: {proof['rows']} test rows predicted without scalearn; logits differ by at most {difference}")
    if push_to_hub:
        print(f"pushed: {push(output, push_to_hub, private=private)}")
