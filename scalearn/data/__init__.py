"""A campaign's tasks as objects of `datasets`: `scalearn.data.task` and `scalearn.data.encoded`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scalearn.errors import UserError
from scalearn.storage.files import read_json
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
    from datasets import Dataset, DatasetDict

    folder = Path(folder)
    info = TaskInfo.read(folder)
    columns = features(info)
    return DatasetDict(
        {
            split: Dataset.from_parquet(str(folder / f"{split}.parquet"), split=split, features=columns)
            for split in SPLITS
        }
    )


def encoded(folder: Path | str) -> DatasetDict:
    """Return an encoded task's splits in torch format: `input_ids` and `label`, and what scoring needs.

    Args:
        folder: An encoded task, such as resources/encoded/roberta-base/rte.

    Returns: `train`, `validation` and `test`. Rows are not padded; the files are mapped into memory.

    Raises: UserError if the folder holds no encoded task.
    """
    import pyarrow as pa
    from datasets import Dataset, DatasetDict
    from datasets.table import InMemoryTable

    folder = Path(folder)
    read_json(folder / "encoding.json")
    splits = {}
    for split in SPLITS:
        path = folder / f"{split}.arrow"
        if not path.is_file():
            raise UserError(f"{path}: no such file; encode the task again")
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        splits[split] = Dataset(InMemoryTable(table)).with_format("torch")  # the table lies in the mapped file
    return DatasetDict(splits)
