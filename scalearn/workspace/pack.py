"""A work directory as one file, to go on elsewhere: all of it but what can be made again."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scalearn.errors import UserError
from scalearn.storage.files import LOCK, is_temporary, whole_file, whole_folder
from scalearn.workspace import made_by, started, table_owners
from scalearn.workspace.user_files import named_files

MADE_AGAIN = {  # at the top of the work directory
    "resources": "the same commands fetch and encode it again there",
    ".venv": "`make install` makes it",
    ".git": "the history of the code; clone it",
}
CACHES = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"}  # anywhere
SNAKEMAKE = ".snakemake"
# What Snakemake remembers of outputs, without which it would make them again; and which campaign files made what.
KEPT_OF_SNAKEMAKE = ("metadata", *(str(room.NOTE) for room in (made_by, started, table_owners)))
MADE_HERE = {"results", "logs"}  # by the campaign, wherever links from there lead


@dataclass
class Packed:
    """What went into an archive: each path's name there and the file or folder; what stays behind, and why."""

    entries: dict[Path, Path] = field(default_factory=dict)
    behind: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> int:
        """How many files, links among them."""
        return sum(not path.is_dir() for path in self.entries.values())


def pack(folder: Path, archive: Path) -> Packed:
    """Write `folder` to `archive`, whole, and return what went in; an existing archive is not overwritten."""
    if not (folder / SNAKEMAKE).is_dir():
        raise UserError(f"{folder}: no {SNAKEMAKE}/ here; name the work directory of a campaign")
    if archive.exists():
        raise UserError(f"{archive}: exists already; choose another name, or remove it")
    packed = _packed(folder)
    packed.entries = {name: path for name, path in packed.entries.items() if path.resolve() != archive.resolve()}
    with whole_file(archive) as temporary, tarfile.open(temporary, "w:gz", compresslevel=1) as tar:
        for name, path in packed.entries.items():
            tar.add(path, name, recursive=False)
    return packed


def _packed(folder: Path) -> Packed:
    """Find what is packed, folders before their content; half-written files and locks stay behind without a word."""
    packed = Packed()
    links = []
    for path in _walk(folder):
        name = path.relative_to(folder)
        if path.is_symlink() and not _inside(folder, path):
            links.append(name)
        else:
            packed.entries[name] = path
    for kept in KEPT_OF_SNAKEMAKE:
        path = folder / SNAKEMAKE / kept
        found = [path] if path.is_file() else [entry for entry in sorted(path.rglob("*")) if entry.is_file()]
        packed.entries.update({entry.relative_to(folder): entry for entry in found})
    packed.behind = {name: why for name, why in MADE_AGAIN.items() if os.path.lexists(folder / name)}
    named = named_files(folder)
    for link in links:
        _follow(folder, link, named, packed)
    for path, campaign in named.items():
        if not path.is_relative_to(folder.absolute()):
            packed.behind[str(path)] = f"outside the folder; {campaign} names it, so have it at the same path there"
    return packed


def _walk(folder: Path, top: bool = True) -> Iterator[Path]:
    """Yield what the folder holds, without following links."""
    for path in sorted(folder.iterdir()):
        name = path.name
        if name in CACHES or name == LOCK or is_temporary(name) or (top and name in {*MADE_AGAIN, SNAKEMAKE}):
            continue
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path, top=False)


def _inside(folder: Path, link: Path) -> bool:
    """Tell whether a link leads to something that is packed, too, so that it is packed as a link."""
    target, folder = link.resolve(), folder.resolve()
    return target.is_relative_to(folder) and target != folder and target.relative_to(folder).parts[0] not in MADE_AGAIN


def _follow(folder: Path, link: Path, named: dict[Path, str], packed: Packed) -> None:
    """Pack what the campaign has made or names behind a link that leads out of the folder."""
    target = (folder / link).resolve()
    if link.parts[0] in MADE_HERE:
        packed.entries.update(_behind(link, target, []))
        if not target.exists():
            packed.behind[str(link)] = f"a link to {target}, which is not there"
        return
    place = folder.absolute() / link
    wanted = [path for path in named if path.is_relative_to(place) and path.is_file()]
    for path in wanted:
        packed.entries[path.relative_to(folder.absolute())] = path.resolve()
    if not wanted:
        packed.behind[str(link)] = f"a link to {target}; no campaign file names anything there"
    elif wanted != [place]:
        packed.behind[str(link)] = (
            f"a link to {target}; packed of it: only what {named[wanted[0]]} names, files: {len(wanted)}"
        )


def _behind(name: Path, path: Path, above: list[Path]) -> Iterator[tuple[Path, Path]]:
    """Yield all that lies at `path`, with its names below `name`; links are replaced by what they lead to."""
    if path.is_file():
        yield name, path
    elif path.is_dir() and path not in above:  # a link back to a folder above would have no end
        yield name, path
        for entry in sorted(path.iterdir()):
            if entry.name != LOCK and not is_temporary(entry.name):
                yield from _behind(name / entry.name, entry.resolve(), [*above, path])


def unpack(archive: Path, folder: Path) -> int:
    """Unpack `archive` as the new folder `folder` and return how many files it holds.

    Nothing outside the folder is written, whatever the archive says; a folder that is not empty is refused.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: exists already and is not empty; choose another folder")
    try:
        with tarfile.open(archive) as tar, whole_folder(folder) as temporary:
            tar.extractall(
                temporary, filter="data"
            )  # refuses what would leave the folder; keeps links within and times
            return sum(path.is_file() for path in temporary.rglob("*"))
    except FileNotFoundError:
        raise UserError(f"{archive}: no such file; name one that `scalearn pack` wrote") from None
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"{archive}: cannot be unpacked ({error}); pack it again") from None
