"""Labels of multi_label tasks: lists of names or indices, vectors of 0 and 1, and either as text in a cell."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scalearn.errors import UserError
from scalearn.tasks.definition import Task
from scalearn.tasks.labels.written_lists import parse_list
from scalearn.tasks.preparing.prepare import check_source_rows, prepare
from tests.tasks.making import column, files_task

VECTORS = [[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0]] * 4
CLASSES = [[3], [3], [], [0, 1], [1, 2]] * 4
NAMES = ("a", "b", "c", "d")


def rows(labels: list[Any]) -> list[dict[str, Any]]:
    return [{"text": f"row {number}", "label": label} for number, label in enumerate(labels)]


def multi_label(folder: Path, cells: list[Any], ending: str = "jsonl", **changes: Any) -> Task:
    """Return a task whose train, validation and test rows have these labels."""
    made = rows(cells)
    return files_task(folder, made, ending, kind="multi_label", **{"validation": made, **changes})


def in_parquet(folder: Path, cells: pa.Array, **changes: Any) -> Task:
    path = str(folder / "rows.parquet")
    pq.write_table(pa.table({"text": [f"row {number}" for number in range(len(cells))], "label": cells}), path)
    return Task.model_validate(
        {"source": {"kind": "files", "train": path, "test": path}, "kind": "multi_label"} | changes
    )


# ---------------------------------------------------------------------- vectors


@pytest.mark.parametrize("given", [None, NAMES])
@pytest.mark.parametrize("write", [int, float, bool, str, lambda value: str(bool(value)).lower()])
def test_a_value_for_each_class_is_no_list_of_indices(tmp_path: Path, given: Any, write: Any) -> None:
    labels = [[write(value) for value in vector] for vector in VECTORS]
    info = prepare("t", multi_label(tmp_path, labels, labels=given), tmp_path / "t")
    assert info.labels == (given or ("0", "1", "2", "3"))
    assert "labels: each list in 'label' has one value, 0 or 1, for each of 4 classes" in info.notes
    for split in ("train", "validation", "test"):
        assert column(tmp_path / "t", split, "label") == CLASSES


@pytest.mark.parametrize(
    "labels",
    [
        pa.array(VECTORS, pa.list_(pa.int8(), 4)),
        pa.array(VECTORS, pa.large_list(pa.float32())),
        pa.array([[Decimal(value) for value in vector] for vector in VECTORS], pa.list_(pa.decimal128(10, 2))),
        pa.ListArray.from_arrays(
            pa.array(range(0, 81, 4), pa.int32()), pa.array(np.array(VECTORS, dtype=np.float16).ravel())
        ),
    ],
)
def test_vectors_in_any_type_of_column_and_through_a_cut(tmp_path: Path, labels: pa.Array) -> None:
    prepare("t", in_parquet(tmp_path, labels, labels=NAMES), tmp_path / "t")
    assert column(tmp_path / "t", "test", "label") == CLASSES
    for split in ("train", "validation"):
        places = [int(text.removeprefix("row ")) for text in column(tmp_path / "t", split, "text1")]
        assert column(tmp_path / "t", split, "label") == [CLASSES[place] for place in places]


def test_a_null_among_vectors_is_no_label(tmp_path: Path) -> None:
    cells = pa.array([[1, 0, 0], None, [0, 1, 1], [0, 0, 1]] * 5, pa.list_(pa.int8(), 3))
    prepare("t", in_parquet(tmp_path, cells), tmp_path / "t")
    assert column(tmp_path / "t", "test", "label") == [[0], [], [1, 2], [2]] * 5


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
@pytest.mark.parametrize(
    "write",
    [
        str,
        lambda vector: str([float(value) for value in vector]),
        lambda vector: str([bool(value) for value in vector]),
        lambda vector: str(np.array(vector)),
        lambda vector: str(np.array(vector, dtype=float)),
        lambda vector: "|".join(map(str, vector)),
    ],
)
def test_vectors_that_became_text(tmp_path: Path, ending: str, write: Any) -> None:
    labels = [write(vector) for vector in VECTORS]
    assert prepare("t", multi_label(tmp_path, labels, ending, labels=NAMES), tmp_path / "t").labels == NAMES
    assert column(tmp_path / "t", "train", "label") == CLASSES


@pytest.mark.parametrize(
    ("labels", "given", "classes"),
    [
        ([[0], [1], [0, 1], []], None, [[0], [1], [0, 1], []]),
        ([[0, 1], [1, 0], [0, 1]], NAMES, [[0, 1], [0, 1], [0, 1]]),  # four names, so these are two indices
        ([[0, 1], [1, 2], [0, 2]], None, [[0, 1], [1, 2], [0, 2]]),
        ([[5, 5], [3], [4, 3, 4]], None, [[2], [0], [0, 1]]),
        ([["b", "a", "b"], ["a"], []], None, [[0, 1], [0], []]),
        ([[1, 1], [0, 1], [0, 0]], ("x", "y"), [[0, 1], [1], []]),
        ([[True, False], [False, True]], None, [[0], [1]]),
        ([["0", "1"], ["0", "1", "2"]], None, [[0, 1], [0, 1, 2]]),
    ],
)
def test_lists_that_can_be_read_in_one_way_only(tmp_path: Path, labels: Any, given: Any, classes: Any) -> None:
    prepare("t", multi_label(tmp_path, labels, labels=given), tmp_path / "t")
    assert column(tmp_path / "t", "train", "label") == classes


def test_a_label_that_a_row_has_twice_is_said(tmp_path: Path) -> None:
    notes = prepare("t", multi_label(tmp_path, [["a"], ["b", "a", "b"]]), tmp_path / "t").notes
    assert "labels: a label that a row repeats counts once, as 'b' in row 2" in notes


@pytest.mark.parametrize(
    ("labels", "changes", "message"),
    [
        ([[0, 1], [1, 0]], {}, "'label' holds both 0 and 1 in each row, which may be .*; write the names"),
        ([[0, 1], [1, 0]], {"labels": ["x", "y"]}, "'label' holds both 0 and 1 in each row"),
        ([[0, 1, 1], [0, 1]], {}, "row 1: class '1' occurs more than once; list the index of each"),
        ([[0, 3], [0, 3, 3]], {"test": rows([[0, 0]])}, "row 1: class '0' occurs more than once"),
        ([[0, 2, 2], [0, 1, 1]], {}, "row 1: class '2' occurs more than once"),
        (VECTORS, {"labels": ["x", "y", "z"]}, "'label' holds 4 values, 0 or 1, in each row, but `labels` has 3 names"),
        (VECTORS, {"test": rows([[0, 1, 0]])}, "row 1: 3 values, but the list needs one for each of 4 classes"),
        (
            VECTORS,
            {"test": rows([[0, 1, 0, 0], [0, 2, 0, 1]])},
            "row 2: '2' in a list that needs 0 or 1 for each class",
        ),
        ([[0.25, 0.75], [0.5, 0.5]], {}, "row 1: label in 'label' is not a whole number; write names"),
        ([[0, 0], [0, 0]], {}, "no row has a 1 in 'label'"),
        ([[True, False, True], [True]], {}, "'label' holds true and false; give each row one value for every class"),
        (["[a, b]", "[b]"], {}, r"row 1: label '\[a, b\]' looks like a list but cannot be read as one; write \['a'"),
        (["['a' 'b']", "['b']"], {}, r"row 1: label '\['a' 'b'\]' looks like a list"),
        (["['a', ['b']]", "['b']"], {}, r"row 1: label '.*' looks like a list"),
        (["a, b", "a", "b"], {}, "row 1: label 'a, b' in 'label' is made of other labels; set `separator`"),
        (["a; b", "b", "a"], {}, "row 1: label 'a; b' in 'label' is made of other labels"),
        ([["pos"], ["Pos", "neg"]], {}, "row 1: labels 'Pos' and 'pos' differ only in spelling"),
        ([["-"], ["neg", "pos"]], {}, "row 1: label '-', in 1 row, often means that the label is missing"),
        ([[f"id-{number}"] for number in range(20)], {}, "'label' holds 20 different labels among 20"),
    ],
)
def test_lists_that_can_be_read_in_two_ways_or_none(tmp_path: Path, labels: Any, changes: Any, message: str) -> None:
    with pytest.raises(UserError, match=rf"(train|test)\.jsonl: {message}"):
        check_source_rows("t", multi_label(tmp_path, labels, **changes))


# ---------------------------------------------------------------------- lists that became text


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_lists_of_names_that_became_text(tmp_path: Path, ending: str) -> None:
    cells = ["['a', 'b']", '["c"]', "[]", "a|b ", "", "['b']", "['it\\'s', \"it's\"]"]
    info = prepare("t", multi_label(tmp_path, cells, ending), tmp_path / "t")
    assert info.labels == ("a", "b", "c", "it's")
    assert "labels: 'label' holds lists that are written as text; they are read as lists" in info.notes
    assert column(tmp_path / "t", "train", "label") == [[0, 1], [2], [], [0, 1], [], [1], [3]]


@pytest.mark.parametrize(
    ("ending", "cells", "message"),
    [
        ("csv", ["a|b", "nan", "b"], "row 2: label 'nan' looks like a missing number"),
        ("tsv", ["a|b", "NaN|b", "b"], "row 2: label 'NaN' looks like a missing number"),
        ("jsonl", [["a", "b"], ["nan"], ["b"]], "row 2: label 'nan' looks like a missing number"),
        (
            "csv",
            ["a|b", "b", "NA"],
            "row 3: label 'NA', in 1 row, often means that the label is missing; leave the cell empty if a row",
        ),
        (
            "jsonl",
            [["a", "b"], ["b"], ["NA"]],
            "row 3: label 'NA', in 1 row, often means that the label is missing; leave the cell empty",
        ),
        ("csv", ["['a', 'None']", "b"], "row 1: label 'None', in 1 row, often means that the label is missing"),
    ],
)
def test_a_missing_value_in_words_is_no_label(tmp_path: Path, ending: str, cells: list[Any], message: str) -> None:
    with pytest.raises(UserError, match=rf"train\.{ending}: {message}"):
        check_source_rows("t", multi_label(tmp_path, cells, ending))


BRACKETS = ["{'a', 'b'}", "('a', 'b')", "('a',)", "{a,b}", "{a}", "{'a': 1, 'b': 0}", "array(['a', 'b'], dtype=object)"]


@pytest.mark.parametrize("cell", BRACKETS)
def test_brackets_of_another_kind_are_no_name(tmp_path: Path, cell: str) -> None:
    with pytest.raises(
        UserError, match=r"row 1: label '.*' looks like a list but cannot be read as one; write \['a', "
    ):
        check_source_rows("t", multi_label(tmp_path, [cell, "b", "a"], "csv"))
    prepare("t", multi_label(tmp_path, [cell, "b", "a"], "csv", labels=[cell, "b", "a"]), tmp_path / "t")
    assert column(tmp_path / "t", "train", "label") == [[0], [1], [2]]


@pytest.mark.parametrize(
    ("cells", "separator"),
    [
        (["0,1,0", "1,1,0", "0,0,1"], ","),
        (["0 1 0", "1 1 0", "0 0 1"], " "),
        (["0;1;0", "1;0;0", "0;0;1"], ";"),
        (["3, 7", "12", "7"], ","),
        (["a,b", "b,c", "a,c"], ","),
        (["joy, anger", "joy", "anger, fear"], ","),
        (["a/b", "b/c", "a/c"], "/"),
        (["a\tb", "b\tc", "a\tc"], "\t"),
    ],
)
def test_another_separator_is_found_and_told(tmp_path: Path, cells: list[str], separator: str) -> None:
    written = re.escape(json.dumps(separator))
    with pytest.raises(UserError, match=rf"row \d: label '.*' in 'label' looks like .*set `separator: {written}`, or"):
        check_source_rows("t", multi_label(tmp_path, cells, "csv"))
    check_source_rows("t", multi_label(tmp_path, cells, "csv", separator=separator))
    check_source_rows("t", multi_label(tmp_path, cells, "csv", labels=sorted(cells)))


def test_a_0_or_1_for_each_class_without_a_sign_between(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"row 1: label '001' in 'label' looks like a 0 or 1 for each class; write a l"):
        check_source_rows("t", multi_label(tmp_path, ["001", "010", "110"], "csv"))
    check_source_rows("t", multi_label(tmp_path, ["10", "11|10", "110"], "csv"))


def test_names_with_signs_inside_are_names(tmp_path: Path) -> None:
    names = [
        *("Agriculture, food", "Water, sanitation and hygiene", "Food Security", "Shock/Event->Type", "Shock/Event"),
        *("sport/football", "sport/tennis", "New York, New York", "New York, Buffalo", "(other)", "R&B", "C++", "A+"),
        *("very good", "good", "very bad", "bad", "10", "110"),
    ]
    info = prepare("t", multi_label(tmp_path, names * 2, "csv"), tmp_path / "t")
    assert info.labels == tuple(sorted(names))


def test_a_name_in_brackets_is_one_if_the_task_says_so(tmp_path: Path) -> None:
    cells = ["[other]", "a|[other]", "a"]
    prepare("t", multi_label(tmp_path, cells, "csv", labels=["a", "[other]"]), tmp_path / "t")
    assert column(tmp_path / "t", "train", "label") == [[1], [0, 1], [0]]


@pytest.mark.parametrize(
    ("cell", "items"),
    [
        ("['a', 'b c']", ["a", "b c"]),
        (' ["a\\u00e9", "b\\"c"] ', ["aé", 'b"c']),
        ("['it\\'s', '\\xa0']", ["it's", "\xa0"]),
        ("[1, -2.0, True, false]", ["1", "-2.0", "true", "false"]),
        ("[0 1  0]", ["0", "1", "0"]),
        ("[]", []),
        ("['a, b', \"c]\"]", ["a, b", "c]"]),
        ("a", None),
        ("[a]", None),
        ("['a' 'b']", None),
        ("['a',]", None),
        ("[,]", None),
        ("['a'", None),
        ("['\\d']", None),
        ('["\\d"]', None),
        ("[[1], [2]]", None),
        ("[None]", None),
        ("[" * 100_000 + "]" * 100_000, None),
    ],
)
def test_a_list_is_read_as_it_was_written_or_not_at_all(cell: str, items: list[str] | None) -> None:
    assert parse_list(cell) == items
