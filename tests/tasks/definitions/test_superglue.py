"""SuperGLUE from a mirror: the paper's sizes and rows, groups that no cut divides, the columns of each task on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from scalearn.errors import UserError
from scalearn.tasks import TASKS
from scalearn.tasks.definitions.superglue import SUPERGLUE
from scalearn.tasks.preparing.prepare import check_source_rows, prepare
from scalearn.tasks.protocol import task_under
from scalearn.tasks.store import TaskInfo
from tests.places import DATA
from tests.tasks.making import column, write_rows

real_data = pytest.mark.data("super_glue")

SIZES = {  # train, validation, test
    "cb": (225, 25, 56),
    "copa": (360, 40, 100),
    "wic": (4885, 543, 638),
    "wsc": (498, 56, 104),
}


def test_rte_is_glue_s_and_the_seven_others_are_here() -> None:
    assert set(SUPERGLUE) == {"boolq", "cb", "copa", "multirc", "record", "wic", "wsc"}
    assert TASKS["rte"].source.repository == "nyu-mll/glue"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("name", "metrics", "max_length", "truncate"),
    [
        ("boolq", ("accuracy",), 128, "longest"),
        ("cb", ("accuracy", "f1"), 128, "longest"),
        ("copa", ("accuracy",), 128, "longest"),
        ("multirc", ("f1", "exact_match"), 324, "longest"),
        ("record", ("token_f1", "exact_match"), 256, "first"),
        ("wic", ("accuracy",), 128, "longest"),
        ("wsc", ("accuracy",), 128, "longest"),
    ],
)
def test_metrics_and_lengths_are_the_paper_s(
    name: str, metrics: tuple[str, ...], max_length: int, truncate: str
) -> None:
    task = TASKS[name]
    assert (task.all_metrics, task.max_length, task.truncate) == (metrics, max_length, truncate)


@real_data
@pytest.mark.parametrize("protocol", ["corrected", "reference"])
@pytest.mark.parametrize("name", SIZES)
def test_the_paper_s_sizes(tmp_path: Path, name: str, protocol: Any) -> None:
    task = task_under(protocol, name, TASKS[name])
    assert tuple(prepare(name, task, tmp_path / name, DATA).sizes.values()) == SIZES[name]
    TaskInfo.read(tmp_path / name)


@real_data
@pytest.mark.parametrize("name", ["cb", "copa"])
def test_validation_is_the_paper_s(tmp_path: Path, name: str) -> None:
    """COPA is stratified by label, CB is not."""
    from datasets import Dataset

    prepare(name, TASKS[name], tmp_path / name, DATA)
    hub = Dataset(pq.read_table(DATA / "super_glue" / name / "train-00000-of-00001.parquet"))
    by = "label" if name == "copa" else None
    held_out = hub.train_test_split(test_size=0.1, shuffle=True, seed=42, stratify_by_column=by)["test"]
    rows = [hub[row] for row in sorted(held_out["idx"][:])]  # here `idx` is the row
    assert column(tmp_path / name, "validation", "label") == [row["label"] for row in rows]
    if name == "copa":
        assert column(tmp_path / name, "validation", "choices") == [[row["choice1"], row["choice2"]] for row in rows]
    else:
        assert column(tmp_path / name, "validation", "text2") == [row["hypothesis"] for row in rows]


@real_data
def test_multirc_keeps_paragraphs_whole_and_every_row(tmp_path: Path) -> None:
    info = prepare("multirc", TASKS["multirc"], tmp_path / "multirc", DATA)
    assert info.sizes["train"] + info.sizes["validation"] == 27243 and info.sizes["test"] == 4848
    train, validation = (set(column(tmp_path / "multirc", split, "text1")) for split in ("train", "validation"))
    assert not train & validation and (len(train), len(validation)) == (410, 46)
    assert info.grouped and max(column(tmp_path / "multirc", "test", "group")) + 1 == 953
    assert info.notes[-1] == "validation: cut from train, a tenth of the groups of 'paragraph' with seed 42"


@real_data
def test_multirc_under_the_reference_is_cut_by_row(tmp_path: Path) -> None:
    info = prepare("multirc", task_under("reference", "multirc", TASKS["multirc"]), tmp_path / "multirc", DATA)
    assert tuple(info.sizes.values()) == (24518, 2725, 4848)
    train, validation = (set(column(tmp_path / "multirc", split, "text1")) for split in ("train", "validation"))
    assert len(train & validation) > 400


@real_data
def test_record_keeps_passages_whole(tmp_path: Path) -> None:
    info = prepare("record", TASKS["record"], tmp_path / "record", DATA)
    train, validation = (set(column(tmp_path / "record", split, "text1")) for split in ("train", "validation"))
    assert not train & validation and len(train | validation) == 32
    assert info.sizes["train"] + info.sizes["validation"] == 397
    assert (info.kind, info.grouped, info.labels) == ("candidates", True, None)
    test = pq.read_table(tmp_path / "record" / "test.parquet").to_pylist()
    assert {row["group"] for row in test} == set(range(32))
    assert all(row["label"] == (row["candidate"] in row["answers"]) for row in test)
    TaskInfo.read(tmp_path / "record")


@real_data
def test_record_under_the_reference_selects_on_test(tmp_path: Path) -> None:
    prepare("record", task_under("reference", "record", TASKS["record"]), tmp_path / "record", DATA)
    for name in ("text1", "text2", "label", "group"):
        assert column(tmp_path / "record", "validation", name) == column(tmp_path / "record", "test", name)


@real_data
def test_copa_on_disk(tmp_path: Path) -> None:
    info = prepare("copa", TASKS["copa"], tmp_path / "copa", DATA)
    assert (info.choices, info.labels, info.outputs) == (2, None, 2)
    assert pq.read_schema(tmp_path / "copa" / "test.parquet").names == ["text1", "choices", "label", "part"]
    assert pq.read_table(tmp_path / "copa" / "test.parquet").slice(0, 1).to_pylist() == [
        {
            "text1": "The man turned on the faucet. so",
            "choices": ["The toilet filled with water.", "Water flowed from the spout."],
            "label": 1,
            "part": "",
        }
    ]


def test_a_question_without_candidates_is_left_out_with_a_note(tmp_path: Path) -> None:
    rows = [
        {"passage": f"p{n}", "query": "@placeholder", "entities": ["a", "b"] if n % 4 else [], "answers": ["a"]}
        for n in range(40)
    ]
    (tmp_path / "super_glue" / "record").mkdir(parents=True)
    for split in ("train", "validation"):
        write_rows(tmp_path / "super_glue" / "record" / f"{split}-00000-of-00001.parquet", rows)
    info = prepare("record", TASKS["record"], tmp_path / "record", tmp_path)
    assert info.sizes["train"] + info.sizes["validation"] == info.sizes["test"] == 60
    assert "test: 10 questions have no candidate and are left out" in info.notes
    write_rows(tmp_path / "super_glue" / "record" / "validation-00000-of-00001.parquet", rows[:1] * 2 + rows[4:5])
    with pytest.raises(UserError, match="task 'record': no question of test has a candidate"):
        check_source_rows("record", TASKS["record"], tmp_path)
