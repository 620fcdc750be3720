"""A work directory as one file, to go on elsewhere: all of it but what can be made again."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

from scalearn.errors import UserError
from scalearn.files import whole_file, whole_folder

# Made again by commands that the campaign runs anyway (resources/: fetched and encoded anew, to the same checksums), or
# by `make install`, or of use on this machine only.
LEFT_OUT = {"resources", ".venv", ".git", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"}
KEPT_OF_SNAKEMAKE = "metadata"  # what it remembers of outputs, without which it would make them again
SNAKEMAKE, RESULTS = ".snakemake", "results"


def pack(folder: Path, archive: Path) -> int:
    """Write `folder` to `archive`, whole, and return how many files went in; an existing archive is not overwritten."""
    if not (folder / SNAKEMAKE).is_dir():
        raise UserError(f"{folder}: no {SNAKEMAKE}/ here; name the work directory of a campaign")
    if archive.exists():
        raise UserError(f"{archive}: exists already; choose another name, or remove it")
    count = 0
    with whole_file(archive) as temporary, tarfile.open(temporary, "w:gz", compresslevel=1) as tar:
        for path in _packed(folder):
            if path.resolve() in (archive.resolve(), temporary.resolve()):
                continue
            tar.add(path, path.relative_to(folder), recursive=False)
            count += path.is_file()
    return count


def _packed(folder: Path) -> Iterator[Path]:
    """Yield what is packed, folders before their content; half-written files and locks stay behind."""
    for path in sorted(folder.iterdir()):
        if path.name in LEFT_OUT:
            continue
        if path.name == SNAKEMAKE:
            kept = path / KEPT_OF_SNAKEMAKE
            yield from (entry for entry in sorted(kept.rglob("*")) if entry.is_file())
        else:
            entries = [path] if path.is_symlink() or not path.is_dir() else [path, *sorted(path.rglob("*"))]
            yield from (entry for entry in entries if not _left(entry, folder))


def _left(path: Path, folder: Path) -> bool:
    """Tell whether it stays: a cache, a lock, what a killed process left half written, a link to elsewhere."""
    parts = path.relative_to(folder).parts
    outside = path.is_symlink() and not path.resolve().is_relative_to(folder.resolve())
    return outside or bool(LEFT_OUT & set(parts[1:])) or (parts[0] == RESULTS and path.name.startswith("."))


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
