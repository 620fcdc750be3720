"""From a source's columns to those of the on-disk format; every row that does not fit is refused by its number."""

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
    """Refuse a definition that no source can fill."""
    if task.construction and len(task.texts) != (wanted := CONSTRUCTIONS[task.construction].texts):
        raise UserError(
            f"task '{name}': `construction: {task.construction}` takes {wanted} of `texts`, found {len(task.texts)}"
        )
    if task.kind == "classification" and "exact_match" in task.metrics and not grouped(task):
        raise UserError(f"task '{name}': metric 'exact_match' needs groups; name their column in `groups`")


def source_columns(task: Task) -> list[str]:
    """Return the columns that are read from the task's source."""
    made = CONSTRUCTIONS[task.construction].reads if task.construction else ()
    return list(dict.fromkeys([*task.texts, *made, *label_columns(task), *_group_column(task)]))


def grouped(task: Task) -> bool:
    """Tell whether rows say on disk to which group they belong."""
    return _made_groups(task) or bool(_group_column(task))


def on_disk(task: Task, found: Survey, batch: Batch, groups: Groups, part: str | None = None) -> pa.RecordBatch:
    """Return the on-disk columns of these rows.

    found: the survey of the task's train split; groups: of the rows' split, so far; part: the test file they are from.
    """
    made = _texts(task, batch, groups)
    if task.choices:
        made["choices"] = choice_lists(task, batch, found.choices)
    if "label" not in made:
        made["label"] = _labels(task, found, batch, made)
    for name in _group_column(task):
        made["group"] = pa.array(groups.number(group_values(batch, name)))
    if part is not None:
        made["part"] = pa.repeat(pa.scalar(part, pa.string()), len(made["label"]))
    schema = store.schema(task.kind, "text2" in made, bool(task.choices), grouped(task), part=part is not None)
    return pa.RecordBatch.from_arrays([made[name] for name in schema.names], schema=schema)


def _texts(task: Task, batch: Batch, groups: Groups) -> Columns:
    if task.construction:
        return CONSTRUCTIONS[task.construction].make(task, batch, groups)
    return {f"text{number}": batch.texts(name) for number, name in enumerate(task.texts, start=1)}


def _labels(task: Task, found: Survey, batch: Batch, made: Columns) -> pa.Array:
    if task.kind == "regression":
        return targets(task, batch)
    if found.choices is not None:
        right = right_choices(task, batch, made["choices"])[found.by_text]
        if error := wrong_choice(task, batch, right, found.choices):
            raise error
        return pa.array(right, pa.int64())
    assert found.space is not None
    return (class_lists if task.kind == "multi_label" else class_indices)(task, batch, found.space)


def _made_groups(task: Task) -> bool:
    return bool(task.construction and CONSTRUCTIONS[task.construction].grouped)


def _group_column(task: Task) -> list[str]:
    """Return the column whose values are the groups of a metric, or nothing: most groups only concern a cut."""
    wanted = task.kind == "classification" and "exact_match" in task.metrics and not _made_groups(task)
    return [task.groups] if wanted and task.groups else []
