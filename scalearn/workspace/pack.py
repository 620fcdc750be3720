"""Packs a work directory into one archive, to continue elsewhere; what can be rebuilt stays behind."""

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

REBUILT = {  # at the top of the work directory
    "resources": "the same commands fetch and encode it again",
    ".venv": "`make install` makes it",
    ".git": "the history of the code; clone it",
}
CACHES = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"}  # anywhere
SNAKEMAKE = ".snakemake"
# Snakemake's metadata of outputs, without which it would rebuild them, and notes of scalearn.
KEPT_OF_SNAKEMAKE = ("metadata", *(str(room.NOTE) for room in (made_by, started, table_owners)))
OUTPUTS = {"results", "logs"}  # packed in full, also where links lead out of the folder


@dataclass
class Packed:
    """The content of an archive.

    entries: name in the archive -> file or folder.
    behind: path that was not packed -> reason.
    """

    entries: dict[Path, Path] = field(default_factory=dict)
    behind: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> int:
        """The number of files; links count."""
        return sum(not path.is_dir() for path in self.entries.values())


def pack(folder: Path, archive: Path) -> Packed:
    """Write the work directory `folder` to the new file `archive`, and return its content.

    Raises: UserError if `folder` is not a work directory, or if `archive` exists.
    """
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
    """Return what to pack, folders before their content; temporary files and locks are left out and not reported."""
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
        files = [path] if path.is_file() else [entry for entry in sorted(path.rglob("*")) if entry.is_file()]
        packed.entries.update({file.relative_to(folder): file for file in files})
    packed.behind = {name: why for name, why in REBUILT.items() if os.path.lexists(folder / name)}
    named = named_files(folder)
    for link in links:
        _follow(folder, link, named, packed)
    for path, campaign in named.items():
        if not path.is_relative_to(folder.absolute()):
            packed.behind[str(path)] = f"outside the folder; {campaign} names it, so copy it to the same path there"
    return packed


def _walk(folder: Path, top: bool = True) -> Iterator[Path]:
    """Yield the files and folders in `folder`, without following links."""
    for path in sorted(folder.iterdir()):
        name = path.name
        if name in CACHES or name == LOCK or is_temporary(name) or (top and name in {*REBUILT, SNAKEMAKE}):
            continue
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path, top=False)


def _inside(folder: Path, link: Path) -> bool:
    """Return whether a link leads to something that is packed; it is then packed as a link."""
    target, folder = link.resolve(), folder.resolve()
    return target.is_relative_to(folder) and target != folder and target.relative_to(folder).parts[0] not in REBUILT


def _follow(folder: Path, link: Path, named: dict[Path, str], packed: Packed) -> None:
    """Pack the target of a link that leads out of the folder, as far as it is an output or a campaign file names it."""
    target = (folder / link).resolve()
    if link.parts[0] in OUTPUTS:
        packed.entries.update(_behind(link, target, []))
        if not target.exists():
            packed.behind[str(link)] = f"a link to {target}, which is not there"
        return
    place = folder.absolute() / link
    needed = [path for path in named if path.is_relative_to(place) and path.is_file()]
    for path in needed:
        packed.entries[path.relative_to(folder.absolute())] = path.resolve()
    if not needed:
        packed.behind[str(link)] = f"a link to {target}; no campaign file names anything there"
    elif needed != [place]:
        packed.behind[str(link)] = (
            f"a link to {target}; packed of it: only what {named[needed[0]]} names, files: {len(needed)}"
        )


def _behind(name: Path, path: Path, above: list[Path]) -> Iterator[tuple[Path, Path]]:
    """Yield everything at `path` with its name below `name`; links are replaced by their targets.

    above: the folders that contain `path`, to stop at circular links.
    """
    if path.is_file():
        yield name, path
    elif path.is_dir() and path not in above:  # a link to a folder above is circular
        yield name, path
        for entry in sorted(path.iterdir()):
            if entry.name != LOCK and not is_temporary(entry.name):
                yield from _behind(name / entry.name, entry.resolve(), [*above, path])


def unpack(archive: Path, folder: Path) -> int:
    """Unpack `archive` into the new folder `folder`, and return the number of files.

    Nothing is written outside the folder, whatever paths the archive holds.
    Raises: UserError if the folder exists and is not empty, or if the archive is missing or damaged.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: exists already and is not empty; choose another folder")
    try:
        with tarfile.open(archive) as tar, whole_folder(folder) as temporary:
            # This filter refuses paths that lead out of the folder. It keeps times, and links within the folder.
            tar.extractall(temporary, filter="data")
            return sum(path.is_file() for path in temporary.rglob("*"))
    except FileNotFoundError:
        raise UserError(f"{archive}: no such file; name one that `scalearn pack` wrote") from None
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"{archive}: cannot be unpacked ({error}); pack it again") from None
