"""From files to the on-disk format: values, label sets, the cut; and every refusal, by prepare and by check alike."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from scalearn.errors import UserError
from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.prepare import check_source_rows, prepare
from scalearn.tasks.store import TaskInfo
from tests.tasks.making import ROWS, column, files_task, write_rows


def numbered(labels: list[Any]) -> list[dict[str, Any]]:
    return [{"text": f"t{number}", "label": label} for number, label in enumerate(labels)]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_the_four_kinds_of_file_give_the_same_task(tmp_path: Path, ending: str) -> None:
    task = files_task(tmp_path, ROWS, ending, validation=ROWS[:6])
    info = prepare("mine", task, tmp_path / "mine")
    assert (info.labels, info.sizes) == (("no", "yes"), {"train": 40, "validation": 6, "test": 40})
    assert column(tmp_path / "mine", "train", "text1") == [row["text"] for row in ROWS]
    assert column(tmp_path / "mine", "train", "label") == [0, 1] * 20
    assert set(column(tmp_path / "mine", "test", "part")) == {""}
    assert TaskInfo.read(tmp_path / "mine") == info


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_texts_and_names_stay_as_they_stand_in_the_file(tmp_path: Path, ending: str) -> None:
    texts = ["NA", "None", "", "001", "true", "nan", "2020-01-01", "  blank  ", "a, b\nc", "Grüße 漢字", '"', 'a "b" c']
    names = ("NA", "001", "None", "yes")  # two of them often stand for no label, so that the task must list them
    rows = [{"text": text, "label": names[number % 4]} for number, text in enumerate(texts)]
    task = files_task(tmp_path, rows, ending, validation=rows, labels=names)
    assert prepare("odd", task, tmp_path / "odd").labels == names
    assert column(tmp_path / "odd", "train", "text1") == texts
    assert column(tmp_path / "odd", "train", "label") == [number % 4 for number in range(len(texts))]


def test_pairs_come_in_the_order_of_texts(tmp_path: Path) -> None:
    rows = [{"b": f"second {n}", "a": f"first {n}", "label": n % 2} for n in range(20)]
    info = prepare("pair", files_task(tmp_path, rows, texts=("a", "b")), tmp_path / "pair")
    assert column(tmp_path / "pair", "test", "text2") == [row["b"] for row in rows]
    assert info.texts == ("a", "b")


@pytest.mark.parametrize(
    ("labels", "given", "names", "indices"),
    [
        ([10, 9, 10, 9], None, ("9", "10"), [1, 0, 1, 0]),
        ([-1, 1, -1, 1], None, ("-1", "1"), [0, 1, 0, 1]),
        ([0, 1, 1, 0], ("bad", "good"), ("bad", "good"), [0, 1, 1, 0]),
        (["0", "1", "1", "0"], ("bad", "good"), ("bad", "good"), [0, 1, 1, 0]),
        ([1.0, 0.0, 1.0, 0.0], ("bad", "good"), ("bad", "good"), [1, 0, 1, 0]),
        (["b", "a", "b", "a"], ("b", "a"), ("b", "a"), [0, 1, 0, 1]),
        (["01", "1", "1", "01"], None, ("01", "1"), [0, 1, 1, 0]),
        ([True, False, True, False], None, ("false", "true"), [1, 0, 1, 0]),
        (["1", "2", "2", "1"], ("2", "1"), ("2", "1"), [1, 0, 0, 1]),
    ],
)
def test_label_sets(tmp_path: Path, labels: list[Any], given: Any, names: tuple[str, ...], indices: list[int]) -> None:
    rows = numbered(labels)
    info = prepare("t", files_task(tmp_path, rows, validation=rows, labels=given), tmp_path / "t")
    assert info.labels == names
    assert column(tmp_path / "t", "train", "label") == indices


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_regression_has_numbers_and_no_names(tmp_path: Path, ending: str) -> None:
    rows = numbered([number / 4 for number in range(30)])
    info = prepare("t", files_task(tmp_path, rows, ending, kind="regression"), tmp_path / "t")
    assert (info.labels, info.metrics, info.sizes["validation"]) == (None, ("pearson",), 3)
    assert sorted(column(tmp_path / "t", "train", "label") + column(tmp_path / "t", "validation", "label")) == [
        number / 4 for number in range(30)
    ]


def test_the_cut_keeps_the_shares_of_the_labels(tmp_path: Path) -> None:
    rows = numbered(["rare"] * 20 + ["common"] * 180)
    info = prepare("t", files_task(tmp_path, rows), tmp_path / "t")
    assert info.sizes == {"train": 180, "validation": 20, "test": 200}
    assert sorted(column(tmp_path / "t", "validation", "label")) == [0] * 18 + [1] * 2
    kept, held_out = (set(column(tmp_path / "t", split, "text1")) for split in ("train", "validation"))
    assert not kept & held_out and len(kept | held_out) == 200
    assert info.notes[-1] == "validation: cut from train, a tenth of its rows with seed 42, stratified by label"


def test_a_label_of_one_row_is_cut_without_stratifying_and_noted(tmp_path: Path) -> None:
    info = prepare("t", files_task(tmp_path, numbered(["a"] * 10 + ["b"] * 10 + ["c"])), tmp_path / "t")
    assert info.sizes == {"train": 18, "validation": 3, "test": 21}
    assert "not stratified" in info.notes[-1]


def test_preparing_again_gives_the_same_bytes(tmp_path: Path) -> None:
    task = files_task(tmp_path, ROWS)
    assert prepare("t", task, tmp_path / "one") == prepare("t", task, tmp_path / "two")


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "label outside the set": (
        {"train": ROWS, "test": [*ROWS[:2], {"text": "t", "label": "maybe"}]},
        r"test\.jsonl: row 3: label 'maybe' is outside the label set \(no, yes\)",
    ),
    "index outside the set": ({"train": numbered([0, 1, 2]), "labels": ("a", "b")}, r"row 3: label '2' is outside"),
    "label missing": ({"train": numbered(["a", None, "b"])}, r"train\.jsonl: row 2: label in 'label' is missing"),
    "label empty": ({"train": numbered(["a", "", "b"]), "ending": "csv"}, r"row 2: label in 'label' is missing"),
    "label NaN": ({"train": numbered([1.0, math.nan]), "kind": "regression"}, r"row 2: label in 'label' is missing"),
    "label infinite": ({"train": numbered([1.0, math.inf]), "kind": "regression"}, r"row 2: label .* is infinite"),
    "label no number": (
        {"train": numbered(["1.5", "high"]), "kind": "regression", "ending": "csv"},
        r"row 2: label 'high' is not a number",
    ),
    "label fractional": ({"train": numbered([1.0, 0.5])}, r"row 2: label .* is not a whole number; .*kind: regression"),
    "label a list": ({"train": numbered([["a"], ["b"]])}, r"column 'label' holds list"),
    "labels of several types": (
        {"train": numbered(["a", None, "b", 1])},
        r"column 'label' holds values of several types; the first other type is in row 4",
    ),
    "text missing": ({"train": [*ROWS, {"text": None, "label": "no"}]}, r"row 41: 'text' is missing"),
    "text lacking in a row": ({"train": [*ROWS, {"label": "no"}]}, r"row 41: 'text' is missing"),
    "text a number": ({"train": [{"text": 1, "label": "a"}, {"text": 2, "label": "b"}]}, r"'text' holds int64"),
    "no such column": (
        {"train": ROWS, "texts": ("texts",)},
        r"train\.jsonl: no column 'texts', did you mean 'text'\?",
    ),
    "no label column": ({"train": ROWS, "label": "gold", "ending": "parquet"}, r"no column 'gold'; known: label, text"),
    "no rows": ({"train": ROWS, "test": []}, r"test\.jsonl: the split has no rows"),
    "one class": ({"train": numbered(["a", "a"])}, r"every row has the label 'a'"),
    "one row": ({"train": numbered([1.5]), "kind": "regression"}, r"one row only"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_before_anything_is_written(tmp_path: Path, case: str) -> None:
    changes, message = BAD[case]
    task = files_task(tmp_path, **{"ending": "jsonl", **changes})
    for act in (lambda: check_source_rows("t", task), lambda: prepare("t", task, tmp_path / "out")):
        with pytest.raises(UserError, match=message) as caught:
            act()
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_missing_file_and_an_unknown_ending(tmp_path: Path) -> None:
    present = write_rows(tmp_path / "train.csv", ROWS)
    for test, message in ((tmp_path / "gone.csv", "no such file"), (tmp_path / "test.xlsx", "must end in .csv")):
        task = Task.model_validate({"source": {"kind": "files", "train": present, "test": str(test)}})
        with pytest.raises(UserError, match=f"{test.name}: .*{message}"):
            check_source_rows("t", task)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ragged.csv", b"text,label\na,b\nc,d,e\n"),
        ("twice.csv", b"text,label,text\na,b,c\n"),
        ("latin.csv", b"text,label\nGr\xfc\xdfe,a\n"),
        ("open.csv", b'text,label\n"no end,a\n'),
        ("half.jsonl", b'{"text": "a", "label": "b"}\n{"text": "a", "la'),
        ("list.jsonl", b"[1, 2]\n"),
        ("latin.jsonl", b'{"text": "Gr\xfc\xdfe", "label": "a"}\n'),
        ("surrogate.jsonl", b'{"text": "\\ud800", "label": "a"}\n'),
        ("huge.jsonl", b'{"text": "a", "label": 123456789012345678901234567890}\n'),
        ("no.parquet", b"text,label\n"),
    ],
)
def test_an_unreadable_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    task = Task.model_validate({"source": {"kind": "files", "train": str(path), "test": str(path)}})
    with pytest.raises(UserError, match=rf"{name}: ") as caught:
        check_source_rows("t", task)
    assert "\n" not in str(caught.value)


def test_an_empty_csv_file_has_no_column(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    source = {"kind": "files", "train": str(tmp_path / "empty.csv"), "test": str(tmp_path / "empty.csv")}
    with pytest.raises(UserError, match=r"empty\.csv: no column 'text'; known: none"):
        check_source_rows("t", Task.model_validate({"source": source}))


def test_a_rule_s_task_is_not_prepared_here(tmp_path: Path) -> None:
    task = Task.model_validate({"source": {"kind": "rule"}})
    check_source_rows("t", task)
    with pytest.raises(UserError, match="task 't': a rule of your own makes this task"):
        prepare("t", task, tmp_path / "t")
