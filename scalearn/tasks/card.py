"""The dataset card of a prepared task, which lets `datasets` open the folder: README.md with a header in YAML.

The parquet files and task.json identify the rows of all runs, so that the names of the labels stand beside them, in the
card. A prepared task without a card is complete, too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalearn.errors import UserError
from scalearn.storage.files import whole_file
from scalearn.tasks.store import SPLITS, TaskInfo, schema_of

if TYPE_CHECKING:
    from datasets import Features

CARD = "README.md"
_MARK = "---\n# scalearn prepare-task wrote this file, and replaces it when it prepares the task again.\n"


def features(info: TaskInfo) -> Features:
    """Return the features of a task for `datasets`: the columns of its test file, which has all columns of the others.

    The label of a classification is a ClassLabel, the label of multi_label a list of them.

    Raises: UserError if a label name occurs twice, in a task.json that a rule of the user's wrote.
    """
    from datasets import ClassLabel, Features, List

    columns: dict[str, Any] = dict(Features.from_arrow_schema(schema_of(info, "test")))
    if info.labels is not None:
        if len(set(info.labels)) < len(info.labels):
            raise UserError(
                f"task '{info.name}': a name in `labels` of task.json occurs twice; mend the rule that wrote it"
            )
        classes = ClassLabel(names=list(info.labels))
        columns["label"] = List(classes) if info.kind == "multi_label" else classes
    return Features(columns)


def write_card(folder: Path, info: TaskInfo) -> None:
    """Write the card of a prepared task.

    Raises: UserError if the file cannot be written.
    """
    from datasets import DatasetInfo
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    files = [{"split": split, "path": f"{split}.parquet"} for split in SPLITS]
    header = DatasetCardData(configs=[{"config_name": "default", "data_files": files}])
    DatasetInfosDict({"default": DatasetInfo(features=features(info))}).to_dataset_card_data(header)
    body = f"# {info.name}\n\n`load_dataset` of `datasets` opens this folder. task.json tells how its rows were made.\n"
    with whole_file(folder / CARD) as temporary:
        temporary.write_text(f"{_MARK}{header.to_yaml(line_break=chr(10))}\n---\n\n{body}", "utf-8", newline="\n")


def is_card(path: Path) -> bool:
    """Tell whether `write_card` wrote this file; a README.md of the user's is no card."""
    if path.name != CARD or path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(len(_MARK)) == _MARK.encode()
