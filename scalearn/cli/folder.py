"""Commands on a campaign's folder as a whole. Each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scalearn.cli.app import MaxTime, app


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
