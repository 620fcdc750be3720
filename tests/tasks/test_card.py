"""The dataset card of a prepared task."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets import Features, load_dataset
from huggingface_hub import DatasetCard

from scalearn.storage.files import sha256
from scalearn.tasks.card import CARD, features, is_card
from scalearn.tasks.preparing.prepare import prepare
from scalearn.tasks.store import TaskInfo
from tests.tasks.making import ROWS, files_task

ODD = [
    "no",
    "0x1",
    "null",
    "a---",
    "---",
    "a\n---\nb",
    "c\u2028d",
    "e\x85 f",
    "g: #'\"",
    "h" * 200 + " i",
    "ü😀",
    "\t",
    "{x}",
]


def labelled(folder: Path, names: list[str]) -> TaskInfo:
    rows = [{"text": f"t {number}", "label": number % len(names)} for number in range(10 * len(names))]
    return prepare("mine", files_task(folder, rows, validation=rows, labels=names), folder / "mine")


def test_names_of_labels_come_back_as_they_are(tmp_path: Path) -> None:
    labelled(tmp_path, ODD)
    loaded = load_dataset(str(tmp_path / "mine"))
    assert {split: rows.features["label"].names for split, rows in loaded.items()} == dict.fromkeys(loaded, ODD)
    assert loaded["test"]["label"][:13] == list(range(13))


def test_the_header_is_what_the_hub_reads(tmp_path: Path) -> None:
    info = labelled(tmp_path, ["no", "yes"])
    header = DatasetCard.load(tmp_path / "mine" / CARD).data.to_dict()
    assert header["configs"][0]["data_files"][2] == {"split": "test", "path": "test.parquet"}
    assert Features._from_yaml_list(header["dataset_info"]["features"]) == features(info)


def test_a_card_changes_no_file_that_identifies_rows(tmp_path: Path) -> None:
    info = prepare("mine", files_task(tmp_path, ROWS), tmp_path / "mine")
    (tmp_path / "mine" / CARD).unlink()
    assert TaskInfo.read(tmp_path / "mine") == info  # a folder of an earlier version
    before = {path.name: sha256(path) for path in (tmp_path / "mine").iterdir()}
    prepare("mine", files_task(tmp_path, ROWS), tmp_path / "mine")
    after = {path.name: sha256(path) for path in (tmp_path / "mine").iterdir()}
    assert set(after) - set(before) == {CARD} and {**after, **before} == after


def test_a_readme_of_the_user_s_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / CARD).write_text("# notes\n")
    prepare("mine", files_task(tmp_path, ROWS), tmp_path / "mine")
    assert (tmp_path / "mine" / CARD).read_text() == "# notes\n" and not is_card(tmp_path / "mine" / CARD)
    (tmp_path / "mine" / CARD).unlink()
    prepare("mine", files_task(tmp_path, ROWS), tmp_path / "mine")
    assert is_card(tmp_path / "mine" / CARD)
    written = (tmp_path / "mine" / CARD).read_bytes()
    prepare("mine", files_task(tmp_path, ROWS), tmp_path / "mine")
    assert (tmp_path / "mine" / CARD).read_bytes() == written
