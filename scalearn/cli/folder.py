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


# All arguments but --max-time go to Snakemake, in their order.
@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def resume(context: typer.Context, max_time: MaxTime = None) -> None:
    """Start or resume this folder's campaign. All other arguments go to Snakemake; the default is its last command."""
    from scalearn.cluster.resume import resume as go_on

    raise typer.Exit(go_on(context.args, max_time))


@app.command()
def verify(
    config: Annotated[Path, typer.Argument(help="a campaign file")] = Path("config.yaml"),
    mend: Annotated[
        bool, typer.Option("--mend", help="remove damaged files, so that the next start makes them again")
    ] = False,
) -> None:
    """Compare the campaign's files with their checksums. The exit status is 1 if a file is damaged.

    Runs that another config has made are listed, too. They are not damaged and are never removed.
    """
    from scalearn.campaign.plan import Campaign
    from scalearn.workspace.verify import damages, mismatches

    campaign = Campaign.read(config)
    damaged, others = list(damages(campaign, config)), list(mismatches(campaign))
    for damage in damaged:
        print(f"{damage.path}: {damage.fault}{'; removed' if mend else ''}")
        if mend:
            damage.mend()
    for other in others:
        print(f"{other.path}: {other.made}")
    say = "start the campaign again to make it anew" if mend else "`scalearn verify --mend` removes what is damaged"
    print(f"{len(damaged)} damaged; {say}" if damaged else "nothing is damaged")
    if others:
        print(f"{len(others)} runs were made otherwise than {config} asks; they are whole and stay")
    raise typer.Exit(int(bool(damaged) and not mend))


@app.command()
def adopt(
    configs: Annotated[list[Path] | None, typer.Argument(help="campaign files; by default all that ran here")] = None,
    trust: Annotated[
        bool,
        typer.Option("--trust", help="take the encoders and tasks to be defined as they were when the runs were made"),
    ] = False,
) -> None:
    """Move the runs of an earlier version to where this version looks for them, so that none trains again."""
    from scalearn.workspace.adopt import adopt_all

    adopted = adopt_all(configs or [], trust=trust)
    for old, new in adopted.moved.items():
        print(f"{old} -> {new}")
    for run, why in adopted.left.items():
        print(f"stays: {run} ({why})")
    print(f"{len(adopted.moved)} folders and files moved, {len(adopted.left)} runs stay where they are")


@app.command()
def prune(
    remove: Annotated[bool, typer.Option("--remove", help="remove what is listed, for good")] = False,
    forget: Annotated[
        str | None, typer.Option(help="a campaign file that you gave up: its runs are no longer kept")
    ] = None,
) -> None:
    """List files that no campaign of this folder needs, largest first. Nothing is removed without --remove.

    The campaigns are those that were started here, with the `--config` overrides of each start, and config.yaml. Their
    files count as they are now.
    """
    from scalearn.workspace.prune import prune as run

    run(remove, forget)


@app.command()
def pack(
    archive: Annotated[Path, typer.Argument(help="the file to write, for example campaign.tar.gz")],
    folder: Annotated[Path, typer.Option(help="the work directory")] = Path(),
) -> None:
    """Pack a work directory into one file, to go on elsewhere. What can be made again stays behind."""
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
    """Unpack a work directory. The command that was interrupted there goes on here."""
    from scalearn.workspace.pack import unpack as run

    print(f"{folder}: {run(archive, folder):,} files; go on there with the same snakemake command")
