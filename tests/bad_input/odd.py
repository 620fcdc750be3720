"""Task files that look odd and are good: each with the rows that must come out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from tests.bad_input.rows import Content

LONG = "word " * 200_000
FAMILY = "👩‍👩‍👧 ran 🏃🏽‍♀️"
HEBREW = "שלום עולם \u202eabc\u202c"
ARABIC = "مرحبا بالعالم"


@dataclass(frozen=True)
class Odd:
    """A file's ending and content, what the task says of it, and the texts, labels and label names to come out."""

    name: str
    ending: str
    content: Content
    texts: list[str]
    labels: list[Any]
    names: list[str] | None
    changes: dict[str, Any] = field(default_factory=dict)


def rows(*pairs: tuple[str, Any]) -> list[dict[str, Any]]:
    return [{"text": text, "label": label} for text, label in pairs]


def csv(*lines: str, end: str = "\n", delimiter: str = ",") -> bytes:
    return (end.join([f"text{delimiter}label", *lines]) + end).encode()


AB = ["a", "b"]
ODD = [
    Odd("a byte order mark", "csv", b"\xef\xbb\xbf" + csv("x,a", "y,b"), ["x", "y"], [0, 1], AB),
    Odd("a mark in TSV", "tsv", b"\xef\xbb\xbf" + csv("x\ta", "y\tb", delimiter="\t"), ["x", "y"], [0, 1], AB),
    Odd(
        "a mark in JSONL",
        "jsonl",
        b"\xef\xbb\xbf" + b'{"text": "x", "label": "a"}\n{"text": "y", "label": "b"}\n',
        ["x", "y"],
        [0, 1],
        AB,
    ),
    Odd("the ends of lines of Windows", "csv", csv("x,a", "y,b", end="\r\n"), ["x", "y"], [0, 1], AB),
    Odd("no end of the last line", "csv", csv("x,a", "y,b")[:-1], ["x", "y"], [0, 1], AB),
    Odd("emoji", "csv", csv(f"{FAMILY},👍", "no,👎"), [FAMILY, "no"], [0, 1], ["👍", "👎"]),
    Odd(
        "right to left",
        "tsv",
        csv(f"{HEBREW}\tאב", f"{ARABIC}\tלא", delimiter="\t"),
        [HEBREW, ARABIC],
        [0, 1],
        ["אב", "לא"],
    ),
    Odd("escapes in JSONL", "jsonl", rows((FAMILY, "a"), (HEBREW, "b")), [FAMILY, HEBREW], [0, 1], AB),
    Odd("a million letters", "csv", csv(f"{LONG},a", "short,b"), [LONG, "short"], [0, 1], AB),
    Odd("a million letters in JSONL", "jsonl", rows((LONG, "a"), ("short", "b")), [LONG, "short"], [0, 1], AB),
    Odd("a million letters in quotes", "csv", csv(f'"{LONG}, ""so""",a', "y,b"), [f'{LONG}, "so"', "y"], [0, 1], AB),
    Odd("quotes", "csv", csv('"he said ""a, b""",a', "'y',b"), ['he said "a, b"', "'y'"], [0, 1], AB),
    Odd("one quote within", "csv", csv('5" wide,a', "y,b"), ['5" wide', "y"], [0, 1], AB),
    Odd("lines within", "csv", csv('"one\ntwo\r\n\nthree",a', "y,b"), ["one\ntwo\r\n\nthree", "y"], [0, 1], AB),
    Odd("an empty text", "csv", csv(",a", '"",b'), ["", ""], [0, 1], AB),
    Odd("blanks", "jsonl", rows(("  ", "a"), ("\t", "b")), ["  ", "\t"], [0, 1], AB),
    Odd("what looks like null", "csv", csv("NA,a", "null,b"), ["NA", "null"], [0, 1], AB),
    Odd(
        "what looks like code",
        "csv",
        csv("$(touch owned),a", "=cmd|' /C calc'!A0,b", "; rm -rf /,a"),
        ["$(touch owned)", "=cmd|' /C calc'!A0", "; rm -rf /"],
        [0, 1, 0],
        AB,
    ),
    Odd("other columns twice", "csv", b"text,x,x,label\np,1,2,a\nq,3,4,b\n", ["p", "q"], [0, 1], AB),
    Odd(
        "whole numbers as floats",
        "jsonl",
        rows(("x", 1.0), ("y", 0.0)),
        ["x", "y"],
        [1, 0],
        ["0", "1"],
        {"kind": "classification"},
    ),
    Odd("numbers in their order", "csv", csv("x,10", "y,9"), ["x", "y"], [1, 0], ["9", "10"]),
    Odd("classes by index", "csv", csv("x,1", "y,0"), ["x", "y"], [1, 0], ["no", "yes"], {"labels": ["no", "yes"]}),
    Odd("true and false", "jsonl", rows(("x", True), ("y", False)), ["x", "y"], [1, 0], ["false", "true"]),
    Odd(
        "nan that is a class",
        "csv",
        csv("x,nan", "y,naan"),
        ["x", "y"],
        [1, 0],
        ["naan", "nan"],
        {"labels": ["naan", "nan"]},
    ),
    Odd("numbers as text", "csv", csv("x,1e-3", "y,7"), ["x", "y"], [0.001, 7.0], None, {"kind": "regression"}),
    Odd(
        "categories",
        "parquet",
        pa.table({"text": ["x", "y"], "label": pa.array(["b", "a"]).dictionary_encode()}),
        ["x", "y"],
        [1, 0],
        AB,
    ),
    Odd(
        "large text",
        "parquet",
        pa.table({"text": pa.array(["x", "y"], pa.large_string()), "label": pa.array([1, 0], pa.uint8())}),
        ["x", "y"],
        [1, 0],
        ["0", "1"],
    ),
    Odd(
        "lists of labels",
        "csv",
        csv('x,"a | b"', "y,", "z,b"),
        ["x", "y", "z"],
        [[0, 1], [], [1]],
        AB,
        {"kind": "multi_label"},
    ),
    Odd(
        "a NUL that is written out",
        "jsonl",
        json.dumps({"text": "a\0b", "label": "a"}) + "\n" + json.dumps({"text": "y", "label": "b"}),
        ["a\0b", "y"],
        [0, 1],
        AB,
    ),
]
