"""Labels of one class or number per row: what a source writes is read as it is meant, or refused in one sentence."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scalearn.errors import UserError, shown
from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.prepare import check_source_rows, prepare
from tests.tasks.making import column, files_task


def numbered(labels: list[Any]) -> list[dict[str, Any]]:
    return [{"text": f"t{number}", "label": label} for number, label in enumerate(labels)]


def parquet_task(folder: Path, labels: pa.Array, **changes: Any) -> Task:
    """Return a task whose rows, of train, validation and test alike, have these labels."""
    path = str(folder / "rows.parquet")
    texts = [f"t{number}" for number in range(len(labels))]
    pq.write_table(pa.table({"text": texts, "c1": texts, "c2": texts[::-1], "label": labels}), path)
    return Task.model_validate({"source": {"kind": "files", **dict.fromkeys(SPLITS, path)}, **changes})


SPLITS = ("train", "validation", "test")


# ---------------------------------------------------------------------- one class, written in several ways


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize(
    ("labels", "given", "names", "classes", "notes"),
    [
        (
            ["pos", "pos ", "neg", " neg"],
            None,
            ("neg", "pos"),
            [1, 1, 0, 0],
            "labels: white space around labels is removed (rows: 2, the first is row 2)",
        ),
        (["pos", "pos  ", "neg", "neg"], ["pos", "neg"], ("pos", "neg"), [0, 0, 1, 1], "white space around labels"),
        (["pos", "pos ", "neg", "pos "], ["pos", "pos ", "neg"], ("pos", "pos ", "neg"), [0, 1, 2, 1], ""),
        (["1.0", "0.0", "1", "2.00"], None, ("0", "1", "2"), [1, 0, 1, 2], "'1.0' as '1'"),
        (["1.0", "0.0", "1", "0"], ["bad", "good"], ("bad", "good"), [1, 0, 1, 0], "0 is 'bad'"),
        (["1.0", "2.0", "1", "2"], ["2", "1"], ("2", "1"), [1, 0, 1, 0], "without a fraction, '1.0' as '1'"),
        (["1", "0", "1", "0"], ["1.0", "0.0"], ("1.0", "0.0"), [0, 1, 0, 1], ""),
        (["1.0", "1.1", "1.0", "1.1"], ["1.0", "1.1"], ("1.0", "1.1"), [0, 1, 0, 1], ""),
        (["0.5", "other", "1.0", "none"], None, ("0.5", "1.0", "none", "other"), [0, 3, 1, 2], ""),
        (["1", "5", "3", "1"], None, ("1", "3", "5"), [0, 2, 1, 0], ""),
        (["2019", "2020", "2019", "2020"], None, ("2019", "2020"), [0, 1, 0, 1], ""),
        (["-2", "-1", "0", "1"], None, ("-2", "-1", "0", "1"), [0, 1, 2, 3], ""),
        (["-1", "1", "1", "-1"], None, ("-1", "1"), [0, 1, 1, 0], ""),
        (["-1", "0", "1", "0"], ["-1", "0", "1"], ("-1", "0", "1"), [0, 1, 2, 1], ""),
        (["-", "+", "+", "-"], ["-", "+"], ("-", "+"), [0, 1, 1, 0], ""),
        (["[other]", "[oos]", "[other]", "[oos]"], None, ("[oos]", "[other]"), [1, 0, 1, 0], ""),
        (["Pos", "pos", "Pos", "pos"], ["Pos", "pos"], ("Pos", "pos"), [0, 1, 0, 1], ""),
    ],
)
def test_labels_are_read_as_they_are_meant(
    tmp_path: Path, ending: str, labels: list[str], given: Any, names: tuple[str, ...], classes: list[int], notes: str
) -> None:
    rows = numbered(labels)
    info = prepare("t", files_task(tmp_path, rows, ending, validation=rows, labels=given), tmp_path / "t")
    assert info.labels == names
    for split in SPLITS:
        assert column(tmp_path / "t", split, "label") == classes
    about = [note for note in info.notes if note.startswith("labels: ") and "found in train" not in note]
    assert notes in " ".join(about) and bool(about) == bool(notes)


def test_what_a_test_file_writes_otherwise_is_the_same_class(tmp_path: Path) -> None:
    rows, test = numbered(["1", "0", "1", "0"]), numbered([" 1", "0.0"])
    prepare("t", files_task(tmp_path, rows, "csv", validation=rows, test=test), tmp_path / "t")
    assert column(tmp_path / "t", "test", "label") == [1, 0]


DECIMALS = [f"{number / 25:.2f}" for number in range(17, 61)]
ASPECTS = [f"aspect {number}" for number in range(9)]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            DECIMALS,
            r"row 1: label in 'label' is not a whole number; set `kind: regression`, or",
        ),
        (["1", "0.5", "0", "1"], r"row 2: label in 'label' is not a whole number; .*list all in `labels`"),
        (
            ["yes", "no", "-", "yes", "-"],
            r"row 3: label '-', in 2 rows, often means that the label is missing; remove such rows",
        ),
        (
            ["0", "1", "-1", "1"],
            r"row 3: label '-1', in 1 row, often means that the label is missing; .*list all names in `labels`",
        ),
        (["a", "b", "-1", "b"], r"row 3: label '-1', in 1 row, often"),
        (["pos", "neg", "Pos", "neg"], r"row 1: labels 'Pos' and 'pos' differ only in spelling; spell them"),
        (["so  so", "neg", "so so"], r"row 1: labels 'so  so' and 'so so' differ only in spelling"),
        (["caf\u00e9", "neg", "cafe\u0301"], r"row 1: labels 'cafe\\u0301' and 'caf\\xe9' differ only in spelling"),
        (["neg", "pos", "pos\u200b"], r"row 2: labels 'pos' and 'pos\\u200b' differ only in spelling"),
        (["a", "A", "b", "B", "c"], r"row 1: labels 'A' and 'a' differ only in spelling, and so do 1 more"),
        (["1.0", "1", "other"], r"row 1: labels '1' and '1.0' differ only in spelling"),
        (
            ["['a', 'b']", "['a']", "['b']"],
            r"row 1: label '\['a', 'b'\]' in 'label' is a list .* set `kind: multi_label`",
        ),
        (["[a, b]", "[b]", "[a]"], r"row 1: label '\[a, b\]' in 'label' is a list that is written as text; set `kind"),
        (["a", "('a', 'b')", "b"], r"row 2: label '\('a', 'b'\)' in 'label' is a list that is written as text"),
        (["a", "{'b', 'a'}", "b"], r"row 2: label '\{'b', 'a'\}' in 'label' is a list that is written as text"),
        (["a", "{'a': 1}", "b"], r"row 2: label '\{'a': 1\}' in 'label' is a list that is written as text"),
        (["0,1,0", "1,0,0"], r"row 1: label '0,1,0' in 'label' looks like several numbers, .*multi_label` and `separ"),
        (["[0, 1]", "[1, 0]", "[0, 1]"], r"row 1: label '\[0, 1\]' in 'label' is a list that is written as text"),
        (
            [f"id-{number}" for number in range(40)],
            r"'label' holds 40 different labels among 40, almost .*; name another column in `label`",
        ),
        ([f"id-{number}" for number in range(21)] + ["id-0"] * 19, r"'label' holds 21 different labels among 40"),
        (["yes", "  ", "no"], r"row 2: label in 'label' is missing"),
        (["yes", "nan ", "no"], r"row 2: label 'nan ' looks like a missing number"),
    ],
)
def test_labels_that_are_hardly_meant_are_refused(tmp_path: Path, ending: str, labels: list[str], message: str) -> None:
    rows = numbered(labels)
    with pytest.raises(UserError, match=rf"train\.{ending}: {message}"):
        check_source_rows("t", files_task(tmp_path, rows, ending, validation=rows))


@pytest.mark.parametrize(
    ("classes", "rows"),
    [(2, 4), (9, 9), (20, 40), (50, 5452), (77, 77 * 5), (151, 15_100)],  # toys, TREC, five of BANKING77, CLINC150
)
def test_many_classes_are_classes_as_long_as_each_has_rows(tmp_path: Path, classes: int, rows: int) -> None:
    made = numbered([f"class {number % classes}" for number in range(rows)])
    info = prepare("t", files_task(tmp_path, made, validation=made[:3], test=made[:3]), tmp_path / "t")
    assert len(info.labels or ()) == classes


MISSING = ("NA", "N/A", "n/a", "<NA>", "NaT", "None", "NULL", "null", r"\N", "#N/A", "#VALUE!")


@pytest.mark.parametrize("word", MISSING)
def test_a_missing_value_in_words_is_no_class_unless_labels_say_so(tmp_path: Path, word: str) -> None:
    rows = numbered(["yes", "no", word, "yes", word])
    with pytest.raises(UserError) as caught:
        check_source_rows("t", files_task(tmp_path, rows, "csv", validation=rows))
    what = (
        f"row 3: label '{shown([word])}', in 2 rows, often means that the label is missing; remove such rows, or list"
    )
    assert f"{what} all names in `labels` to keep it as a class" in str(caught.value)
    named = files_task(tmp_path, rows, "csv", validation=rows, labels=["no", word, "yes"])
    prepare("t", named, tmp_path / "t")
    assert column(tmp_path / "t", "train", "label") == [2, 0, 1, 2, 1]


def test_a_missing_value_among_indices_is_the_one_that_is_refused(tmp_path: Path) -> None:
    rows = numbered(["0", "1", "NA", "1"])
    with pytest.raises(UserError, match=r"row 3: label 'NA' is outside the label set \(no, yes\); it often means that"):
        check_source_rows("t", files_task(tmp_path, rows, "csv", validation=rows, labels=["no", "yes"]))


@pytest.mark.parametrize(
    ("train", "test", "mend"),
    [
        (["0", "1"], "yes", "train has indices (0 for 'no'); write indices here, too"),
        (["no", "yes"], "1", "train has names, and this looks like the index of 'yes'; write names"),
        (["no", "yes"], "2", "mend the row or the task's `labels`"),
    ],
)
def test_names_where_train_has_indices_are_said_to_be_so(
    tmp_path: Path, train: list[str], test: str, mend: str
) -> None:
    rows, others = numbered(train * 2), numbered([test])
    with pytest.raises(UserError) as caught:
        check_source_rows("t", files_task(tmp_path, rows, "csv", validation=rows, test=others, labels=["no", "yes"]))
    assert f"row 1: label '{test}' is outside the label set (no, yes); {mend}" in str(caught.value)


def test_named_in_labels_every_row_may_have_a_class_of_its_own(tmp_path: Path) -> None:
    names = [f"class {number}" for number in range(40)]
    rows = numbered(names)
    assert (
        len(prepare("t", files_task(tmp_path, rows, validation=rows, labels=names), tmp_path / "t").labels or ()) == 40
    )


def test_a_label_outside_the_set_is_counted_and_the_set_not_shown_whole(tmp_path: Path) -> None:
    names = [f"{number} " + "long name " * 30 for number in range(500)]
    task = files_task(tmp_path, numbered([names[0], "-", names[1], "-"]), labels=names)
    with pytest.raises(UserError, match=r"row 2: label '-' is outside the label set") as caught:
        check_source_rows("t", task)
    said = str(caught.value)
    assert "(500 in all)), and 1 more row has it; it often means that the label is missing: remove such rows" in said
    assert len(said) < 1700
    rows = [{"text": f"t{number}", "label": names[number % 400]} for number in range(1200)]
    notes = prepare("t", files_task(tmp_path, rows, validation=rows[:2], test=rows[:2]), tmp_path / "t").notes
    assert notes[0].startswith("labels: found in train, 400: ") and len(notes[0]) < 1700


# ---------------------------------------------------------------------- types of columns


def half(value: float, other: float) -> pa.Array:
    return pa.array(np.array([value, other] * 6, dtype=np.float16))


def of(value: Any, other: Any, kind: pa.DataType | None = None) -> pa.Array:
    return pa.array([value, other] * 6, kind)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (of(Decimal("1.00"), Decimal("0.00"), pa.decimal128(10, 2)), ("0", "1")),
        (of(Decimal("10.00"), Decimal("9.00"), pa.decimal256(60, 2)), ("9", "10")),
        (of(2**63 + 1, 5, pa.uint64()), ("5", str(2**63 + 1))),
        (of(2**62 + 1, 2**62), (str(2**62), str(2**62 + 1))),
        (of("1" * 5000, "0"), ("0", "1" * 5000)),
        (of(b"yes", b"no"), ("no", "yes")),
        (of("yes", "no").dictionary_encode(), ("no", "yes")),
        (of(True, False), ("false", "true")),
        (of(datetime.date(2021, 1, 1), datetime.date(2020, 1, 1)), ("2020-01-01", "2021-01-01")),
    ],
)
def test_classes_in_any_type_of_column(tmp_path: Path, labels: pa.Array, names: tuple[str, ...]) -> None:
    assert prepare("t", parquet_task(tmp_path, labels), tmp_path / "t").labels == names
    assert column(tmp_path / "t", "train", "label") == [1, 0] * 6


@pytest.mark.parametrize(
    ("labels", "numbers"),
    [
        (half(1.5, 0), [1.5, 0.0]),
        (of(Decimal("1.25"), Decimal("0.00"), pa.decimal128(10, 2)), [1.25, 0.0]),
        (of(2**53 + 1, 0), [2.0**53, 0.0]),
        (of(2**64 - 1, 0, pa.uint64()), [2.0**64, 0.0]),
        (of(" 1.5", "2 "), [1.5, 2.0]),
        (of(True, False), [1.0, 0.0]),
    ],
)
def test_numbers_in_any_type_of_column(tmp_path: Path, labels: pa.Array, numbers: list[float]) -> None:
    prepare("t", parquet_task(tmp_path, labels, kind="regression"), tmp_path / "t")
    assert column(tmp_path / "t", "train", "label") == numbers * 6


@pytest.mark.parametrize(
    "labels", [half(1, 0), of(Decimal("1.00"), Decimal("0.00"), pa.decimal128(10, 2)), of("1.0", "0 "), of(1.0, 0.0)]
)
def test_the_index_of_a_choice_in_any_type_of_column(tmp_path: Path, labels: pa.Array) -> None:
    prepare("t", parquet_task(tmp_path, labels, kind="multiple_choice", choices=["c1", "c2"]), tmp_path / "t")
    assert column(tmp_path / "t", "train", "label") == [1, 0] * 6


@pytest.mark.parametrize(
    ("labels", "changes", "message"),
    [
        (half(0.5, 0), {}, "row 1: label in 'label' is not a whole number; .*kind: regression"),
        (of(1e20, 0.0), {}, r"row 1: label in 'label' is a number above 2\^53, which is rounded"),
        (
            of(Decimal("1.50"), Decimal("0.00"), pa.decimal128(10, 2)),
            {},
            "row 1: label in 'label' is not a whole number",
        ),
        (of(b"a", b"\xff"), {}, "row 2: label in 'label' is not text in UTF-8"),
        (of({"a": 1}, {"a": 2}), {}, r"column 'label' holds struct<.*>, which cannot be labels"),
        (of("9" * 5000, "1"), {"kind": "regression"}, "row 1: label in 'label' is infinite"),
        (of(b"\xff", b"1"), {"kind": "regression"}, "row 1: label .* is not a number"),
        (of(datetime.date(2020, 1, 1), None), {"kind": "regression"}, "row 2: label in 'label' is missing"),
        (
            pa.array([datetime.date(2020, 1, 1)] * 9),
            {"kind": "regression"},
            r"column .label. holds date32\[day\], not numbers",
        ),
        (
            of(2**62, 2**62 + 1),
            {"kind": "regression"},
            r"every row has the label 4\.61169e\+18 because numbers above 2\^53 are rounded to 64-bit floats; subtract",
        ),
        (
            of(1.5, 0.0),
            {"kind": "multiple_choice", "choices": ["c1", "c2"]},
            "row 1: 1.5 in 'label' is not a whole number; mend",
        ),
        (
            of(0.0, float("nan")),
            {"kind": "multiple_choice", "choices": ["c1", "c2"]},
            "row 2: nan in 'label' is not a whole number; mend",
        ),
        (
            of([0], [1]),
            {"kind": "multiple_choice", "choices": ["c1", "c2"]},
            "column 'label' holds list<.*>, not whole numbers; name",
        ),
    ],
)
def test_columns_that_hold_no_labels(tmp_path: Path, labels: pa.Array, changes: Any, message: str) -> None:
    with pytest.raises(UserError, match=rf"rows\.parquet: {message}"):
        check_source_rows("t", parquet_task(tmp_path, labels, **changes))


# ---------------------------------------------------------------------- the class that f1 is of


def test_positive_must_be_one_of_two_labels(tmp_path: Path) -> None:
    rows = numbered(["yes", "no"] * 10)
    info = prepare("t", files_task(tmp_path, rows, positive="no", metrics=["f1"]), tmp_path / "t")
    assert info.positive == "no"
    with pytest.raises(UserError, match="task 't': positive: 'maybe' is not a label; write 'no' or 'yes'"):
        check_source_rows("t", files_task(tmp_path, rows, positive="maybe"))
    with pytest.raises(UserError, match="task 't': positive: this key needs exactly two labels, found 3"):
        check_source_rows("t", files_task(tmp_path, numbered(["yes", "no", "x"] * 10), positive="yes"))
    inferred = prepare("t", files_task(tmp_path, rows, metrics="f1"), tmp_path / "t")
    assert (
        inferred.positive is None
        and "f1: of 'yes', the second label; set `positive` to use the other" in inferred.notes
    )
