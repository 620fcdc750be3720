"""Which campaign file made which table, so that another campaign file in the same folder does not replace it.

An edit of a file, or another `--config`, may replace what that file has made. Equal tables are anybody's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from scalearn.campaign import Campaign
from scalearn.errors import UserError
from scalearn.notes import read_note, write_note
from scalearn.started import campaign_names

NOTE = Path("scalearn") / "tables.json"  # in Snakemake's folder: path -> its campaign files, and what it shows
LOST = "tables of another campaign file in this folder may be replaced"
SCORES = "results/scores.parquet"

Owners = dict[str, tuple[tuple[str, ...], str]]


def claim_tables(folder: Path, campaign: Campaign, files: Sequence[str], outputs: Iterable[str]) -> None:
    """Refuse to make `outputs` if another campaign file's table is among them; else note whose the tables are.

    folder: Snakemake's; files: the campaign's. What belongs to a campaign file that is gone is free.
    """
    mine, due, owners = campaign_names(files), set(map(str, outputs)), _read(folder)
    for path, shown in _shown(campaign).items():
        if path not in due:
            continue
        if (owner := _other(path, shown, mine, owners)) is not None:
            mend = (
                "ask for the tables alone (target `tables`)"
                if path == SCORES
                else f"give the benchmark '{_benchmark(path)}' another name"
            )
            raise UserError(
                f"{', '.join(mine)}: {path} would be replaced: {', '.join(owner)} made it, with other content; "
                f"{mend}, or remove {path} first"
            )
        if path not in owners or owners[path][1] != shown or not Path(path).exists():
            owners[path] = mine, shown
    write_note(folder / NOTE, {path: {"files": list(names), "shows": shown} for path, (names, shown) in owners.items()})


def own_tables(folder: Path, campaign: Campaign, files: Sequence[str], benchmarks: Collection[str]) -> list[str]:
    """Return those of the benchmarks whose table no other campaign file has made, and note them as this one's."""
    mine, owners, shown = campaign_names(files), _read(folder), _shown(campaign)
    free = [name for name in benchmarks if _other(_table(name), shown[_table(name)], mine, owners) is None]
    claim_tables(folder, campaign, files, map(_table, free))
    return free


def _shown(campaign: Campaign) -> dict[str, str]:
    """Return each table of the campaign, and a digest of what it shows: its layout, and the runs behind it."""
    tables = {_table(name): campaign.shown(name) for name in campaign.benchmarks}
    return {**tables, SCORES: campaign.shown()}


def _other(path: str, shown: str, mine: tuple[str, ...], owners: Owners) -> tuple[str, ...] | None:
    """Return the other campaign's files if this table is there, is theirs and shows something else."""
    owner, theirs = owners.get(path, (mine, shown))
    there = Path(path).exists() and all(Path(file).is_file() for file in owner)
    return owner if there and owner != mine and theirs != shown else None


def _table(benchmark: str) -> str:
    return f"results/{benchmark}_table.md"


def _benchmark(path: str) -> str:
    return Path(path).name.removesuffix("_table.md")


def _read(folder: Path) -> Owners:
    content = read_note(folder / NOTE, LOST)
    return {
        path: (tuple(map(str, entry["files"])), str(entry["shows"]))
        for path, entry in content.items()
        if isinstance(entry, dict) and isinstance(entry.get("files"), list) and "shows" in entry
    }
