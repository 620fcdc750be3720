"""Each construction against a slow form of its definition: on odd rows made by hand, and on real ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scalearn.errors import UserError
from scalearn.tasks import TASKS
from scalearn.tasks.preparing.constructions import CONSTRUCTIONS
from scalearn.tasks.preparing.groups import Groups
from scalearn.tasks.reading.rows import Batch
from tests.places import DATA

real_data = pytest.mark.data("super_glue")

Row = dict[str, Any]


def slow_copa(rows: list[Row]) -> list[Row]:
    return [{"text1": row["premise"] + (" because" if row["question"] == "cause" else " so")} for row in rows]


def slow_multirc(rows: list[Row]) -> list[Row]:
    asked = list(dict.fromkeys((row["paragraph"], row["question"]) for row in rows))
    return [
        {
            "text1": row["paragraph"],
            "text2": f"{row['question']} {row['answer']}",
            "group": asked.index((row["paragraph"], row["question"])),
        }
        for row in rows
    ]


def slow_record(rows: list[Row]) -> list[Row]:
    return [
        {
            "text1": "- ".join(row["passage"].split("@highlight\n")),
            "text2": entity.join(row["query"].split("@placeholder")),
            "label": 1 if entity in row["answers"] else 0,
            "group": number,
            "candidate": entity,
            "answers": row["answers"],
        }
        for number, row in enumerate(rows)
        for entity in row["entities"]
    ]


def slow_wic(rows: list[Row]) -> list[Row]:
    return [{f"text{n}": f"{row['word']}: {row[f'sentence{n}']}" for n in (1, 2)} for row in rows]


def slow_wsc(rows: list[Row]) -> list[Row]:
    found = []
    for row in rows:
        words = row["text"].split()
        at = row["span2_index"]
        found.append({"text1": " ".join([*words[:at], f"*{words[at]}*", *words[at + 1 :]]), "text2": row["span1_text"]})
    return found


SLOW: dict[str, Callable[[list[Row]], list[Row]]] = {
    "copa": slow_copa,
    "multirc": slow_multirc,
    "record": slow_record,
    "wic": slow_wic,
    "wsc": slow_wsc,
}

RECORD: Row = {"passage": "p", "query": "@placeholder", "entities": ["e"], "answers": ["e"]}
ODD: dict[str, list[Row]] = {
    "copa": [
        {"premise": "", "question": "cause"},
        {"premise": "Es regnete, 雨。", "question": "effect"},
        {"premise": "It stops. ", "question": "cause"},
    ],
    "multirc": [
        {"paragraph": "p", "question": "q", "answer": "a"},
        {"paragraph": "p", "question": "q", "answer": ""},
        {"paragraph": "p q", "question": "", "answer": "ü"},
        {"paragraph": "p", "question": " q", "answer": "a"},
        {"paragraph": "q", "question": "p", "answer": "a"},
        {"paragraph": "p", "question": "q", "answer": "back again"},
    ],
    "record": [
        RECORD | {"query": "no gap in it", "entities": ["a", "b"]},
        RECORD
        | {"query": "@placeholder or @placeholder?", "entities": ["(a+|\\1)*$", "$0", "\\n", ".*"], "answers": [".*"]},
        RECORD | {"entities": []},
        RECORD
        | {
            "passage": "@highlight\none\n@highlight\ntwo @highlight three",
            "entities": ["@placeholder", "@highlight\n"],
        },
        RECORD | {"query": "Grüße von @placeholder", "entities": ["東京", "Ålesund", "東京"], "answers": ["東京"]},
        RECORD | {"entities": ["E", "e "], "answers": ["e", "x"]},
    ],
    "wic": [{"word": "Straße", "sentence1": "", "sentence2": "Die Straße: lang."}],
    "wsc": [
        {"text": "  He said:\tit\u00a0is  \n so. ", "span2_index": 2, "span1_text": "He"},
        {"text": "one", "span2_index": 0, "span1_text": ""},
        {"text": "a *b* c", "span2_index": 1, "span1_text": "ç"},
    ],
}


def built(name: str, rows: list[Row], size: int = 4) -> list[Row]:
    """Return what the construction makes of the rows in batches of `size`."""
    groups, found = Groups(), []
    table = pa.Table.from_pylist(rows)
    for start in range(0, len(rows), size):
        (columns,) = table.slice(start, size).combine_chunks().to_batches()
        batch = Batch("rows", np.arange(start, start + columns.num_rows), columns)
        found += pa.table(CONSTRUCTIONS[name].make(TASKS[name], batch, groups)).to_pylist()
    return found


@pytest.mark.parametrize("name", ODD)
def test_odd_rows(name: str) -> None:
    assert built(name, ODD[name]) == SLOW[name](ODD[name])


@real_data
@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("name", SLOW)
def test_real_rows(name: str, split: str) -> None:
    source = TASKS[name].source
    columns = [*TASKS[name].texts, *CONSTRUCTIONS[name].reads]
    path = DATA / "super_glue" / source.config / f"{split}-00000-of-00001.parquet"  # type: ignore[union-attr]
    rows = pq.read_table(path, columns=columns).slice(0, 3000).to_pylist()
    assert built(name, rows, 1000) == SLOW[name](rows)


@real_data
def test_the_group_of_multirc_is_the_hub_s_question() -> None:
    table = pq.read_table(DATA / "super_glue" / "multirc" / "validation-00000-of-00001.parquet")
    asked = [(row["paragraph"], row["question"]) for row in table["idx"].to_pylist()]
    numbers = {question: number for number, question in enumerate(dict.fromkeys(asked))}
    groups = [row["group"] for row in built("multirc", table.drop_columns(["idx", "label"]).to_pylist(), 1000)]
    assert groups == [numbers[question] for question in asked]


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("copa", {"premise": "p", "question": "why"}, "row 2: 'question' is neither 'cause' nor 'effect'"),
        ("copa", {"premise": None, "question": "cause"}, "row 2: 'premise' is missing"),
        ("multirc", {"paragraph": "p", "question": "q", "answer": None}, "row 2: 'answer' is missing"),
        ("record", RECORD | {"answers": []}, "row 2: 'answers' is empty"),
        ("record", RECORD | {"entities": None}, "row 2: 'entities' is missing"),
        ("record", RECORD | {"entities": ["a", None]}, "row 2: 'entities' has a text that is null"),
        ("wic", {"word": None, "sentence1": "a", "sentence2": "b"}, "row 2: 'word' is missing"),
        (
            "wsc",
            {"text": "a b", "span2_index": 2, "span1_text": "a"},
            "row 2: 'span2_index' is 2, but the text has 2 tokens",
        ),
        ("wsc", {"text": "a b", "span2_index": -1, "span1_text": "a"}, "row 2: 'span2_index' is -1"),
        ("wsc", {"text": "a b", "span2_index": None, "span1_text": "a"}, "row 2: 'span2_index' is missing"),
    ],
)
def test_a_row_that_does_not_fit_is_named(name: str, row: Row, message: str) -> None:
    good = ODD[name][1 if name == "wsc" else 0]
    with pytest.raises(UserError, match=f"rows: {message}"):
        built(name, [good, row])


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("record", {"entities": "e"}, "column 'entities' holds string, not lists of texts"),
        ("record", {"entities": [1]}, r"column 'entities' holds list<.*int64.*>, not lists of texts"),
        ("wsc", {"span2_index": "two"}, "row 1: two in 'span2_index' is not a whole number; mend the row"),
        ("wsc", {"span2_index": 0.5}, "row 1: 0.5 in 'span2_index' is not a whole number; mend the row"),
        ("wic", {"word": 3}, "column 'word' holds int64, not text"),
    ],
)
def test_a_column_of_another_type_is_named(name: str, changes: Row, message: str) -> None:
    with pytest.raises(UserError, match=f"rows: {message}"):
        built(name, [ODD[name][0] | changes])
