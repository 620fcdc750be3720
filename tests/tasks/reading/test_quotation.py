"""CSV and TSV: every row stays as it stands in the file, or the file is refused with the line and the mend."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalearn.errors import UserError
from scalearn.tasks.definition import Quoting, Task
from scalearn.tasks.preparing.prepare import prepare
from scalearn.tasks.reading.quotation import scan
from scalearn.tasks.reading.readers import read_batches
from tests.tasks.making import column

STYLES: dict[Quoting, Any] = {"standard": csv.QUOTE_MINIMAL, "none": csv.QUOTE_NONE}


def by_csv(text: str, quoting: Quoting, delimiter: str = ",") -> list[list[str]] | None:
    """Return the rows that Python's strict reader finds; None if it refuses, or if they are unequally long."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, quoting=STYLES[quoting])
    try:
        rows = [row for row in reader if row]
    except csv.Error:
        return None
    return None if len({len(row) for row in rows}) > 1 else rows


def read(path: Path, content: str | bytes, *names: str, quoting: Quoting | None = None) -> list[dict[str, Any]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [row for batch in read_batches(path, names, quoting) for row in batch.to_pylist()]


# ---------------------------------------------------------------------- exactly as Python's strict reader


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Names of files, a new one for each example."""
    folder = tmp_path_factory.mktemp("quotation")
    return (folder / f"{number}.csv" for number in count())


@settings(max_examples=400, deadline=None)
@given(st.text('ab",\n\r', max_size=40), st.sampled_from(["standard", "none"]), st.integers(3, 60))
def test_rows_are_counted_as_the_strict_reader_does(
    files: Iterator[Path], text: str, quoting: Quoting, block: int
) -> None:
    """Where blocks of the file meet, too; a row that is longer than a block is refused."""
    path = next(files)
    path.write_bytes(text.encode())
    expected = by_csv(text, quoting)
    try:
        found = scan(path, ",", quoting, {}, block, widths=True).rows
    except UserError as error:
        assert expected is None or f"does not end within {block} bytes" in str(error)
    else:
        assert expected is not None and found == max(len(expected) - 1, 0)


VALUES = st.text('a", \t\n\r', max_size=4)
WRITTEN = st.tuples(VALUES, st.booleans()).map(lambda pair: f'"{pair[0]}"' if pair[1] else pair[0])
ENCLOSED = VALUES.map(lambda value: '"' + value.replace('"', '""') + '"')
ROWS_OF_TWO = st.lists(st.tuples(WRITTEN | ENCLOSED, WRITTEN | ENCLOSED), max_size=6)


@settings(max_examples=150, deadline=None)
@given(ROWS_OF_TWO, st.sampled_from(["standard", "none"]), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_values_are_those_of_the_strict_reader(
    files: Iterator[Path], rows: list[tuple[str, str]], quoting: Quoting, end: str, ended: bool
) -> None:
    text = end.join(["x,y", *(",".join(row) for row in rows)]) + end * ended
    expected = by_csv(text, quoting)
    try:
        found = read(next(files), text, "x", "y", quoting=quoting)
    except UserError:
        assert expected is None
    else:
        assert expected is not None and [list(row.values()) for row in found] == expected[1:]


# ---------------------------------------------------------------------- what is read


def rows(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"text": text, "label": label} for text, label in pairs]


READ: dict[str, tuple[str, str, Quoting | None, list[dict[str, str]]]] = {
    "a mark within": (
        "csv",
        'text,label\n5" disk,a\nthe "best" one,b\n',
        None,
        rows(('5" disk', "a"), ('the "best" one', "b")),
    ),
    "a mark within, TSV": ("tsv", 'text\tlabel\n5" disk\ta\n', None, rows(('5" disk', "a"))),
    "line ends within": ("csv", 'text,label\n"one\n\r\ntwo",a\n', None, rows(("one\n\r\ntwo", "a"))),
    "line ends within, TSV": ("tsv", 'text\tlabel\n"one\ntwo"\ta\n', None, rows(("one\ntwo", "a"))),
    "doubled marks, TSV": (
        "tsv",
        'text\tlabel\n"""So"" it is"\ta\nb\tb\n',
        None,
        rows(('"So" it is', "a"), ("b", "b")),
    ),
    "all values enclosed, TSV": ("tsv", '"text"\t"label"\n"b"\t"a"\nNA\t""\n', None, rows(("b", "a"), ("NA", ""))),
    "some values enclosed, CSV": ("csv", 'text,label\n"good",a\nbad,b\n', None, rows(("good", "a"), ("bad", "b"))),
    "some values enclosed, TSV, said so": (
        "tsv",
        'text\tlabel\n"a\tb"\ta\n"c"\td\n',
        "standard",
        rows(("a\tb", "a"), ("c", "d")),
    ),
    "an empty value, TSV": ("tsv", 'text\tlabel\nb\ta\n""\tb\n', None, rows(("b", "a"), ("", "b"))),
    "no quoting": ("tsv", 'text\tlabel\n"a\tb\n"c"\td\n""\t"\n', "none", rows(('"a', "b"), ('"c"', "d"), ('""', '"'))),
    "no quoting, CSV": ("csv", 'text,label\n"a,b\n"c" d,e\n', "none", rows(('"a', "b"), ('"c" d', "e"))),
    "an unread column without quoting": (
        "tsv",
        'text\tlabel\tnote\na\tb\t"so"\nc\td\tno\n',
        None,
        rows(("a", "b"), ("c", "d")),
    ),
    "an unread column with marks of both kinds": (
        "tsv",
        'text\tlabel\tnote\na\tb\t"""So"" it is"\nc\td\t5" disk\n',
        None,
        rows(("a", "b"), ("c", "d")),
    ),
    "backslashes, said so": ("csv", 'text,label\na \\"b\\",c\n', "standard", rows((r"a \"b\"", "c"))),
    "backslashes in a quoted value": ("csv", 'text,label\n"a \\""b\\""",c\n', None, rows((r"a \"b\"", "c"))),
    "empty lines": ("csv", "\n\ntext,label\n\na,b\n\n\nc,d\n\n", None, rows(("a", "b"), ("c", "d"))),
    "carriage returns": ("csv", 'text,label\ra,b\r"c\r",d', None, rows(("a", "b"), ("c\r", "d"))),
    "no end of the last line": ("tsv", "text\tlabel\na\tb", None, rows(("a", "b"))),
    "a byte order mark before a mark": ("csv", '\ufeff"text",label\n"a",b\n', None, rows(("a", "b"))),
    "a line that only looks empty": ("csv", "text,label\n,\n", None, rows(("", ""))),
}


@pytest.mark.parametrize("case", READ)
def test_rows_are_read_as_they_stand(tmp_path: Path, case: str) -> None:
    ending, content, quoting, expected = READ[case]
    assert read(tmp_path / f"t.{ending}", content, "text", "label", quoting=quoting) == expected


# ---------------------------------------------------------------------- what is refused

NONE = "set `quoting: none` in the task's `source`, or --quoting none of predict, if the marks are plain characters"
REFUSED: dict[str, tuple[str, str, Quoting | None, str]] = {
    "text after a mark": (
        "csv",
        'text,label\na,b\n"c" d,e\n',
        None,
        f"line 3: text follows the closing quotation mark of 'c'; {NONE}, else",
    ),
    "text after a mark, in a column that is not read": (
        "csv",
        'text,label,note\na,b,"c"d\n',
        None,
        f"line 2: text follows the closing quotation mark of 'c'; {NONE}, else",
    ),
    "a mark before the delimiter only": ("csv", 'text,label\n"a"b",c\n', None, "line 2: text follows .* 'a'"),
    "backslashes before marks": (
        "csv",
        r"text,label" "\n" r'"say \"hi\"",a' "\n",
        None,
        r"line 2: text follows .* 'say \\+'; .*\"\"$",
    ),
    "a lone backslashed mark": ("csv", '"text","label"\n"5\\"","a"\n"6\\"","b"\n', None, "line 2: text follows"),
    "backslashes before marks in a value without any around it": (
        "csv",
        'text,label\nhe said \\"hi\\",a\n',
        None,
        f"line 2: a backslash stands before a quotation mark; {NONE}, else",
    ),
    "marks around one text, and within another": (
        "tsv",
        'text\tlabel\n5" disk\ta\n"""So"" it is"\tb\n',
        None,
        rf"line 3: marks enclose '.*', but other values contain marks .*; {NONE}, `quoting: standard` if",
    ),
    "marks within one text, and around another before": (
        "tsv",
        'text\tlabel\tnote\n"""So"" it is"\tb\t\na\tb\t5" disk\n',
        None,
        "line 2: marks enclose '.*', but other values contain marks",
    ),
    "a mark that opens": (
        "csv",
        'text,label\na,b\n"c\nd",e,f\ng,"h\n',
        None,
        "line 5: the quotation mark before 'h' has no closing mark",
    ),
    "rows between marks": (
        "tsv",
        'text\tlabel\n"a\tb\nc\td\ne"\tf\n',
        None,
        f"line 2: a tab stands between .* 'a' .*; {NONE}, `quoting: standard` if",
    ),
    "rows between marks, in a column that is not read": (
        "tsv",
        'text\tlabel\tnote\na\tb\t"c\nd\te\tf"\n',
        None,
        f"line 2: a tab stands between .* 'c' .*; {NONE}",
    ),
    "some texts between marks": (
        "tsv",
        'text\tlabel\nplain\ta\n"Good."\tb\n',
        None,
        f"line 3: marks enclose 'Good.', .* column 'text' have none; {NONE}, `quoting: standard` if",
    ),
    "all texts between marks, and not their name": (
        "tsv",
        'text\tlabel\n"Good."\tb\n',
        None,
        "line 2: marks enclose 'Good.'",
    ),
    "some labels between marks": (
        "tsv",
        '"text"\t"label"\n"a"\t"b"\n"c"\td\n',
        None,
        "line 1: marks enclose 'label'",
    ),
    "a value too many": ("csv", "text,label\na,b\n\nc,d,e\n", None, "line 4: 3 values, but the header has 2"),
    "a value too few": ("tsv", "text\tlabel\na\tb\nc\n", "none", "line 3: 1 value, but the header has 2"),
    "a value too many after quoted lines": ("csv", 'text,label\n"a\n\nb",b\nc,d,e\n', None, "line 5: 3 values, but"),
    "a header with text after a mark": ("csv", '"text"x,label\na,b\n', None, "line 1: text follows"),
    "a header that never ends": (
        "csv",
        '"text,label\na,b\n',
        None,
        "line 1: the quotation mark before 'text,label' has no closing mark",
    ),
    "blanks on a line": ("csv", "text,label\na,b\n  \n", None, "line 3: 1 value, but the header has 2"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_lose_or_change_rows_is_refused_with_the_line(tmp_path: Path, case: str) -> None:
    ending, content, quoting, message = REFUSED[case]
    with pytest.raises(UserError, match=rf"t\.{ending}: {message}") as caught:
        read(tmp_path / f"t.{ending}", content, "text", "label", quoting=quoting)
    assert "\n" not in str(caught.value)


def test_a_quotation_longer_than_a_block_names_its_first_line(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('text,label\na,b\n"' + "c,d\n" * 100)
    with pytest.raises(
        UserError, match=r"t\.csv: line 3: the row does not end within 64 bytes; add the missing closing"
    ):
        scan(tmp_path / "t.csv", ",", None, {}, 64)


def test_marks_in_one_block_and_none_in_another_are_compared(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text('"text"\t"label"\n' + '"a"\t"b"\n' * 50 + 'c\t"d"\n' + "NA\t\\N\n" * 50)
    with pytest.raises(UserError, match=r"t\.tsv: line 1: marks enclose 'text'"):
        scan(tmp_path / "t.tsv", "\t", None, {0: "text", 1: "label"}, 64)
    assert scan(tmp_path / "t.tsv", "\t", None, {1: "label"}, 64).rows == 101


# ---------------------------------------------------------------------- a task says it

ROWS = "text\tlabel\tcomment\n" + "".join(
    f"text number {number}\t{'ab'[number % 2]}\t{comment}\n"
    for number, comment in enumerate(
        ["ok"] * 4 + ['"unsure'] + ["ok"] * 20 + ['"really"', "ok", '"second'] + ["ok"] * 12
    )
)


def test_a_mark_in_a_column_that_nobody_reads_takes_no_rows(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text(ROWS)
    source = {"kind": "files", "train": str(tmp_path / "t.tsv"), "test": str(tmp_path / "t.tsv")}
    with pytest.raises(UserError, match=rf"t\.tsv: line 6: .*{NONE}"):
        prepare("mine", Task.model_validate({"source": source}), tmp_path / "mine")
    info = prepare("mine", Task.model_validate({"source": {**source, "quoting": "none"}}), tmp_path / "mine")
    assert info.sizes == {"train": 36, "validation": 4, "test": 40} and info.source["quoting"] == "none"


def test_marks_stay_in_the_texts_of_a_hub_repository_without_quoting(tmp_path: Path) -> None:
    (tmp_path / "something").mkdir()
    for split in ("train", "validation"):
        lines = [f'"Good" number {number} she said\t{"ab"[number % 2]}\n' for number in range(40)]
        (tmp_path / "something" / f"{split}.tsv").write_text("text\tlabel\n" + "".join(lines))
    source = {"kind": "hub", "repository": "someone/something", "revision": "0" * 40, "files": "{split}.tsv"}
    with pytest.raises(UserError, match=r"train\.tsv: line 2: text follows .* of 'Good'"):
        prepare("mine", Task.model_validate({"source": source}), tmp_path / "mine", tmp_path)
    prepare("mine", Task.model_validate({"source": {**source, "quoting": "none"}}), tmp_path / "mine", tmp_path)
    assert column(tmp_path / "mine", "test", "text1") == [f'"Good" number {number} she said' for number in range(40)]


def test_what_is_read_without_its_marks_is_noted(tmp_path: Path) -> None:
    """As QQP is written: by a program that encloses a text with marks in it and doubles those."""
    lines = [f'"Is ""{number}"" a number?"\t{"ab"[number % 2]}\n' for number in range(40)]
    source = {"kind": "files"}
    for split, content in (("train", lines), ("validation", ["a\ta\n", "b\tb\n"]), ("test", lines)):
        (tmp_path / f"{split}.tsv").write_text("text\tlabel\n" + "".join(content))
        source[split] = str(tmp_path / f"{split}.tsv")
    info = prepare("mine", Task.model_validate({"source": source}), tmp_path / "mine")
    assert column(tmp_path / "mine", "test", "text1")[7] == 'Is "7" a number?'
    assert info.notes[0].startswith("quoting: standard in train.tsv, test.tsv: marks around values are removed")
    for quoting, text in (("standard", 'Is "7" a number?'), ("none", '"Is ""7"" a number?"')):
        task = Task.model_validate({"source": {**source, "quoting": quoting}})
        assert not any("quoting" in note for note in prepare("mine", task, tmp_path / "mine").notes)
        assert column(tmp_path / "mine", "test", "text1")[7] == text


@pytest.mark.parametrize(
    "source",
    [
        {"kind": "files", "train": "t.jsonl", "quoting": "none"},
        {"kind": "hub", "repository": "a/b", "revision": "0" * 40, "quoting": "standard"},
    ],
)
def test_quoting_of_files_that_have_none_is_refused(source: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="quoting: this key only applies to CSV and TSV files; remove it"):
        Task.model_validate({"source": source})
