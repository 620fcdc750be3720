"""Candidate answers of questions, against a slow form; and real rows of ReCoRD."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalearn.errors import UserError
from scalearn.tasks.metrics import Outcome, compute
from scalearn.tasks.metrics.candidates import normalise
from tests.places import DATA

BOTH = ("token_f1", "exact_match")
RECORD = DATA / "super_glue" / "record"
real_data = pytest.mark.data("super_glue/record")

Row = tuple[int, str, float, list[str]]  # question, candidate, logit of class 1, gold answers


def scores(rows: list[Row]) -> dict[str, float]:
    group, candidate, logits, answers = zip(*rows, strict=True)
    noise = np.random.default_rng(0).normal(0, 10, len(rows))  # the logit of class 0 must not count
    pairs = np.stack([noise, logits], axis=1)
    labels = np.array([int(text in gold) for _, text, _, gold in rows])
    return compute(BOTH, "candidates", Outcome(labels, pairs, np.array(group), candidate, answers))


# ---------------------------------------------------------------------- the slow form


def words(text: str) -> list[str]:
    bare = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return [word for word in bare.split() if word not in ("a", "an", "the")]


def f1_of(found: list[str], gold: list[str]) -> float:
    left, common = list(gold), 0
    for word in found:
        if word in left:
            left.remove(word)
            common += 1
    if not common:
        return 0.0
    precision, recall = common / len(found), common / len(gold)
    return 2 * precision * recall / (precision + recall)


def slow(rows: list[Row]) -> dict[str, float]:
    f1, exact = [], []
    for question in {row[0] for row in rows}:
        mine = [row for row in rows if row[0] == question]
        logit = [-math.inf if math.isnan(row[2]) else row[2] for row in mine]
        text = max(row[1] for row, value in zip(mine, logit, strict=True) if value == max(logit))
        gold = mine[0][3]
        f1.append(max(f1_of(words(text), words(answer)) for answer in gold))
        exact.append(float(any(words(text) == words(answer) for answer in gold)))
    return {"token_f1": sum(f1) / len(f1), "exact_match": sum(exact) / len(exact)}


WORD = st.sampled_from(
    ["the", "A", "an", "cat", "Cat!", "cats", "--", "U.S.", "us", "New", "york,", "\t", "thé", "Ärzte"]
)
TEXT = st.lists(WORD, max_size=4).map(" ".join)
LOGIT = st.sampled_from([-1.0, 0.0, 0.5, math.nan, -math.inf, math.inf])


@st.composite
def questions(draw: st.DrawFn) -> list[Row]:
    """Draw questions with their candidates and answers, and shuffle the rows."""
    rows: list[Row] = []
    for number in draw(st.lists(st.integers(-5, 99), min_size=1, max_size=4, unique=True)):
        gold = draw(st.lists(TEXT, min_size=1, max_size=3))
        # Often one of the candidates is an answer; else the two would rarely meet.
        for text in draw(st.lists(TEXT | st.sampled_from(gold), min_size=1, max_size=4)):
            rows.append((number, text, draw(LOGIT), gold))
    return draw(st.permutations(rows))


@given(questions())
def test_any_rows_against_the_slow_form(rows: list[Row]) -> None:
    assert scores(rows) == pytest.approx(slow(rows))


# ---------------------------------------------------------------------- by hand


def test_questions_with_scattered_rows_by_hand() -> None:
    france, rome = ["Paris, France", "the city of Paris"], ["Rome"]
    rows: list[Row] = [
        (1, "Paris", 0.9, france),  # best of question 1; F1 2/3 with the first answer, 1/2 with the second
        (0, "Roma", 0.1, rome),
        (1, "the city of Paris", 0.8, france),
        (0, "the Rome!", 0.2, rome),  # best of question 0, and right
        (7, "London", -3.0, rome),  # best of question 7, for it is alone
        (1, "London", -1.0, france),
    ]
    assert scores(rows) == pytest.approx({"token_f1": (2 / 3 + 1 + 0) / 3, "exact_match": 1 / 3})


def test_of_equal_logits_the_larger_string_wins_in_either_order() -> None:
    rows: list[Row] = [(0, "Bhutto", 0.5, ["Bhutto"]), (0, "Benazir Bhutto", 0.5, ["Bhutto"])]
    assert scores(rows) == scores(rows[::-1]) == {"token_f1": 1.0, "exact_match": 1.0}


def test_a_repeated_word_counts_as_often_as_both_have_it() -> None:
    # common: new, new; 3 and 4 words
    assert scores([(0, "New York New", 0.0, ["new new jersey, usa"])])["token_f1"] == pytest.approx(4 / 7)


def test_what_normalises_to_nothing_matches_nothing_but_itself() -> None:
    assert scores([(0, "The", 0.0, ["--!", "cat"])]) == {"token_f1": 0.0, "exact_match": 1.0}
    assert scores([(0, "The", 0.0, ["cat"])]) == {"token_f1": 0.0, "exact_match": 0.0}


def test_a_candidate_without_a_number_loses_and_alone_among_such_the_tie_rule_holds() -> None:
    gold = ["a cat"]
    assert scores([(0, "cat", -math.inf, gold), (0, "dog", math.nan, gold)])["exact_match"] == 0.0  # a tie: larger
    assert scores([(0, "cat", -9.0, gold), (0, "dog", math.nan, gold)])["exact_match"] == 1.0
    assert scores([(0, "cat", math.nan, gold), (0, "ant", math.nan, gold)])["exact_match"] == 1.0


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The  U.S.\tArmy", "us army"),
        ("Anna Theroux", "anna theroux"),
        ("Asif-Ali the\N{EM DASH}end", "asifali \N{EM DASH}end"),  # what is not ASCII stays, and bounds a word
        ("A-Team", "ateam"),
        ("one\N{EM DASH}the\N{EM DASH}other", "one\N{EM DASH} \N{EM DASH}other"),
        ("\N{NO-BREAK SPACE}", ""),
    ],
)
def test_normalisation(text: str, normal: str) -> None:
    assert normalise(text) == normal


@pytest.mark.parametrize("lacking", ["group", "candidate", "answers"])
def test_rows_that_lack_a_column_are_an_error(lacking: str) -> None:
    columns: dict[str, Any] = {"group": np.array([0]), "candidate": ["cat"], "answers": [["cat"]], lacking: None}
    with pytest.raises(UserError, match="'candidates' needs rows with a question, a candidate and gold answers"):
        compute(BOTH, "candidates", Outcome(np.array([1]), np.zeros((1, 2)), **columns))


# ---------------------------------------------------------------------- real rows


@pytest.fixture(scope="module")
def record() -> list[tuple[int, str, list[str]]]:
    """Question, entity and answers of up to 500 real questions, in an order that scatters the questions."""
    import pyarrow.parquet as pq

    file, *_ = sorted(RECORD.glob("validation-*.parquet"))
    table = pq.read_table(file, columns=["idx", "entities", "answers"]).slice(0, 500).to_pylist()
    rows = [(row["idx"]["query"], entity, row["answers"]) for row in table for entity in row["entities"]]
    return [rows[place] for place in np.random.default_rng(1).permutation(len(rows))]


@real_data
def test_an_oracle_is_always_right(record: list[tuple[int, str, list[str]]]) -> None:
    rows = [(question, entity, float(entity in gold), gold) for question, entity, gold in record]
    assert scores(rows) == {"token_f1": 1.0, "exact_match": 1.0}


def avoiding(rows: Sequence[tuple[int, str, list[str]]]) -> list[Row]:
    """Logits that put every answer below all other entities, among which the tie rule chooses."""
    return [(question, entity, -float(entity in gold), gold) for question, entity, gold in rows]


@real_data
def test_who_avoids_the_answers_scores_as_in_the_slow_form(record: list[tuple[int, str, list[str]]]) -> None:
    rows = avoiding(record)
    assert scores(rows) == pytest.approx(slow(rows))


@real_data
@pytest.mark.parametrize(
    ("answer", "f1"),
    [
        ("ZSL London Zoo", 1 / 2),  # "Paignton Zoo" is chosen; best with "London Zoo": 1 common word of 2 and 2
        ("Oklahoma State Department of Health", 1 / 3),  # "Oklahoma" is chosen: 1 common word of 1 and 5
        ("National Portrait Gallery", 0.0),  # "Victoria and Albert Museum" is chosen
    ],
)
def test_who_avoids_the_answers_by_hand(record: list[tuple[int, str, list[str]]], answer: str, f1: float) -> None:
    question = {number for number, _, gold in record if answer in gold}
    if len(question) != 1:
        pytest.skip("another excerpt of ReCoRD")
    found = scores(avoiding([row for row in record if row[0] in question]))
    assert found == {"token_f1": pytest.approx(f1), "exact_match": 0.0}


@real_data
@pytest.mark.parametrize("seed", range(5))
def test_random_logits_on_real_rows(record: list[tuple[int, str, list[str]]], seed: int) -> None:
    logits = np.random.default_rng(seed).integers(0, 4, len(record))  # few values: most questions have ties
    rows = [(question, entity, float(x), gold) for (question, entity, gold), x in zip(record, logits, strict=True)]
    assert scores(rows) == pytest.approx(slow(rows))
