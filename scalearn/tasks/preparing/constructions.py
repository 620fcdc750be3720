"""Built-in ways to make texts from several source columns, as the paper's released code (arXiv 2310.01217) does.

A task names its text columns in `texts`. The other columns have the names that SuperGLUE has on the hub.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.groups import Groups
from scalearn.tasks.reading.rows import Batch

Columns = dict[str, pa.Array]  # on-disk columns by name, all of one length


class Construction(NamedTuple):
    """A way to make on-disk columns.

    texts: the number of `texts` that the task must name.
    reads: the other source columns that it needs.
    make: returns the on-disk columns of a batch.
    grouped: whether it makes a `group` column.
    """

    texts: int
    reads: tuple[str, ...]
    make: Callable[[Task, Batch, Groups], Columns]
    grouped: bool = False


def copa(task: Task, batch: Batch, groups: Groups) -> Columns:
    """Return text1: the premise, and "because" if the choices are causes or "so" if they are effects."""
    premises, questions = batch.texts(task.texts[0]), batch.texts("question")
    unknown = pc.invert(pc.is_in(questions, pa.array(["cause", "effect"])))
    batch.refuse(unknown, "'question' is neither 'cause' nor 'effect'; mend the row")
    words = pc.if_else(pc.equal(questions, "cause"), "because", "so")
    return {"text1": pc.binary_join_element_wise(premises, words, " ")}


def multirc(task: Task, batch: Batch, groups: Groups) -> Columns:
    """Return the paragraph as text1, and the question with one answer as text2. A group is a question."""
    paragraphs, questions = (batch.texts(name) for name in task.texts)
    text2 = pc.binary_join_element_wise(questions, batch.texts("answer"), " ")
    return {"text1": paragraphs, "text2": text2, "group": pa.array(groups.number(paragraphs, questions))}


def record(task: Task, batch: Batch, groups: Groups) -> Columns:
    """Return one row per question and entity: the passage as text1, and the query with the entity in its gap as text2.

    A group is a question. A question without entities has no row.
    """
    passages, queries = (batch.texts(name) for name in task.texts)
    entities, answers = batch.lists("entities"), batch.lists("answers")
    batch.refuse(pc.equal(pc.list_value_length(answers), 0), "'answers' is empty; add a right answer")
    groups.empty += int(pc.sum(pc.equal(pc.list_value_length(entities), 0)).as_py())
    question = pc.list_parent_indices(entities)
    candidates = pc.list_flatten(entities).to_pylist()
    queries_list, right = queries.to_pylist(), [set(texts) for texts in answers.to_pylist()]
    owners = question.to_pylist()
    filled = [queries_list[row].replace("@placeholder", entity) for row, entity in zip(owners, candidates, strict=True)]
    labels = [int(entity in right[row]) for row, entity in zip(owners, candidates, strict=True)]
    return {
        "text1": pc.replace_substring(passages, "@highlight\n", "- ").take(question),
        "text2": pa.array(filled, pa.string()),
        "label": pa.array(labels, pa.int64()),
        "group": pa.array(groups.fresh(len(batch))).take(question),
        "candidate": pa.array(candidates, pa.string()),
        "answers": answers.take(question),
    }


def wic(task: Task, batch: Batch, groups: Groups) -> Columns:
    """Return the two sentences, each after the word whose senses are compared."""
    words = batch.texts("word")
    sentences = (batch.texts(name) for name in task.texts)
    return {f"text{number}": pc.binary_join_element_wise(words, text, ": ") for number, text in enumerate(sentences, 1)}


def wsc(task: Task, batch: Batch, groups: Groups) -> Columns:
    """Return the text with *one* token marked as text1, and the other mention as text2.

    The text is split at white space; `span2_index`, counted from 0, is the index of the marked token.
    """
    texts, mentions = (batch.texts(name) for name in task.texts)
    marked = []
    for row, (text, index) in enumerate(zip(texts.to_pylist(), batch.integers("span2_index").to_pylist(), strict=True)):
        tokens = text.split()
        if not 0 <= index < len(tokens):
            raise batch.error(row, f"'span2_index' is {index}, but the text has {len(tokens)} tokens; mend the row")
        tokens[index] = f"*{tokens[index]}*"
        marked.append(" ".join(tokens))
    return {"text1": pa.array(marked, pa.string()), "text2": mentions}


CONSTRUCTIONS: dict[str, Construction] = {
    "copa": Construction(1, ("question",), copa),
    "multirc": Construction(2, ("answer",), multirc, grouped=True),
    "record": Construction(2, ("entities", "answers"), record, grouped=True),
    "wic": Construction(2, ("word",), wic),
    "wsc": Construction(2, ("span2_index",), wsc),
}
