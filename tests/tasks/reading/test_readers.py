"""Files are read batch by batch: nothing is lost or changed where two meet, and rows are counted through."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scalearn.errors import UserError
from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.prepare import check_source_rows, prepare
from scalearn.tasks.reading.readers import _BLOCK, read_batches
from scalearn.tasks.reading.rows import ROWS, Rows, rebatch
from tests.tasks.making import column, files_task, write_rows

MANY = 2 * ROWS + 500


def rows_of(path: Path, *columns: str) -> list[dict[str, Any]]:
    return [row for batch in read_batches(path, columns) for row in batch.to_pylist()]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_rows_come_in_order_and_whole_over_many_batches(tmp_path: Path, ending: str) -> None:
    texts = [f'row {number}\nof many, and "{"x" * (number % 700)}"' for number in range(MANY)]
    rows = [{"other": "", "text": text, "label": f"{number % 3}"} for number, text in enumerate(texts)]
    path = Path(write_rows(tmp_path / f"t.{ending}", rows))
    assert path.stat().st_size > _BLOCK or ending == "parquet"  # else the CSV would be one block
    batches = list(Rows("t", lambda columns: read_batches(path, columns)).batches(["label", "text"]))
    assert max(len(batch) for batch in batches) <= ROWS
    assert [number for batch in batches for number in batch.numbers] == list(range(MANY))
    assert [text for batch in batches for text in batch.columns["text"].to_pylist()] == texts
    assert [label for batch in batches for label in batch.columns["label"].to_pylist()] == [r["label"] for r in rows]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path, ending: str) -> None:
    path = Path(write_rows(tmp_path / f"t.{ending}", [{"text": "a", "label": "b"}]))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert rows_of(path, "text", "label") == [{"text": "a", "label": "b"}]


@pytest.mark.parametrize("ending", ["csv", "tsv"])
@pytest.mark.parametrize("before", [0, 3, MANY])
def test_a_header_within_the_rows_is_refused_whatever_is_read(tmp_path: Path, ending: str, before: int) -> None:
    rows = [{"text": "a" * 500, "label": "label"}] * before + [{"text": "text", "label": "label"}]
    path = Path(write_rows(tmp_path / f"t.{ending}", [*rows, {"text": "text", "label": "b"}]))
    for columns in (["label"], ["text"], ["label", "text"]):
        with pytest.raises(UserError, match=rf"t\.{ending}: row {before + 1} repeats the header, .*; remove that line"):
            rows_of(path, *columns)


def test_a_label_that_its_column_has_for_a_name_is_one(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": "label"}, {"text": "text", "label": "b"}]
    path = Path(write_rows(tmp_path / "t.csv", rows))
    assert rows_of(path, "label") == [{"label": "label"}, {"label": "b"}]
    assert rows_of(path, "text", "label") == rows


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_a_header_without_rows_is_an_empty_split(tmp_path: Path, ending: str) -> None:
    task = files_task(tmp_path, [{"text": "a", "label": "b"}, {"text": "c", "label": "d"}], ending)
    (tmp_path / f"test.{ending}").write_text("text,label\n" if ending == "csv" else "text\tlabel\n")
    with pytest.raises(UserError, match=rf"test\.{ending}: the split has no rows"):
        check_source_rows("t", task)


def test_a_key_that_the_first_rows_lack(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "a"}\n' * MANY + '{"text": "b", "label": ["x"]}\n')
    assert [row["label"] for row in rows_of(path, "text", "label")] == [None] * MANY + [["x"]]


def test_a_key_that_no_row_has_is_told_apart_from_one_that_the_first_rows_lack(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"text": "a"}\n' * MANY)
    with pytest.raises(UserError, match=r"t\.jsonl: no column 'label'; known: text"):
        rows_of(path, "text", "label")


LATE = MANY - 10  # in the last batch


@pytest.mark.parametrize(
    ("late", "message"),
    [
        (
            {"text": "t", "label": 1},
            f"column 'label' holds values of several types; the first other type is in row {LATE + 1}",
        ),
        (
            {"text": 7, "label": "a"},
            f"column 'text' holds values of several types; the first other type is in row {LATE + 1}",
        ),
        (
            {"text": "t", "label": ["a"]},
            f"'label' holds values of several types; the first other type is in row {LATE + 1}",
        ),
        ({"text": None, "label": "a"}, f"row {LATE + 1}: 'text' is missing"),
        ({"text": "t"}, f"row {LATE + 1}: label in 'label' is missing"),
        ({"text": "t", "label": "c"}, rf"row {LATE + 1}: label 'c' is outside the label set \(a, b\)"),
    ],
)
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_row_of_a_later_batch_is_refused_by_its_number(
    tmp_path: Path, late: dict[str, Any], message: str, split: str
) -> None:
    rows = [{"text": "t", "label": "ab"[number % 2]} for number in range(MANY)]
    splits = {"train": rows[:100], "test": rows[:100], split: [*rows[:LATE], late, *rows[LATE:]]}
    task = files_task(tmp_path, **splits, labels=("a", "b"))
    with pytest.raises(UserError, match=message):
        prepare("t", task, tmp_path / "out")
    assert not list(tmp_path.glob("*out*")) and not list(tmp_path.glob(".*"))


def test_numbers_that_are_whole_in_one_batch_and_not_in_the_next(tmp_path: Path) -> None:
    labels = [number % 5 for number in range(ROWS)] + [0.5, 1]
    rows = [{"text": "t", "label": label} for label in labels]
    prepare("t", files_task(tmp_path, rows, kind="regression", validation=rows[:2]), tmp_path / "t")
    assert column(tmp_path / "t", "train", "label") == labels


def test_tsv_without_quoting_is_refused_before_rows_are_swallowed(tmp_path: Path) -> None:
    """Read as quoted, the three rows would be one, with a text of three lines."""
    path = tmp_path / "t.tsv"
    path.write_text('text\tlabel\n"to begin with\tno\nin between\tno\nto end with"\tyes\n')
    with pytest.raises(UserError, match=r"t\.tsv: line 2: a tab .* 'to begin with' .*quoting: none") as caught:
        rows_of(path, "text", "label")
    assert "\n" not in str(caught.value)


def test_a_csv_row_longer_than_a_block_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f'text,label\na,b\n"{"x" * 3 * _BLOCK}",b\n')
    with pytest.raises(UserError, match=r"t\.csv: line 3: the row does not end within 4,194,304 bytes"):
        rows_of(path, "text", "label")


def test_row_groups_of_parquet_and_of_rows_have_nothing_to_do_with_each_other(tmp_path: Path) -> None:
    table = pa.table({"text": [str(number) for number in range(MANY)]})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=700)
    assert [row["text"] for row in rows_of(tmp_path / "t.parquet", "text")] == table["text"].to_pylist()


@pytest.mark.parametrize("sizes", [[1], [ROWS], [ROWS + 1], [3] * 10, [ROWS - 1, 1, 2 * ROWS + 5, 7], [0, 2, 0]])
def test_rebatching_changes_the_size_of_batches_only(sizes: list[int]) -> None:
    numbers = iter(range(sum(sizes)))
    batches = [pa.record_batch({"n": pa.array([next(numbers) for _ in range(size)], pa.int64())}) for size in sizes]
    again = list(rebatch(iter(batches)))
    assert [row for batch in again for row in batch["n"].to_pylist()] == list(range(sum(sizes)))
    assert all(batch.num_rows == ROWS for batch in again[:-1]) and 0 < again[-1].num_rows <= ROWS


MEASURE = """
import sys
from pathlib import Path
import pyarrow as pa
from scalearn.tasks.reading import readers
from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.prepare import prepare

readers._BLOCK = 1 << 17  # the CSV reader looks some dozens of blocks ahead
for definition in sys.argv[2:]:
    prepare("t", Task.model_validate_json(definition), Path(sys.argv[1]))
    print("peak", pa.default_memory_pool().max_memory())
"""


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "csv"])
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, ending: str) -> None:
    """Arrow's own count of what it held at its highest, after a file and after one four times as long."""
    tasks = []
    for rows in (3 * ROWS, 12 * ROWS):
        (tmp_path / f"{rows}").mkdir()
        draw = Random(0)  # what compresses well would hide what piles up
        made = [{"text": draw.randbytes(250).hex(), "label": number % 2} for number in range(rows)]
        tasks.append(files_task(tmp_path / f"{rows}", made, ending).model_dump_json())
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "out"), *tasks]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    peaks = [int(line.split()[1]) for line in lines if line.startswith("peak")]
    assert len(peaks) == 2 and peaks[1] < 1.5 * peaks[0], [peak >> 20 for peak in peaks]


def test_json_that_is_not_utf8_in_a_later_batch(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes((json.dumps({"text": "a"}) + "\n").encode() * MANY + b'{"text": "Gr\xfc\xdfe"}\n')
    with pytest.raises(UserError, match=rf"t\.jsonl: line {MANY + 1} is not UTF-8; save the file as UTF-8"):
        rows_of(path, "text")


VIEW = pa.string_view()
TYPES: dict[str, tuple[pa.DataType, list[Any], pa.DataType]] = {
    "texts": (VIEW, ["a", None, "b"], pa.string()),
    "large texts": (pa.large_string(), ["a", None, "b"], pa.string()),
    "bytes": (pa.binary_view(), [b"a", None, b"b"], pa.binary()),
    "lists": (pa.list_(VIEW), [["a"], None, [], ["b", "c"]], pa.list_(pa.string())),
    "large lists": (pa.large_list(VIEW), [["a"], None, [], ["b", "c"]], pa.list_(pa.string())),
    "lists of two": (pa.list_(VIEW, 2), [["a", "x"], ["b", "c"]], pa.list_(pa.string())),
    "structures": (pa.struct([("in", pa.list_(VIEW))]), [{"in": ["a"]}], pa.struct([("in", pa.list_(pa.string()))])),
    "numbers": (pa.int8(), [1, None, 2], pa.int8()),
}


@pytest.mark.parametrize("case", TYPES)
def test_types_of_other_writers_are_read_as_plain_ones(tmp_path: Path, case: str) -> None:
    """Polars and DataFusion write views, which hardly any function of Arrow's takes."""
    kind, values, plain = TYPES[case]
    pq.write_table(pa.table({"x": pa.array(values, kind)}), tmp_path / "t.parquet")
    assert pq.read_schema(tmp_path / "t.parquet").field("x").type == kind
    (batch,) = read_batches(tmp_path / "t.parquet", ["x"])
    assert batch.schema.field("x").type == plain and batch["x"].to_pylist() == values


def test_a_dictionary_is_read_as_its_values(tmp_path: Path) -> None:
    encoded = pa.DictionaryArray.from_arrays(pa.array([1, None, 0], pa.int32()), pa.array(["a", "b"]))
    pq.write_table(pa.table({"x": encoded}), tmp_path / "t.parquet")
    (batch,) = read_batches(tmp_path / "t.parquet", ["x"])
    assert batch["x"].type == pa.string() and batch["x"].to_pylist() == ["b", None, "a"]


VIEWS: dict[str, tuple[dict[str, tuple[pa.DataType, list[Any]]], dict[str, Any]]] = {
    "classification": ({"text": (VIEW, list("abcd")), "label": (VIEW, list("xyxy"))}, {}),
    "groups": (
        {"text": (VIEW, list("abcd")), "label": (VIEW, list("xyxy")), "from": (VIEW, list("mmnn"))},
        {"groups": "from"},
    ),
    "multi_label": (
        {"text": (VIEW, list("abcd")), "label": (pa.list_(VIEW), [["x"], [], ["y", "x"], ["y"]])},
        {"kind": "multi_label"},
    ),
    "multiple_choice": (
        {"text": (VIEW, list("abcd")), "all": (pa.list_(VIEW), [["p", "q"]] * 4), "label": (VIEW, list("pqpq"))},
        {"kind": "multiple_choice", "choices": ("all",)},
    ),
}


@pytest.mark.parametrize("case", VIEWS)
def test_views_make_the_same_task_as_plain_types(tmp_path: Path, case: str) -> None:
    columns, changes = VIEWS[case]
    for name in ("views", "plain"):
        made = {key: pa.array(values, kind if name == "views" else None) for key, (kind, values) in columns.items()}
        pq.write_table(pa.table(made), tmp_path / "t.parquet")
        source = {"kind": "files", **dict.fromkeys(("train", "validation", "test"), str(tmp_path / "t.parquet"))}
        prepare("t", Task.model_validate({"source": source, **changes}), tmp_path / name)
    for split in ("train", "validation", "test"):
        views, plain = (pq.read_table(tmp_path / name / f"{split}.parquet") for name in ("views", "plain"))
        assert views.equals(plain) and views.num_rows == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a"}{"text": "b"}\n', "line 1: Extra data"),
        ('{"text": "a"}\n\n{"text": "b",\n"label": "c"}\n', "line 3: "),
        ('{"text": "a", "more": {"x": 1, "x": 2}}\n', "line 1: key 'x' occurs more than once"),
        ('{"text": "a"}\n[{"text": "b"}]\n', "line 2: a JSON object is expected"),
    ],
)
def test_no_row_of_jsonl_is_lost(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "t.jsonl").write_text(content)
    with pytest.raises(UserError, match=rf"t\.jsonl: not readable as jsonl \({message}"):
        rows_of(tmp_path / "t.jsonl", "text")


def test_empty_lines_of_jsonl_are_no_rows_and_escaped_signs_stay(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(b'\n{"text": "a\\u0000\\r\\n\\"b\\""}\r\n  \r\n{"text": "\xe2\x80\xa8c"}')
    assert [row["text"] for row in rows_of(tmp_path / "t.jsonl", "text")] == ['a\0\r\n"b"', "\u2028c"]
