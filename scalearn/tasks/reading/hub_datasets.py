"""Hub datasets by their name, loaded by `datasets`: it knows their subsets, splits, slices and file formats.

Only formats that hold data alone are loaded. `datasets` keeps the rows as Arrow files in its cache. They are read from
there in batches.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from scalearn.errors import UserError
from scalearn.tasks.definition import HubSource
from scalearn.tasks.reading.features import class_names
from scalearn.tasks.reading.mirror import check_shards, mirror_folder
from scalearn.tasks.reading.readers import plain, require_columns
from scalearn.tasks.reading.rows import ROWS, Rows

_FORMATS = ("arrow", "csv", "json", "parquet", "text")  # others hold media, or may hold pickles


def hub_rows(name: str, source: HubSource, mirror: Path | None) -> tuple[dict[str, Rows], list[str]]:
    """Return train, validation and test -> their rows, for those that the source names, and notes.

    Args:
        name: the task's name, for messages.
        mirror: a local folder in the hub's layout, which replaces the hub.

    Raises: UserError if the dataset cannot be loaded, lacks a file, reads files from elsewhere, or has no such subset
        or split; or if slices overlap.
    """
    where = f"task '{name}': {source.repository} at {source.revision[:12]}"
    if mirror is not None:
        folder = mirror_folder(mirror, name, source).absolute()
        where = f"task '{name}': {folder}"
    with _refusals(where, source):
        builder = _builder(source, None if mirror is None else folder)
        form = builder.__module__.rpartition(".")[2]
        if form not in _FORMATS:
            raise UserError(f"{where}: its format is '{form}', but a task is read from {', '.join(_FORMATS)}")
        for files in (builder.config.data_files or {}).values():
            _refuse_elsewhere(where, files, builder.base_path, source.revision)
            check_shards(files)
        builder.download_and_prepare()
        wanted, present = source.named_splits.named(), list(builder.info.splits or ())
        for split in wanted.values():
            if split.partition("[")[0] not in present:
                raise UserError(f"{where}: no split '{split}'; name one of {', '.join(present)} in `splits`")
        _refuse_overlap(where, wanted, {name: split.num_examples for name, split in builder.info.splits.items()})
        rows = {use: _rows(f"{where}, {split}", builder.as_dataset(split=split)) for use, split in wanted.items()}
    read = {split.partition("[")[0] for split in wanted.values()}
    notes = [f"splits that the task does not read: {', '.join(left)}"] if (left := sorted({*present} - read)) else []
    if form == "csv":
        notes.append("CSV read by datasets: a column of numbers loses leading zeros; `files` reads values as written")
    return rows, notes


def _builder(source: HubSource, folder: Path | None) -> Any:
    from datasets import load_dataset_builder

    if folder is not None:
        return load_dataset_builder(str(folder), source.name)
    return load_dataset_builder(source.repository, source.name, revision=source.revision)


def _refuse_elsewhere(where: str, files: list[str], base: str, revision: str) -> None:
    """Refuse a file outside the repository at its revision. The header of a README.md may name such a file.

    base: the repository, a folder or a URL.
    """
    for file in files:
        path = file.rpartition("::")[2]  # of a file in an archive, the archive
        if "://" in base:
            inside = path.startswith("hf://datasets/") and f"@{revision}/" in path
        else:  # links are not followed: the hub's cache consists of links
            inside = Path(os.path.normpath(path)).is_relative_to(Path(base).resolve())
        if not inside:
            raise UserError(f"{where}: it names a file elsewhere, which no revision pins ({file}); mend `source`")


def _refuse_overlap(where: str, wanted: Mapping[str, str], sizes: Mapping[str, int]) -> None:
    """Refuse slices that share rows with train.

    wanted: train, validation and test -> a split or a slice. sizes: split -> its number of rows.
    """
    from datasets import ReadInstruction

    (train,) = ReadInstruction.from_spec(wanted["train"]).to_absolute(sizes)
    for spec in set(wanted.values()) - {wanted["train"]}:
        (other,) = ReadInstruction.from_spec(spec).to_absolute(sizes)
        shared = min(train.to, other.to) - max(train.from_, other.from_)
        if other.splitname == train.splitname and shared > 0:
            raise UserError(
                f"{where}: {wanted['train']} and {spec} share {shared:,} rows; name slices that do not overlap"
            )


def _rows(origin: str, dataset: Any) -> Rows:
    schema: pa.Schema = dataset.features.arrow_schema

    def read(columns: list[str]) -> Iterator[pa.RecordBatch]:
        require_columns(origin, columns, schema.names)
        for table in dataset.select_columns(columns).with_format("arrow").iter(ROWS):
            for batch in table.combine_chunks().to_batches():
                yield pa.RecordBatch.from_arrays([plain(batch[column]) for column in columns], columns)

    return Rows(origin, read, class_names=lambda column: class_names(schema, column))


@contextmanager
def _refusals(where: str, source: HubSource) -> Iterator[None]:
    """Turn the errors of `datasets` into UserErrors that say what to mend."""
    from datasets.exceptions import DatasetNotFoundError

    try:
        yield
    except UserError:
        raise
    except DatasetNotFoundError as error:
        if "gated" in str(error):
            mend = "the dataset is gated: accept its terms on its page, and then log in with `hf auth login`"
        else:
            mend = "the hub shows no such dataset or revision; mend `source`, or, if it is private, `hf auth login`"
        raise UserError(f"{where}: {mend}") from None
    except ConnectionError as error:
        raise UserError(
            f"{where}: the hub cannot be reached ({type(error).__name__}); run this on a login node, "
            "or set `mirror` to a folder in the hub's layout"
        ) from None
    except Exception as error:  # whatever `datasets` and its readers raise about a file
        if isinstance(error, RuntimeError) and "scripts are no longer supported" in str(error):
            raise UserError(
                f"{where}: the dataset needs a script, and no script is run; name a revision with data files, often "
                "the newest commit of the branch refs/convert/parquet"
            ) from None
        if isinstance(error, ValueError) and "onfig" in str(error) and (names := _subsets(str(error))):
            what = "several subsets" if source.name is None else f"no subset '{source.name}'"
            raise UserError(f"{where}: it has {what}; set `name` to one of {names}") from None
        raise UserError(f"{where}: datasets cannot load it ({_why(error)}); mend `source`") from None


def _why(error: Exception) -> str:
    from datasets.table import CastError

    cause = error.__cause__ or error
    if isinstance(cause, CastError):
        return f"its files have different columns: {cause.details()}"
    return (str(cause).splitlines() or [type(error).__name__])[0][:200]


def _subsets(message: str) -> str:
    """Return the names in brackets in a message of `datasets` about a missing or unknown config."""
    return message.partition("[")[2].partition("]")[0].replace("'", "")
