"""A campaign's tasks as objects of `datasets`: `scalearn.data.task` and `scalearn.data.encoded`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from scalearn.errors import UserError
from scalearn.storage.files import altered, read_json
from scalearn.tasks.card import features
from scalearn.tasks.store import SPLITS, TaskInfo

if TYPE_CHECKING:
    from datasets import DatasetDict

__all__ = ["encoded", "task"]


def task(folder: Path | str) -> DatasetDict:
    """Return a prepared task's splits: texts, and labels with their names (`ClassLabel`) where the task has classes.

    Args:
        folder: A prepared task, such as resources/tasks/rte.

    Returns: `train`, `validation` and `test`, which `datasets` maps into memory. scalearn.tasks.store describes the
    columns. All splits have the same features: `part`, a column of the test file, is None in train and validation.

    Raises: UserError if the folder holds no prepared task, or a file of it is damaged.
    """
    import pyarrow.parquet as pq
    from datasets import Dataset, DatasetDict, Features
    from datasets.exceptions import DatasetGenerationError

    folder = Path(folder)
    info = TaskInfo.read(folder)
    _refuse_altered(folder, {f"{split}.parquet": info.sha256[split] for split in SPLITS}, "prepare the task again")
    paths, splits = {split: folder / f"{split}.parquet" for split in SPLITS}, {}
    columns = features(info)
    for path in paths.values():
        for name, feature in Features.from_arrow_schema(pq.read_schema(path)).items():
            columns.setdefault(name, feature)  # a column that a rule of the user's added
    for split, path in paths.items():
        try:
            splits[split] = Dataset.from_parquet(str(path), split=split, features=columns)
        except DatasetGenerationError as error:
            why = str(error.__cause__ or error).splitlines()[0][:200]
            raise UserError(
                f"{path}: {why}; type `scalearn check-task {folder}`, and mend the rule that wrote it"
            ) from None
    return DatasetDict(splits)


def encoded(folder: Path | str) -> DatasetDict:
    """Return an encoded task's splits in torch format: `input_ids` and `label`, and what scoring needs.

    Args:
        folder: An encoded task, such as resources/encoded/roberta-base/rte.

    Returns: `train`, `validation` and `test`. Rows are not padded; the files are mapped into memory.

    Raises: UserError if the folder holds no encoded task, or a file of it is damaged.
    """
    import pyarrow as pa
    from datasets import Dataset, DatasetDict
    from datasets.table import InMemoryTable

    folder = Path(folder)
    checksums = read_json(folder / "encoding.json").get("sha256", {})
    _refuse_altered(folder, {f"{split}.arrow": checksums.get(split, "") for split in SPLITS}, "encode the task again")
    splits = {}
    for split in SPLITS:
        table = pa.ipc.open_file(pa.memory_map(str(folder / f"{split}.arrow"))).read_all()
        splits[split] = Dataset(InMemoryTable(table)).with_format("torch")  # the table lies in the mapped file
    return DatasetDict(splits)


def _refuse_altered(folder: Path, checksums: Mapping[str, str], mend: str) -> None:
    for name in altered(folder, checksums):
        raise UserError(f"{folder / name}: missing, or not as it was written; {mend}")
