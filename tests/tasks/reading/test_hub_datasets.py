"""Hub datasets by name: a folder in the hub's layout stands in for the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset_builder
from datasets.exceptions import DatasetNotFoundError

from scalearn.campaign.input_files import row_inputs
from scalearn.errors import UserError
from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.prepare import check_source_rows, prepare
from tests.tasks.making import ROWS, column, write_rows

HUB = {"kind": "hub", "repository": "someone/thing", "revision": "a" * 40}
SUBSETS = "---\nconfigs:\n- config_name: one\n  data_files: one.csv\n- config_name: two\n  data_files: two.csv\n---\n"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def mirror(folder: Path, ending: str = "jsonl") -> Path:
    """Write a repository with 40 rows of train and 6 of test; return the mirror."""
    (folder / "mirror/thing").mkdir(parents=True)
    for split, rows in (("train", ROWS), ("test", ROWS[:6])):
        write_rows(folder / f"mirror/thing/{split}.{ending}", rows)
    return folder / "mirror"


def task(**source: Any) -> Task:
    return Task.model_validate({"source": {**HUB, "splits": {"train": "train", "test": "test"}, **source}})


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_any_format_gives_the_rows_of_the_files(tmp_path: Path, ending: str) -> None:
    info = prepare("t", task(), tmp_path / "t", mirror(tmp_path, ending))
    assert info.sizes == {"train": 36, "validation": 4, "test": 6} and info.labels == ("no", "yes")
    assert column(tmp_path / "t", "test", "text1") == [row["text"] for row in ROWS[:6]]
    assert any("loses leading zeros" in note for note in info.notes) == (ending == "csv")


def test_slices_of_a_split(tmp_path: Path) -> None:
    slices = {"train": "train[:50%]", "validation": "train[50%:]", "test": "train[-3:]"}
    info = prepare("t", task(splits=slices), tmp_path / "t", mirror(tmp_path))
    assert info.sizes == {"train": 20, "validation": 20, "test": 3}
    assert column(tmp_path / "t", "test", "text1") == [row["text"] for row in ROWS[-3:]]
    assert "splits that the task does not read: test" in info.notes


def test_from_the_hub_the_pinned_revision_and_the_subset_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, asked = mirror(tmp_path), []

    def answer(*wanted: Any, **more: Any) -> Any:
        asked.append((wanted, more))
        return load_dataset_builder(str(folder / "thing"))

    monkeypatch.setattr("datasets.load_dataset_builder", answer)
    prepare("t", task(name="default"), tmp_path / "t")
    assert asked == [(("someone/thing", "default"), {"revision": "a" * 40})]


def test_all_files_of_the_mirror_are_inputs_and_check_reads_none(tmp_path: Path) -> None:
    folder = mirror(tmp_path)
    assert [Path(path).name for path in row_inputs("t", task(), str(folder))] == ["test.jsonl", "train.jsonl"]
    check_source_rows("t", task(splits={"test": "nowhere"}), folder)


@pytest.mark.parametrize(
    ("files", "source", "message"),
    [
        ({}, {"splits": {"test": "dev"}}, r"no split 'dev'; name one of train, test in `splits`"),
        ({}, {"splits": {"test": "dev[:3]"}}, r"no split 'dev\[:3\]'"),
        ({"README.md": SUBSETS}, {}, r"it has several subsets; set `name` to one of one, two"),
        ({"README.md": SUBSETS}, {"name": "three"}, r"it has no subset 'three'; set `name` to one of one, two"),
        (
            {"thing.py": "raise SystemExit", "train.jsonl": None, "test.jsonl": None},
            {},
            "needs a script, and no script",
        ),
        ({"train.jsonl": '{"text": 1\n'}, {}, "datasets cannot load it"),
        ({"train.jsonl": '{"text": "a"}\n', "test.jsonl": '{"text": "a"}\n'}, {}, "thing, train: no column 'label'"),
    ],
)
def test_what_cannot_be_loaded_is_refused(
    tmp_path: Path, files: dict[str, str | None], source: dict[str, Any], message: str
) -> None:
    folder = mirror(tmp_path)
    for name, content in files.items():
        path = folder / "thing" / name
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_text(content)
    for name in ("one.csv", "two.csv") if "README.md" in files else ():
        write_rows(folder / "thing" / name, ROWS)
    with pytest.raises(UserError, match=message):
        prepare("t", task(**source), tmp_path / "t", folder)
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            DatasetNotFoundError("Dataset 'a/b' is a gated dataset on the Hub."),
            "is gated: accept its terms .*hf auth log",
        ),
        (DatasetNotFoundError("Dataset 'a/b' doesn't exist on the Hub"), "no such dataset or revision; .*private"),
        (ConnectionError("no route"), "hub cannot be reached .*login node, or set `mirror`"),
    ],
)
def test_what_the_hub_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str) -> None:
    def answer(*wanted: Any, **more: Any) -> Any:
        raise error

    monkeypatch.setattr("datasets.load_dataset_builder", answer)
    with pytest.raises(UserError, match=message):
        prepare("t", task(), tmp_path / "t")


def test_keys_of_the_two_ways_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="files: this key has no effect beside `name` and `splits`"):
        task(files="{split}.csv")


def test_a_source_without_a_full_revision_is_told_the_command_that_finds_it() -> None:
    unpinned = {key: value for key, value in HUB.items() if key != "revision"}
    with pytest.raises(ValueError, match=r"`revision` is missing; .*python -c .*dataset_info.*'someone/thing'"):
        Task.model_validate({"source": unpinned})
