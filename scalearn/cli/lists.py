"""Commands that show tasks and methods. Each imports what it needs when it runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from scalearn.cli.app import COUNT, ENCODER, WIDE, app


@app.command()
def check_task(
    task: Annotated[Path, typer.Argument(help="a prepared task's folder, or its name")],
    model: Annotated[Path | None, typer.Option(help="a fetched model, to count its tokens instead of words")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Check a prepared task's rows and labels. The exit status is 1 if it cannot be trained or scored."""
    from rich.console import Console

    from scalearn.cli.prepared_tasks import prepared_folder
    from scalearn.tasks.inspecting import report
    from scalearn.tasks.inspecting.findings import check_task as look
    from scalearn.tasks.store import TaskInfo

    folder = prepared_folder(task)
    if model is None:
        findings = look(folder)
    else:
        from scalearn.training.data.tokens import Tokens

        info = TaskInfo.read(folder)
        tokens = Tokens.of_model(model, info.max_length, info.truncate)
        findings = look(folder, tokens.lengths, tokens.max_length, tokens.unknown)
    if as_json:
        print(json.dumps(report.as_json(findings), indent=1))
    else:
        report.show(findings, Console())
    raise typer.Exit(int(findings.errors > 0))


@app.command()
def tasks(
    config: Annotated[Path | None, typer.Option(help="a campaign file; by default config.yaml, if it is here")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """List the tasks: kind, number of rows (~: as published), metrics, source, benchmarks."""
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
    name: Annotated[str | None, typer.Argument(help="show this method and its hyper-parameters")] = None,
    benchmark: Annotated[
        str | None, typer.Option(help="count for the tasks of this benchmark; by default for eight tasks")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="a campaign file; the default is config.yaml if a benchmark is given")
    ] = None,
    hidden_size: Annotated[int | None, typer.Option(help=f"hidden size, {ENCODER}", **COUNT)] = None,
    layers: Annotated[int | None, typer.Option(help=f"number of layers, {ENCODER}", **COUNT)] = None,
    intermediate_size: Annotated[
        int | None, typer.Option(help="size of the feed-forward layer; the default is 4 x --hidden-size", **COUNT)
    ] = None,
    embeddings: Annotated[int | None, typer.Option(help=f"number of embeddings, {ENCODER}", **COUNT)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """List the methods: family, number of trainable parameters without heads, citation, defaults.

    With NAME, show one method: its formula, and each hyper-parameter with its default, bounds and meaning.
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
    options = {"layers": layers, "hidden": hidden_size, "intermediate": intermediate_size, "embeddings": embeddings}
    shapes = sizes(campaign, benchmark, options)
    rows = catalogue(campaign, benchmark, shapes)
    one = next((page(row) for row in rows if row["method"] == name), None)
    if as_json:
        print(json.dumps(one or rows, indent=1))
    else:
        Console(width=None if sys.stdout.isatty() else WIDE).print(as_text(one) if one else as_table(rows))
