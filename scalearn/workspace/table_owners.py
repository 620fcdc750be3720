"""Which campaign file made which table, so that another campaign file in the same folder does not replace it.

An edit of a file, or another `--config`, may replace what that file has made. Another file may do so where the new
table shows all runs of the old one, as the showcase does with the demo's: nothing is lost then.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from scalearn.campaign.keys import normal
from scalearn.campaign.plan import Campaign
from scalearn.errors import UserError
from scalearn.storage.notes import read_note, write_note
from scalearn.workspace.started import campaign_names

NOTE = Path("scalearn") / "tables.json"  # in Snakemake's folder: path -> its campaign files, and digests of its runs
LOST = "tables of another campaign file in this folder may be replaced"
SCORES = "results/scores.parquet"

Parts = frozenset[str]
Owners = dict[str, tuple[tuple[str, ...], Parts]]


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
                f"{', '.join(mine)}: {path} would be replaced: {', '.join(owner)} made it, with other rows, runs or "
                f"metrics; {mend}, or remove {path} first"
            )
        if path not in owners or owners[path][1] != shown or not Path(path).exists():
            owners[path] = mine, shown
    content = {path: {"files": list(names), "runs": sorted(runs)} for path, (names, runs) in owners.items()}
    write_note(folder / NOTE, content)


def own_tables(folder: Path, campaign: Campaign, files: Sequence[str], benchmarks: Collection[str]) -> list[str]:
    """Return those of the benchmarks whose table no other campaign file has made, and note them as this one's."""
    mine, owners, shown = campaign_names(files), _read(folder), _shown(campaign)
    free = [name for name in benchmarks if _other(_table(name), shown[_table(name)], mine, owners) is None]
    claim_tables(folder, campaign, files, map(_table, free))
    return free


def tables_of_others(folder: Path, campaign: Campaign, files: Sequence[str]) -> set[str]:
    """Return those of the campaign's tables that another campaign file has made and that this one may not replace."""
    mine, owners = campaign_names(files), _read(folder)
    found = {path: _other(path, shown, mine, owners) or mine for path, shown in _shown(campaign).items()}
    return {path for path, owner in found.items() if not {*owner} & {*mine}}


def _shown(campaign: Campaign) -> dict[str, Parts]:
    """Return each table of the campaign with all that stands in it: rows, runs, and by what they are scored."""
    tables = {_table(name): _digests(campaign, name, rows=True) for name in campaign.benchmarks}
    scores = [_digests(campaign, name, rows=False) for name in campaign.benchmarks]
    return {**tables, SCORES: frozenset().union(*scores)}


def _digests(campaign: Campaign, benchmark: str, rows: bool) -> Parts:
    """Return a digest for each value that a benchmark's table shows; the collection of scores knows no rows."""
    layout = campaign.layout(benchmark)
    found = set()
    for row in layout["rows"]:
        of_row = [layout["protocol"], benchmark, row["name"], row["title"], len(row["settings"])] if rows else []
        for setting in row["settings"]:
            for task, paths in setting["runs"].items():
                scoring = [task, layout["metrics"].get(task), layout["positive"].get(task)]
                found |= {_digest(normal([*of_row, *scoring, path])) for path in paths}
    return frozenset(found)


def _other(path: str, shown: Parts, mine: tuple[str, ...], owners: Owners) -> tuple[str, ...] | None:
    """Return the other campaign's files if this table is there, is theirs and shows what the new one does not."""
    owner, theirs = owners.get(path, (mine, shown))
    there = Path(path).exists() and all(Path(file).is_file() for file in owner)
    return owner if there and owner != mine and not theirs <= shown else None


def _table(benchmark: str) -> str:
    return f"results/{benchmark}_table.md"


def _benchmark(path: str) -> str:
    return Path(path).name.removesuffix("_table.md")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _read(folder: Path) -> Owners:
    content = read_note(folder / NOTE, LOST)
    return {
        path: (tuple(map(str, entry["files"])), frozenset(map(str, entry["runs"])))
        for path, entry in content.items()
        if isinstance(entry, dict) and all(isinstance(entry.get(key), list) for key in ("files", "runs"))
    }
