"""From a source's columns to the columns of the on-disk format. A refusal names the row."""

from __future__ import annotations

import pyarrow as pa

from scalearn.errors import UserError
from scalearn.tasks import store
from scalearn.tasks.definition import Task
from scalearn.tasks.labels.choices import choice_lists, right_choices, wrong_choice
from scalearn.tasks.labels.lists import class_lists
from scalearn.tasks.labels.values import class_indices, targets
from scalearn.tasks.preparing.constructions import CONSTRUCTIONS, Columns
from scalearn.tasks.preparing.groups import Groups, group_values
from scalearn.tasks.preparing.survey import Survey, label_columns
from scalearn.tasks.reading.rows import Batch


def check_definition(name: str, task: Task) -> None:
    """Refuse a definition that suits no source.

    Raises: UserError if a construction has the wrong number of `texts`, or exact_match has no groups.
    """
    if task.construction and len(task.texts) != (expected := CONSTRUCTIONS[task.construction].texts):
        raise UserError(
            f"task '{name}': `construction: {task.construction}` needs {expected} `texts`, found {len(task.texts)}"
        )
    if task.kind == "classification" and "exact_match" in task.metrics and not grouped(task):
        raise UserError(f"task '{name}': metric 'exact_match' needs groups; name their column in `groups`")


def source_columns(task: Task) -> list[str]:
    """Return the source columns that the task needs."""
    further = CONSTRUCTIONS[task.construction].reads if task.construction else ()
    return list(dict.fromkeys([*task.texts, *further, *label_columns(task), *_group_column(task)]))


def grouped(task: Task) -> bool:
    """Tell whether the task's splits have a `group` column."""
    return _constructs_groups(task) or bool(_group_column(task))


def on_disk(task: Task, survey: Survey, batch: Batch, groups: Groups, part: str | None = None) -> pa.RecordBatch:
    """Return the on-disk columns of a batch.

    Args:
        survey: the survey of the task's train split.
        groups: the groups of the split so far; the batch's groups are added.
        part: test split only: the part that the rows belong to.

    Raises: UserError if a row does not fit the definition.
    """
    columns = _texts(task, batch, groups)
    if task.choices:
        columns["choices"] = choice_lists(task, batch, survey.choices)
    if "label" not in columns:
        columns["label"] = _labels(task, survey, batch, columns)
    for name in _group_column(task):
        columns["group"] = pa.array(groups.number(group_values(batch, name)))
    if part is not None:
        columns["part"] = pa.repeat(pa.scalar(part, pa.string()), len(columns["label"]))
    schema = store.schema(task.kind, "text2" in columns, bool(task.choices), grouped(task), part=part is not None)
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def _texts(task: Task, batch: Batch, groups: Groups) -> Columns:
    if task.construction:
        return CONSTRUCTIONS[task.construction].make(task, batch, groups)
    return {f"text{number}": batch.texts(name) for number, name in enumerate(task.texts, start=1)}


def _labels(task: Task, survey: Survey, batch: Batch, columns: Columns) -> pa.Array:
    if task.kind == "regression":
        return targets(task, batch)
    if survey.choices is not None:
        right = right_choices(task, batch, columns["choices"])[survey.by_text]
        if error := wrong_choice(task, batch, right, survey.choices):
            raise error
        return pa.array(right, pa.int64())
    assert survey.space is not None
    return (class_lists if task.kind == "multi_label" else class_indices)(task, batch, survey.space)


def _constructs_groups(task: Task) -> bool:
    return bool(task.construction and CONSTRUCTIONS[task.construction].grouped)


def _group_column(task: Task) -> list[str]:
    """Return the column `groups` if a metric needs it, else an empty list. Most `groups` only matter for cuts."""
    needed = task.kind == "classification" and "exact_match" in task.metrics and not _constructs_groups(task)
    return [task.groups] if needed and task.groups else []
