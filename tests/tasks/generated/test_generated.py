"""The demo's tasks: always the same rows, nothing of train in test, balanced, varied and short."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from scalearn.errors import UserError
from scalearn.tasks import TASKS
from scalearn.tasks.definition import Task
from scalearn.tasks.definitions.demo import DEMO
from scalearn.tasks.generated import RECIPES, generate
from scalearn.tasks.generated.sentiment import BAD, GOOD
from scalearn.tasks.preparing.prepare import check_source_rows, prepare

# The rows of version 1. If a change of the generator is meant, raise the task's `version` with it.
DIGESTS = {
    "demo_sentiment": "fbd186211bf124bd",
    "demo_nli": "e52bf2b7e2723769",
    "demo_similarity": "b9c4763c11332093",
    "demo_rte": "4fb028588c3e31ba",
}


def texts(name: str, split: str) -> list[tuple[str, ...]]:
    return [tuple(str(row[column]) for column in DEMO[name].texts) for row in generate(name)[split]]


def test_every_demo_task_has_a_recipe_and_is_known_by_name() -> None:
    assert set(DEMO) == set(RECIPES)
    assert set(DEMO) < set(TASKS)


@pytest.mark.parametrize("name", DEMO)
def test_the_rows_are_always_the_same(name: str) -> None:
    found = hashlib.sha256(json.dumps(generate(name), sort_keys=True).encode()).hexdigest()[:16]
    assert (DEMO[name].version, found) == (1, DIGESTS[name])


@pytest.mark.parametrize("name", DEMO)
def test_no_row_of_test_or_validation_is_in_train_and_none_comes_twice(name: str) -> None:
    rows = [row for split in ("train", "validation", "test") for row in texts(name, split)]
    assert len(set(rows)) == len({row[0] for row in rows}) == len(rows)


@pytest.mark.parametrize("name", DEMO)
def test_texts_are_short_whole_sentences_without_holes(name: str) -> None:
    for row in texts(name, "train") + texts(name, "test"):
        for text in row:
            assert 4 <= len(text.split()) <= 14, text
            assert text[0].isupper() and text.endswith(".") and "{" not in text and "  " not in text, text


@pytest.mark.parametrize("name", [name for name, task in DEMO.items() if task.kind == "classification"])
def test_labels_are_balanced_in_every_split(name: str) -> None:
    for split, rows in generate(name).items():
        counts = Counter(row["label"] for row in rows)
        assert set(counts) == set(DEMO[name].labels or ()), split
        assert max(counts.values()) - min(counts.values()) <= 1, split


def test_similarity_spans_its_whole_range() -> None:
    labels = [float(row["label"]) for row in generate("demo_similarity")["train"]]
    assert (min(labels), max(labels)) == (0.0, 5.0)
    assert len(set(labels)) >= 6
    assert max(Counter(labels).values()) < 0.4 * len(labels)


def test_words_of_either_polarity_stand_in_reviews_of_both() -> None:
    """Because of negations and 'but', the words alone do not give the label away."""
    labels: dict[str, set[object]] = {word: set() for word in (*GOOD, *BAD)}
    for row in generate("demo_sentiment")["train"]:
        for word in set(str(row["sentence"]).lower().strip(".").replace(",", "").split()) & set(labels):
            labels[word].add(row["label"])
    assert sum(len(found) == 2 for found in labels.values()) > len(labels) / 2


def test_the_low_resource_target_is_small_and_speaks_of_other_things_than_its_relative() -> None:
    assert RECIPES["demo_rte"].train <= 110 < RECIPES["demo_nli"].train
    words = [
        {word for row in texts(name, "train") for text in row for word in text.lower().strip(".").split()}
        for name in ("demo_rte", "demo_nli")
    ]
    assert len(words[0] & words[1]) < 0.25 * len(words[0])


def test_an_unknown_generated_task_is_refused() -> None:
    with pytest.raises(UserError, match="no generated task of this name, did you mean 'demo_nli'"):
        check_source_rows("demo_nil", Task.model_validate({"source": {"kind": "generated"}}))


def test_their_own_splits_are_written(tmp_path: Path) -> None:
    info = prepare("demo_rte", DEMO["demo_rte"], tmp_path / "demo_rte")
    assert info.sizes == {split: getattr(RECIPES["demo_rte"], split) for split in ("train", "validation", "test")}
    assert info.labels == ("entailment", "not_entailment")
