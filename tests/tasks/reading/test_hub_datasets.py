"""Hub datasets by name: a folder in the hub's layout stands in for the hub."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from datasets import load_dataset_builder
from datasets.exceptions import DatasetNotFoundError

from scalearn.campaign.input_files import row_inputs
from scalearn.errors import UserError
from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.prepare import check_source_rows, prepare
from scalearn.tasks.reading import hub_datasets
from tests.tasks.making import ROWS, column, write_rows

HUB = {"kind": "hub", "repository": "someone/thing", "revision": "a" * 40}
ELSEWHERE = (
    "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: ../other/*.jsonl\n"
    "  - split: test\n    path: test.jsonl\n---\n"
)
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
        ({"test.jsonl": '{"text": "a", "lbl": "no"}\n'}, {}, r"its files have different columns: .*lbl"),
        ({"train.jsonl": "", "test.jsonl": ""}, {}, "datasets cannot load it"),
        ({"README.md": "---\nconfigs: [\n---\n"}, {}, r"datasets cannot load it \(while parsing"),
        ({"README.md": ELSEWHERE}, {}, r"names a file elsewhere, which no revision pins \(.*\.\./other/a\.jsonl\)"),
        (
            {},
            {"splits": {"train": "train[:80%]", "test": "train[30:]"}},
            r"train\[:80%\] and train\[30:\] share 2 rows",
        ),
        ({}, {"splits": {"train": "train", "test": "train[-1:]"}}, r"train and train\[-1:\] share 1 rows; name slices"),
    ],
)
def test_what_cannot_be_loaded_is_refused(
    tmp_path: Path, files: dict[str, str | None], source: dict[str, Any], message: str
) -> None:
    folder = mirror(tmp_path)
    (folder / "other").mkdir()
    write_rows(folder / "other/a.jsonl", ROWS)
    for name, content in files.items():
        path = folder / "thing" / name
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_text(content)
    for name in ("one.csv", "two.csv") if files.get("README.md") == SUBSETS else ():
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


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_a_missing_file_of_a_split_is_refused(ending: str, tmp_path: Path) -> None:
    """`datasets` itself would read half of the rows."""
    (tmp_path / "mirror/thing/data").mkdir(parents=True)
    for name in ("train-00000-of-00002", "test-00000-of-00001"):
        write_rows(tmp_path / f"mirror/thing/data/{name}.{ending}", ROWS)
    with pytest.raises(UserError, match=rf"train-00000-of-00002\.{ending}: only 1 of the 2 files of this split exist"):
        prepare("t", task(), tmp_path / "t", tmp_path / "mirror")
    write_rows(tmp_path / f"mirror/thing/data/train-00001-of-00002.{ending}", ROWS)
    assert prepare("t", task(), tmp_path / "t", tmp_path / "mirror").sizes["test"] == 40


@pytest.mark.parametrize(
    ("file", "pinned"),
    [
        (f"hf://datasets/someone/thing@{'a' * 40}/data/train.csv", True),
        (f"zip://a.csv::hf://datasets/someone/thing@{'a' * 40}/data/train.zip", True),
        ("hf://datasets/someone/thing@main/data/train.csv", False),
        ("hf://datasets/else/where/train.csv", False),
        ("https://example.com/train.csv", False),
        ("/home/somebody/train.csv", False),
    ],
)
def test_on_the_hub_only_files_of_the_pinned_revision_are_read(file: str, pinned: bool) -> None:
    base = f"hf://datasets/someone/thing@{'a' * 40}"
    with nullcontext() if pinned else pytest.raises(UserError, match="t: it names a file elsewhere"):
        hub_datasets._refuse_elsewhere("t", [file], base, "a" * 40)


def test_a_mirror_that_consists_of_links_is_read(tmp_path: Path) -> None:
    """The cache of the hub's client is such a folder."""
    folder = mirror(tmp_path)
    (tmp_path / "link").symlink_to(folder)
    assert prepare("t", task(), tmp_path / "t", tmp_path / "link").sizes["test"] == 6
    for file in list((folder / "thing").iterdir()):
        file.rename(tmp_path / file.name)
        file.symlink_to(tmp_path / file.name)
    assert prepare("t", task(), tmp_path / "t", folder).sizes["test"] == 6


def test_keys_of_the_two_ways_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="files: this key has no effect beside `name` and `splits`"):
        task(files="{split}.csv")


def test_a_source_without_a_full_revision_is_told_the_command_that_finds_it() -> None:
    unpinned = {key: value for key, value in HUB.items() if key != "revision"}
    with pytest.raises(ValueError, match=r"`revision` is missing; .*python -c .*dataset_info.*'someone/thing'"):
        Task.model_validate({"source": unpinned})
