"""A few rows of each GLUE and SuperGLUE task, in the schemas and the layout of the hub, and what is read from them.

All sentences are our own. They stand for the real rows where these are missing, as in a public clone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

INT, TEXT, INDEX, TEXTS = pa.int64(), pa.string(), pa.int32(), pa.list_(pa.string())
TRAIN_ROWS = 40  # so many that a tenth can be cut off with every label in it


@dataclass(frozen=True)
class Excerpt:
    """Rows of a task and what its test split holds once it is prepared.

    schema: the columns of the source. rows: the rows of the split that becomes the test split, hand-written; the train
    split repeats them with a number in the first text. read: the columns on disk, by name, of the test split.
    """

    benchmark: str
    schema: dict[str, pa.DataType]
    rows: list[dict[str, Any]]
    read: dict[str, list[Any]]
    test: str = "validation"

    @property
    def first_text(self) -> str:
        """The column that tells rows of the train split apart."""
        return next(name for name, kind in self.schema.items() if kind == TEXT)

    def write(self, folder: Path, config: str) -> None:
        """Write the task's train and test files to a mirror in the hub's layout."""
        place = folder / self.benchmark / config
        place.mkdir(parents=True)
        repeated = [self.rows[number % len(self.rows)] | {} for number in range(TRAIN_ROWS)]
        train = [row | {self.first_text: f"{row[self.first_text]} {number}"} for number, row in enumerate(repeated)]
        for split, rows in (("train", train), (self.test, self.rows)):
            table = pa.Table.from_pylist(rows, schema=pa.schema(list(self.schema.items())))
            pq.write_table(table, place / f"{split}-00000-of-00001.parquet")


def pairs(first: str, second: str, rows: list[tuple[str, str, float]], label: pa.DataType = INT) -> Excerpt:
    """Return an excerpt of a GLUE task of pairs."""
    return Excerpt(
        "glue",
        {first: TEXT, second: TEXT, "label": label, "idx": INDEX},
        [{first: one, second: two, "label": label_, "idx": row} for row, (one, two, label_) in enumerate(rows)],
        {
            "text1": [one for one, _, _ in rows],
            "text2": [two for _, two, _ in rows],
            "label": [label_ for _, _, label_ in rows],
        },
    )


def sentences(rows: list[tuple[str, int]]) -> Excerpt:
    """Return an excerpt of a GLUE task of single sentences."""
    return Excerpt(
        "glue",
        {"sentence": TEXT, "label": INT, "idx": INDEX},
        [{"sentence": text, "label": label, "idx": row} for row, (text, label) in enumerate(rows)],
        {"text1": [text for text, _ in rows], "label": [label for _, label in rows]},
    )


GLUE: dict[str, Excerpt] = {
    "rte": pairs(
        "sentence1",
        "sentence2",
        [
            ("The ferry sank near the old harbour on Monday.", "A ship went down.", 0),
            ("Ms. Okafor chairs the board of the small bank.", "The bank is large.", 1),
        ],
    ),
    "mrpc": pairs(
        "sentence1",
        "sentence2",
        [
            ("The mayor opened the bridge at noon .", "At noon , the bridge was opened by the mayor .", 1),
            ("Shares of the mill rose 3 percent .", "Shares of the mill fell 3 percent .", 0),
        ],
    ),
    "cola": sentences([("The gardener watered the roses.", 1), ("The gardener roses the watered.", 0)]),
    "stsb": pairs(
        "sentence1",
        "sentence2",
        [
            ("A man peels an orange.", "A man is peeling an orange.", 5.0),
            ("A dog swims.", "A woman plays chess.", 0.25),
            ("Two girls skate.", "Some girls are outdoors.", 2.5),
        ],
        pa.float32(),
    ),
    "sst2": sentences([("a warm and clever little film ", 1), ("two hours of nothing ", 0)]),
    "qnli": pairs(
        "question",
        "sentence",
        [
            ("Where does the river end?", "The river reaches the sea at Port Alba.", 0),
            ("Who built the mill?", "The mill burned down in 1804.", 1),
        ],
    ),
    "mnli": Excerpt(
        "glue",
        {"premise": TEXT, "hypothesis": TEXT, "label": INT, "idx": INDEX},
        [
            {"premise": "All seats were taken.", "hypothesis": "No seat was free.", "label": 0, "idx": 0},
            {"premise": "She paid by card.", "hypothesis": "She paid for lunch.", "label": 1, "idx": 1},
            {"premise": "The shop is open daily.", "hypothesis": "It closes on Sundays.", "label": 2, "idx": 2},
        ],
        {
            "text1": ["All seats were taken.", "She paid by card.", "The shop is open daily."],
            "text2": ["No seat was free.", "She paid for lunch.", "It closes on Sundays."],
            "label": [0, 1, 2],
        },
        test="validation_matched",
    ),
    "qqp": pairs(
        "question1",
        "question2",
        [
            ("How do I boil an egg?", "What is the way to boil eggs?", 1),
            ("How do I boil an egg?", "How old do hens get?", 0),
        ],
    ),
}

_WSC = ["The", "kettle", "whistled", "because", "it", "was", "full."]
SUPERGLUE: dict[str, Excerpt] = {
    "boolq": Excerpt(
        "super_glue",
        {"question": TEXT, "passage": TEXT, "idx": INDEX, "label": INT},
        [
            {"question": "is the tower open", "passage": "The tower is open in June.", "idx": 0, "label": 1},
            {"question": "is it made of wood", "passage": "It is made of brick.", "idx": 1, "label": 0},
        ],
        {
            "text1": ["is the tower open", "is it made of wood"],
            "text2": ["The tower is open in June.", "It is made of brick."],
            "label": [1, 0],
        },
    ),
    "cb": Excerpt(
        "super_glue",
        {"premise": TEXT, "hypothesis": TEXT, "idx": INDEX, "label": INT},
        [
            {"premise": "I know that it rained.", "hypothesis": "it rained", "idx": 0, "label": 0},
            {"premise": "I doubt that it rained.", "hypothesis": "it rained", "idx": 1, "label": 1},
            {"premise": "Did you say it rained?", "hypothesis": "it rained", "idx": 2, "label": 2},
        ],
        {
            "text1": ["I know that it rained.", "I doubt that it rained.", "Did you say it rained?"],
            "text2": ["it rained"] * 3,
            "label": [0, 1, 2],  # entailment, contradiction, neutral
        },
    ),
    "copa": Excerpt(
        "super_glue",
        {"premise": TEXT, "choice1": TEXT, "choice2": TEXT, "question": TEXT, "idx": INDEX, "label": INT},
        [
            {
                "premise": "The milk boiled over.",
                "choice1": "The stove was on.",
                "choice2": "The fridge was open.",
                "question": "cause",
                "idx": 0,
                "label": 0,
            },
            {
                "premise": "The bus was late.",
                "choice1": "The sun set.",
                "choice2": "I missed the film.",
                "question": "effect",
                "idx": 1,
                "label": 1,
            },
        ],
        {
            "text1": ["The milk boiled over. because", "The bus was late. so"],
            "choices": [["The stove was on.", "The fridge was open."], ["The sun set.", "I missed the film."]],
            "label": [0, 1],
        },
    ),
    "multirc": Excerpt(
        "super_glue",
        {
            "paragraph": TEXT,
            "question": TEXT,
            "answer": TEXT,
            "idx": pa.struct([("paragraph", INDEX), ("question", INDEX), ("answer", INDEX)]),
            "label": INT,
        },
        [
            {
                "paragraph": paragraph,
                "question": question,
                "answer": answer,
                "idx": {"paragraph": place[0], "question": place[1], "answer": place[2]},
                "label": label,
            }
            for paragraph, question, answer, place, label in [
                ("Ada sold maps. Ben drew them.", "Who drew?", "Ben", (0, 0, 0), 1),
                ("Ada sold maps. Ben drew them.", "Who drew?", "Ada", (0, 0, 1), 0),
                ("Ada sold maps. Ben drew them.", "What was sold?", "maps", (0, 1, 0), 1),
                ("The well is dry.", "What is dry?", "the well", (1, 0, 0), 1),
            ]
        ],
        {
            "text1": ["Ada sold maps. Ben drew them."] * 3 + ["The well is dry."],
            "text2": ["Who drew? Ben", "Who drew? Ada", "What was sold? maps", "What is dry? the well"],
            "label": [1, 0, 1, 1],
            "group": [0, 0, 1, 2],
        },
    ),
    "record": Excerpt(
        "super_glue",
        {
            "passage": TEXT,
            "query": TEXT,
            "entities": TEXTS,
            "entity_spans": pa.struct([("text", TEXTS), ("start", pa.list_(INDEX)), ("end", pa.list_(INDEX))]),
            "answers": TEXTS,
            "idx": pa.struct([("passage", INDEX), ("query", INDEX)]),
        },
        [
            {
                "passage": "Lena met Omar in Riga.\n@highlight\nOmar sells boats",
                "query": "@placeholder bought a boat from Omar.",
                "entities": ["Lena", "Omar", "Riga"],
                "entity_spans": {"text": ["Lena", "Omar", "Riga"], "start": [0, 9, 17], "end": [4, 13, 21]},
                "answers": ["Lena"],
                "idx": {"passage": 0, "query": 0},
            },
            {
                "passage": "Kim left Oslo.",
                "query": "@placeholder is in Norway.",
                "entities": ["Kim", "Oslo"],
                "entity_spans": {"text": ["Kim", "Oslo"], "start": [0, 9], "end": [3, 13]},
                "answers": ["Oslo"],
                "idx": {"passage": 1, "query": 0},
            },
        ],
        {
            "text1": ["Lena met Omar in Riga.\n- Omar sells boats"] * 3 + ["Kim left Oslo."] * 2,
            "text2": [
                "Lena bought a boat from Omar.",
                "Omar bought a boat from Omar.",
                "Riga bought a boat from Omar.",
                "Kim is in Norway.",
                "Oslo is in Norway.",
            ],
            "label": [1, 0, 0, 0, 1],
            "group": [0, 0, 0, 1, 1],
            "candidate": ["Lena", "Omar", "Riga", "Kim", "Oslo"],
            "answers": [["Lena"]] * 3 + [["Oslo"]] * 2,
        },
    ),
    "wic": Excerpt(
        "super_glue",
        {
            "word": TEXT,
            "sentence1": TEXT,
            "sentence2": TEXT,
            **dict.fromkeys(("start1", "start2", "end1", "end2", "idx"), INDEX),
            "label": INT,
        },
        [
            {"word": "bank", "sentence1": "He sat on the bank.", "sentence2": "The bank is closed.", "label": 0}
            | {"start1": 14, "start2": 4, "end1": 18, "end2": 8, "idx": 0},
            {"word": "light", "sentence1": "Turn off the light.", "sentence2": "A light was on.", "label": 1}
            | {"start1": 13, "start2": 2, "end1": 18, "end2": 7, "idx": 1},
        ],
        {
            "text1": ["bank: He sat on the bank.", "light: Turn off the light."],
            "text2": ["bank: The bank is closed.", "light: A light was on."],
            "label": [0, 1],
        },
    ),
    "wsc": Excerpt(
        "super_glue",
        {
            "text": TEXT,
            "span1_index": INDEX,
            "span2_index": INDEX,
            "span1_text": TEXT,
            "span2_text": TEXT,
            "idx": INDEX,
            "label": INT,
        },
        [
            {"text": " ".join(_WSC), "span1_index": 0, "span2_index": 4, "span1_text": "The kettle", "span2_text": "it"}
            | {"idx": 0, "label": 1},
            {"text": "Tom thanked Uri. He smiled.", "span1_index": 0, "span2_index": 3, "span1_text": "Tom"}
            | {"span2_text": "He", "idx": 1, "label": 0},
        ],
        {
            "text1": ["The kettle whistled because *it* was full.", "Tom thanked Uri. *He* smiled."],
            "text2": ["The kettle", "Tom"],
            "label": [1, 0],
        },
    ),
}
EXCERPTS = GLUE | SUPERGLUE
