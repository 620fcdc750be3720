"""Records which campaign file made which table, so that another campaign file does not replace it.

The same file may replace its table after an edit or with another `--config`. Another file may replace it only if the
new table shows all runs of the old one, so that nothing is lost: the showcase replaces the demo's table in this way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from scalearn.campaign.keys import normal
from scalearn.campaign.places import RESULTS, TABLES, table_files
from scalearn.campaign.plan import Campaign
from scalearn.errors import UserError
from scalearn.storage.notes import read_note, write_note
from scalearn.workspace.started import campaign_names

NOTE = (
    Path("scalearn") / "tables.json"
)  # in Snakemake's folder: path of a table -> its campaign files, and digests of what it shows
LOST = "tables of another campaign file in this folder may be replaced"
SCORES = "results/scores.parquet"

Content = frozenset[str]  # digests, one for each value that a table shows
Owners = dict[str, tuple[tuple[str, ...], Content]]


def claim_tables(folder: Path, campaign: Campaign, files: Sequence[str], outputs: Iterable[str]) -> None:
    """Record the campaign files as owners of those of their tables that are among `outputs`.

    A table whose campaign file no longer exists has no owner.

    folder: Snakemake's, `.snakemake`.
    files: the campaign's files.
    outputs: the files that Snakemake is about to write.
    Raises: UserError if another campaign file owns one of the tables, and the new table would lose runs of it.
    """
    mine, planned, owners = campaign_names(files), set(map(str, outputs)), _read(folder)
    for path, shown in _shown(campaign).items():
        if path not in planned:
            continue
        if (owner := _other(path, shown, mine, owners)) is not None:
            mend = (
                "build only the tables (target `tables`)"
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
    """Return the benchmarks whose tables this campaign may write, and record it as their owner.

    folder: Snakemake's, `.snakemake`.
    files: the campaign's files.
    """
    mine, owners, shown = campaign_names(files), _read(folder), _shown(campaign)
    free = [
        name for name in benchmarks if all(_other(path, shown[path], mine, owners) is None for path in _tables(name))
    ]
    claim_tables(folder, campaign, files, [path for name in free for path in _tables(name)])
    return free


def tables_of_others(folder: Path, campaign: Campaign, files: Sequence[str]) -> set[str]:
    """Return the campaign's tables that another campaign file owns and that this one may not replace.

    folder: Snakemake's, `.snakemake`.
    files: the campaign's files.
    """
    mine, owners = campaign_names(files), _read(folder)
    owner_of = {path: _other(path, shown, mine, owners) or mine for path, shown in _shown(campaign).items()}
    return {path for path, owner in owner_of.items() if not {*owner} & {*mine}}


def _shown(campaign: Campaign) -> dict[str, Content]:
    """Return the content of each table of the campaign, by path."""
    rows = {name: _digests(campaign, name, rows=True) for name in campaign.benchmarks}
    tables = {path: rows[name] for name in campaign.benchmarks for path in _tables(name)}
    scores = [_digests(campaign, name, rows=False) for name in campaign.benchmarks]
    return {**tables, SCORES: frozenset().union(*scores)}


def _digests(campaign: Campaign, benchmark: str, rows: bool) -> Content:
    """Return a digest for each value that a benchmark's table shows.

    rows: whether the digests depend on the rows in which values stand; scores.parquet has no rows of a table.
    """
    layout = campaign.layout(benchmark)
    digests = set()
    for row in layout["rows"]:
        row_facts = [layout["protocol"], benchmark, row["name"], row["title"], len(row["settings"])] if rows else []
        for setting in row["settings"]:
            for task, paths in setting["runs"].items():
                scoring = [task, layout["metrics"].get(task), layout["positive"].get(task)]
                digests |= {_digest(normal([*row_facts, *scoring, path])) for path in paths}
    return frozenset(digests)


def _other(path: str, shown: Content, mine: tuple[str, ...], owners: Owners) -> tuple[str, ...] | None:
    """Return the files of another campaign whose table exists and shows values that the new table does not; else None.

    shown: the content of the new table.
    """
    owner, old = owners.get(path, (mine, shown))
    exists = Path(path).exists() and all(Path(file).is_file() for file in owner)
    return owner if exists and owner != mine and not old <= shown else None


def _tables(benchmark: str) -> list[str]:
    """Return the first file of each of the benchmark's tables and figures; it stands for the files beside it."""
    return [table_files(kind, benchmark)[0] for kind in TABLES]


def _benchmark(path: str) -> str:
    return Path(path).relative_to(RESULTS).parts[0].rpartition("_")[0]  # figures are files in a folder


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _read(folder: Path) -> Owners:
    content = read_note(folder / NOTE, LOST)
    return {
        path: (tuple(map(str, entry["files"])), frozenset(map(str, entry["runs"])))
        for path, entry in content.items()
        if isinstance(entry, dict) and all(isinstance(entry.get(key), list) for key in ("files", "runs"))
    }
