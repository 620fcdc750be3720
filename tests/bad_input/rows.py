"""Task files that are refused, by `scalearn check` before a campaign and by `scalearn prepare-task`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.bad_input.case import ROWS, Case, configure, prepare

BOTH: tuple[Callable[..., list[str]], ...] = (
    lambda name, **changes: configure(tasks={"mine": {"source": {"kind": "files", "train": name}, **changes}}),
    prepare,
)
Content = bytes | str | list[dict[str, Any]] | pa.Table


def write(name: str, content: Content) -> None:
    """Write rows as JSONL (unless they are bytes, text or a table, which are written as they are)."""
    if isinstance(content, pa.Table):
        pq.write_table(content, name)
    elif isinstance(content, list):
        Path(name).write_text("".join(json.dumps(row) + "\n" for row in content))
    else:
        Path(name).write_bytes(content.encode() if isinstance(content, str) else content)


def file(name: str, says: str, ending: str, content: Content, **changes: Any) -> list[Case]:
    def spoiled(command: Callable[..., list[str]]) -> Callable[[], list[str]]:
        def spoil() -> list[str]:
            write(f"bad.{ending}", content)
            return command(f"bad.{ending}", **changes)

        return spoil

    says = rf"^error: bad\.{ending}: {says}"
    return [
        Case(f"{name}: {command}", says, spoiled(way)) for command, way in zip(("check", "prepare"), BOTH, strict=True)
    ]


def labelled(*labels: Any) -> list[dict[str, Any]]:
    return [{"text": f"row {number}", "label": label} for number, label in enumerate(labels)]


GOOD = labelled(*"abababababab")
TWO_SPELLINGS = "text\tlabel\n" + "x\ta\ny\tA\nz\tb\n" * 5
NUMBERS = {"kind": "regression"}
NUMBER_ROWS = "text,label\n" + "a,1\n" * 12

CASES = [
    case
    for cases in (
        # labels
        file(
            "NaN as a class",
            r"row 3: label in 'label' is missing; label the row",
            "jsonl",
            labelled(0, 1, float("nan")),
        ),
        file(
            "infinity as a class",
            r"row 2: label in 'label' is infinite; mend the row",
            "jsonl",
            labelled(0, float("inf")),
        ),
        file(
            "a regression that the task does not state",
            r"column 'label' holds double, which may be a quantity or a class; set `kind: regression`, or `kind: class",
            "jsonl",
            labelled(1.0, 2.0, 3.0),
        ),
        file(
            "nan in words",
            r"row 2: label 'NaN' looks like a missing number; .*name it in `labels`",
            "csv",
            "text,label\na,0\nb,NaN\nc,1\n",
        ),
        file(
            "NA as a class",
            r"row 2: label 'NA', in 1 row, often means that the label is missing; remove such rows, or list all",
            "csv",
            "text,label\na,x\nb,NA\nc,y\n",
        ),
        file(
            "two files joined",
            r"row 3 repeats the header, perhaps because two files were joined; remove that line",
            "csv",
            "id,text,label\n1,a,x\n2,b,y\nid,text,label\n3,c,x\n",
        ),
        file(
            "another separator",
            r"row 1: label 'a,b' in 'label' looks like several labels with ',' between them; set `separator: \",\"`",
            "tsv",
            "text\tlabel\nx\ta,b\ny\tb,c\nz\ta,c\n",
            kind="multi_label",
        ),
        file("inf in words", r"row 1: label '-inf' looks like", "tsv", "text\tlabel\na\t-inf\nb\t1\n"),
        file("NaN to learn", r"row 13: label in 'label' is missing", "csv", NUMBER_ROWS + "b,nan\n", **NUMBERS),
        file("infinity to learn", r"row 13: label in 'label' is infinite", "csv", NUMBER_ROWS + "b,inf\n", **NUMBERS),
        file(
            "too large to learn", r"row 13: label in 'label' is infinite", "csv", NUMBER_ROWS + "b,1e999\n", **NUMBERS
        ),
        file(
            "a word to learn",
            r"row 13: label 'high' is not a number; mend the row, or set",
            "csv",
            NUMBER_ROWS + "b,high\n",
            **NUMBERS,
        ),
        file(
            "a class of 0.5", r"row 2: label in 'label' is not a whole number; .*regression", "jsonl", labelled(0, 0.5)
        ),
        file(
            "decimals as classes",
            r"row 1: label in 'label' is not a whole number; .*regression",
            "csv",
            "text,label\na,0.5\nb,1.5\nc,2\n",
        ),
        file(
            "a code for no label",
            r"row 2: label '-1', in 1 row, often means that the label is missing",
            "jsonl",
            labelled(0, -1, 1),
        ),
        file("two spellings", r"row 1: labels 'A' and 'a' differ only in spelling", "tsv", TWO_SPELLINGS),
        file("a class for each row", r"'label' holds 30 different labels among 30", "jsonl", labelled(*range(30))),
        file("one row left", r"after test and validation were cut from train, train has one row", "jsonl", GOOD[:3]),
        file(
            "an index twice",
            r"row 1: class '1' occurs more than once",
            "jsonl",
            labelled([1, 1], [0]),
            kind="multi_label",
        ),
        file("no label", r"row 2: label in 'label' is missing", "csv", "text,label\na,b\nc,\n"),
        file("a null label", r"row 2: label in 'label' is missing", "jsonl", labelled("a", None)),
        file(
            "a list for a class",
            r"column 'label' holds list<.*>, which cannot be labels; .*`kind: multi_label`",
            "jsonl",
            labelled(["a"], ["b"]),
        ),
        file(
            "labels of two types",
            r".*column 'label' holds values of several types; the first other type is in row 2",
            "jsonl",
            labelled("a", 1),
        ),
        file("an integer without end", r".*row 2: column 'label': ", "jsonl", labelled(1, 10**30)),
        file(
            "a number of 5000 digits",
            r".*line 2: Exceeds the limit",
            "jsonl",
            f'{{"text": "a", "label": 1}}\n{{"text": "a", "label": {"9" * 5000}}}\n',
        ),
        file(
            "a label outside",
            r"row 2: label 'b' is outside the label set \(a, c\); mend",
            "jsonl",
            labelled("a", "b"),
            labels=["a", "c"],
        ),
        file(
            "a label of a million letters",
            r"row 2: label 'x+ \.\.\. x*' is outside .* mend the row",
            "jsonl",
            labelled("a", "x" * 1_000_000),
            labels=["a", "c"],
        ),
        file(
            "a label to fool a terminal",
            r"row 2: label '\\x1b\[31mb\\n' is outside",
            "jsonl",
            labelled("a", "\x1b[31mb\n"),
            labels=["a", "c"],
        ),
        file("one class only", r"every row has the label 'a'; add rows of another class", "jsonl", labelled("a", "a")),
        # texts
        file(
            "a null text",
            r"row 2: 'text' is missing; give it a text, or remove the row",
            "jsonl",
            [GOOD[0], {"text": None, "label": "b"}, *GOOD],
        ),
        file(
            "texts that are numbers",
            r"column 'text' holds int64, not text; name a text column",
            "jsonl",
            [{"text": 1, "label": "a"}, {"text": 2, "label": "b"}] * 9,
        ),
        file(
            "texts that are lists",
            r"column 'text' holds list<.*>, not text",
            "jsonl",
            [{"text": ["a"], "label": "a"}, {"text": [], "label": "b"}] * 9,
        ),
        file(
            "half a surrogate",
            r".*row 2: column 'text': .*surrogates not allowed",
            "jsonl",
            [GOOD[0], {"text": "\ud800", "label": "b"}],
        ),
        # files as such
        file("nothing", r"no column 'text'; known: none|no rows", "csv", ""),
        file("a header", r"the split has no rows; add some", "csv", "text,label\n"),
        file("nothing at all", r"the split has no rows", "jsonl", ""),
        file("one row", r"train has one row only; add rows", "jsonl", GOOD[:1]),
        file("a column with a typo", r"no column 'text', did you mean 'txt'\?", "csv", "txt,label\na,b\n"),
        file(
            "a column twice",
            r"column 'text' occurs more than once; rename one",
            "csv",
            "text,text,label\na,b,c\n",
        ),
        file(
            "a column twice in parquet",
            r"column 'text' occurs more than once",
            "parquet",
            pa.Table.from_arrays([pa.array(["a", "b"])] * 3, ["text", "text", "label"]),
        ),
        file(
            "a key twice",
            r".*line 1: key 'text' occurs more than once",
            "jsonl",
            '{"text": "a", "text": "b", "label": "c"}\n',
        ),
        file("Latin-1", r"line 2 is not UTF-8; save the file as UTF-8", "csv", b"text,label\nGr\xfc\xdfe,a\nb,b\n"),
        file(
            "two encodings", r"line 22 is not UTF-8; save the file as UTF-8", "csv", ROWS.encode() + b"Gr\xfc\xdfe,a\n"
        ),
        file(
            "two encodings in lines",
            r"line 2 is not UTF-8",
            "jsonl",
            b'{"text": "a", "label": "b"}\n{"text": "\xfc", "label": "c"}\n',
        ),
        file("UTF-16", r"line 1 is not UTF-8", "csv", ROWS.encode("utf-16")),
        file("a name in Latin-1", r"line 1 is not UTF-8", "tsv", b"text\tlabel\t\xfc\na\tb\tc\n"),
        file("NUL bytes", r".*row 2: a NUL byte in column 'text'\); mend the file", "csv", "text,label\na,b\nc\0d,e\n"),
        file("raw NUL in lines", r".*line 1: ", "jsonl", b'{"text": "a\0b", "label": "c"}\n'),
        file("a value too many", r"line 3: 3 values, but the header has 2", "csv", "text,label\na,b\nc,d,e\n"),
        file(
            "a quotation without end", r"line 3: the quotation mark before 'c,d'", "csv", 'text,label\na,b\n"c,d\ne,f\n'
        ),
        file(
            "a last value without end",
            r"line 3: the quotation mark before 'y'",
            "csv",
            'text,label\na,x\nb,"y\nc,x\nd,y\n',
        ),
        file(
            "a quotation in TSV",
            r"line 2: a tab stands between the quotation mark before 'a' and .*quoting: none",
            "tsv",
            'text\tlabel\n"a\tno\nb\tno\nc"\tyes\n',
        ),
        file("no JSON", r".*line 2: Expecting", "jsonl", '{"text": "a", "label": "b"}\n{text: a}\n'),
        file("lists for rows", r".*line 1: a JSON object is expected", "jsonl", '["a", "b"]\n'),
        file("brackets without end", r".*line 1: .*recursion", "jsonl", '{"text": ' + "[" * 100_000),
        file("no parquet", r"not readable as parquet", "parquet", b"PAR1 not at all"),
        file("half a parquet", r"not readable as parquet", "parquet", b"PAR1" + b"\0" * 100 + b"PAR1"),
        file(
            "another format",
            r"the file name must end in \.csv, \.tsv, \.jsonl, \.parquet, \.arrow; convert the file",
            "xlsx",
            b"PK",
        ),
        file("a pickle", r"the file name must end in", "pkl", b"\x80\x04."),
        # kinds
        file(
            "half a choice",
            r"row 2: 1\.5 in 'label' is not a whole number; mend the row",
            "jsonl",
            [{"text": "a", "all": ["x", "y"], "label": label} for label in (0, 1.5)],
            kind="multiple_choice",
            choices=["all"],
        ),
        file(
            "choices unalike",
            r"row 2: 'all' holds 1 choices, but other rows have 2",
            "jsonl",
            [{"text": "a", "all": ["x", "y"], "label": 0}, {"text": "a", "all": ["x"], "label": 0}],
            kind="multiple_choice",
            choices=["all"],
        ),
        file(
            "a choice there is not",
            r"row 1: label '7' is neither the index nor the text",
            "jsonl",
            [{"text": "a", "all": ["x", "y"], "label": 7}] * 2,
            kind="multiple_choice",
            choices=["all"],
        ),
        file(
            "text for lists of labels",
            r"column 'label' holds int64, not lists of labels; name another",
            "jsonl",
            labelled(1, 2),
            kind="multi_label",
        ),
        file("no label in any row", r"no row has a label in 'label'", "jsonl", labelled([], []), kind="multi_label"),
    )
    for case in cases
]
