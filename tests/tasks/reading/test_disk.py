"""Folders that `save_to_disk` writes: read as `datasets` reads them, refused if half written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value, load_from_disk

from scalearn.campaign.input_files import row_inputs
from scalearn.errors import UserError
from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.prepare import check_source_rows, prepare
from tests.processes import python
from tests.tasks.making import column

FEATURES = Features({"text": Value("string"), "label": ClassLabel(names=["no", "yes"]), "extra": Value("int32")})


def dataset(rows: int) -> Dataset:
    """Return a dataset whose labels alternate."""
    return Dataset.from_list(
        [{"text": f"t{number}", "label": number % 2, "extra": number} for number in range(rows)], features=FEATURES
    )


def saved(folder: Path) -> Path:
    """Write 40 rows of train in two files, in reverse order, and 6 of test; return the folder."""
    train = dataset(40).select(range(39, -1, -1))
    DatasetDict({"train": train, "test": dataset(6)}).save_to_disk(folder, num_shards={"train": 2, "test": 1})
    return folder


def task(folder: Path, **splits: str) -> Task:
    source = {"kind": "disk", "path": str(folder), **({"splits": splits} if splits else {})}
    return Task.model_validate({"source": source})


def test_rows_and_names_are_those_that_datasets_loads(tmp_path: Path) -> None:
    folder = saved(tmp_path / "d")
    info = prepare("t", task(folder, train="train", test="train", validation="test"), tmp_path / "t")
    loaded = load_from_disk(folder)["train"]
    assert column(tmp_path / "t", "test", "text1") == list(loaded["text"]) != sorted(loaded["text"])
    assert column(tmp_path / "t", "test", "label") == list(loaded["label"])
    assert info.labels == ("no", "yes") and info.sizes == {"train": 40, "validation": 6, "test": 40}


def test_a_split_that_is_not_read_is_noted(tmp_path: Path) -> None:
    assert "splits that the task does not read: test" in prepare("t", task(saved(tmp_path / "d")), tmp_path / "t").notes


def test_one_dataset_is_all_train(tmp_path: Path) -> None:
    dataset(40).save_to_disk(tmp_path / "d")
    assert sum(prepare("t", task(tmp_path / "d"), tmp_path / "t").sizes.values()) == 40
    with pytest.raises(UserError, match=r"one Dataset without splits, all of it is train; remove `splits`"):
        check_source_rows("t", task(tmp_path / "d", test="test"))


def test_all_files_that_the_rows_depend_on_are_inputs(tmp_path: Path) -> None:
    folder = saved(tmp_path / "d")
    inputs = [str(Path(path).relative_to(folder)) for path in row_inputs("t", task(folder), None)]
    shards = [f"train/data-0000{number}-of-00002.arrow" for number in range(2)]
    assert inputs == ["dataset_dict.json", "train/state.json", *shards]


def _without_last_batch(folder: Path) -> None:
    """Cut a file between two batches, where Arrow would see no damage."""
    path = folder / "train/data-00001-of-00002.arrow"
    path.write_bytes(path.read_bytes()[:-8])
    with pa.OSFile(str(path)) as file:
        assert pa.ipc.open_stream(file).read_all().num_rows == 20


def _cut(folder: Path) -> None:
    path = folder / "train/data-00000-of-00002.arrow"
    path.write_bytes(path.read_bytes()[:700])


def _with_index(folder: Path) -> None:
    state = json.loads((folder / "train/state.json").read_text())
    (folder / "train/state.json").write_text(json.dumps({**state, "_indices_data_files": [{"filename": "i.arrow"}]}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without_last_batch, r"data-00001-of-00002\.arrow: not readable as arrow \(the file is half written"),
        (_cut, r"data-00000-of-00002\.arrow: not readable as arrow"),
        (_with_index, "an old version of datasets wrote this folder"),
        (lambda folder: (folder / "train/state.json").unlink(), r"train: the split is half written, it has no state"),
        (lambda folder: (folder / "train/data-00001-of-00002.arrow").unlink(), "no such file, the split is half writ"),
        (
            lambda folder: (folder / "train/state.json").write_text('{"_data'),
            "not readable as JSON, the folder is half",
        ),
        (lambda folder: (folder / "train/state.json").write_text("{}"), "the list `_data_files` is missing"),
        (lambda folder: (folder / "dataset_dict.json").unlink(), "neither dataset_dict.json nor state.json"),
        (lambda folder: (folder / "dataset_dict.json").write_text("{}"), "the list `splits` is missing"),
    ],
)
def test_a_half_written_folder_is_refused(tmp_path: Path, damage: Callable[[Path], object], message: str) -> None:
    damage(saved(tmp_path / "d"))
    with pytest.raises(UserError, match=message):
        check_source_rows("t", task(tmp_path / "d"))


def test_checking_a_folder_does_not_import_datasets(tmp_path: Path) -> None:
    splits = {"train": "train", "validation": "test", "test": "test"}  # cutting a split imports a part of datasets
    definition = task(saved(tmp_path / "d"), **splits).model_dump(mode="json")
    code = f"""
import sys
from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.prepare import check_source_rows
check_source_rows("t", Task.model_validate({definition}))
print("datasets" in sys.modules)
"""
    assert python(code) == "False"


def test_a_split_or_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no split 'dev'; name one of train, test in `splits`"):
        check_source_rows("t", task(saved(tmp_path / "d"), test="dev"))
    with pytest.raises(UserError, match="no such folder; name a folder that save_to_disk wrote"):
        check_source_rows("t", task(tmp_path / "nowhere"))
