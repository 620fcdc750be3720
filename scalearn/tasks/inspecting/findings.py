"""Findings on a prepared task: errors, warnings and notes, each in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from scalearn.errors import shown
from scalearn.storage.files import sha256
from scalearn.tasks.inspecting.examine import SHOWN, Measure, Places, Split, read_split
from scalearn.tasks.labels.suspects import MANY_UNKNOWN, doubts, unknown_words
from scalearn.tasks.store import SPLITS, TaskInfo

Level = Literal["error", "warning", "note"]

RARE = 10  # a class with fewer train rows is too rare to learn
DOMINANT = 0.9  # a class with a larger share of the rows makes accuracy misleading


@dataclass(frozen=True)
class Finding:
    """One sentence on a split.

    level: "error" if a training or score will fail or mean nothing, "warning" if it may mislead, "note" otherwise.
    rows: the number of rows concerned.
    """

    level: Level
    split: str
    rows: int
    text: str


@dataclass(frozen=True)
class Report:
    """The splits of a task and all findings, errors first. `unit`: the unit of the lengths."""

    info: TaskInfo
    splits: Mapping[str, Split]
    findings: tuple[Finding, ...]
    unit: Literal["tokens", "words"]

    @property
    def errors(self) -> int:
        """The number of errors."""
        return sum(finding.level == "error" for finding in self.findings)


def check_task(
    folder: Path,
    measure: Measure | None = None,
    max_tokens: int | None = None,
    unknown: Callable[[], float] | None = None,
) -> Report:
    """Return a report on the prepared task in `folder`.

    Args:
        measure: counts tokens with a model's tokenizer. Without it, only rows with too many words are called long.
        max_tokens: the model's maximum input length; by default the task's max_length.
        unknown: returns the share of unknown tokens among those counted since its last call.

    Raises: UserError if the folder holds no prepared task.
    """
    info = TaskInfo.read(folder)
    limit = info.max_length if max_tokens is None else max_tokens
    findings, splits = list(_changed(folder, info)), {}
    for name in SPLITS:
        splits[name] = read_split(folder / f"{name}.parquet", info, measure, limit)
        if unknown is not None and (share := unknown()) > MANY_UNKNOWN:
            findings.append(Finding("warning", name, splits[name].rows, unknown_words(share)))
    for name, split in splits.items():
        findings += [*_bad_rows(name, split, info, measure is None), *_labels(name, split, info)]
    findings += [*_parts(splits["test"], info), *_nothing_to_learn(splits["train"]), *_repeated(splits)]
    findings.sort(key=lambda finding: ("error", "warning", "note").index(finding.level))
    return Report(info, splits, tuple(findings), "tokens" if measure else "words")


def _changed(folder: Path, info: TaskInfo) -> Iterator[Finding]:
    for split in SPLITS:
        if sha256(folder / f"{split}.parquet") != info.sha256[split]:
            yield Finding(
                "error",
                split,
                info.sizes[split],
                "this is not the file that task.json describes; prepare the task again",
            )


def _bad_rows(name: str, split: Split, info: TaskInfo, words: bool) -> Iterator[Finding]:
    def finding(level: Level, places: Places, text: str, before: str = "") -> Iterator[Finding]:
        if places.count:
            yield Finding(level, name, places.count, f"{before}{_rows(places.count)} {text} ({places})")

    allowed = "a finite number" if info.kind == "regression" else f"an index from 0 to {info.outputs - 1}"
    yield from finding("error", split.missing, "with a null; give each a value, or remove the row")
    what = "a wrong number of choices or an unknown label" if info.choices else "an unknown label"
    yield from finding("error", split.wrong, f"with {what}: labels must be {allowed}")
    yield from finding("error", split.repeated, "with the same class more than once; list the index of each class once")
    yield from finding("warning", split.empty, "with an empty text")
    if info.kind == "candidates":
        yield from finding("warning", split.unanswered, "whose question has no right answer and always scores 0")
    else:
        yield from finding("note", split.unanswered, "without any label, which is allowed")
    text = f"with more than {split.limit} tokens, which are truncated"
    yield from finding("warning", split.long, text, "at least " if words else "")


def _labels(name: str, split: Split, info: TaskInfo) -> Iterator[Finding]:
    if info.labels is None:
        if info.kind == "regression" and name == "test" and len(np.unique(split.answers)) < 2:
            yield Finding("error", name, split.rows, "all labels are equal, so correlation is undefined")
        return
    for most, text in ((0, "no row of {}"), (RARE - 1, f"fewer than {RARE} rows of {{}}, too few to learn")):
        few = (split.counts == 0) if most == 0 else (split.counts > 0) & (split.counts <= most)
        if few.any() and (most == 0 or name == "train"):
            names = [f"'{shown([info.labels[place]])}'" for place in np.flatnonzero(few)]
            yield Finding("warning", name, int(split.counts[few].sum()), text.format(_listed(names)))
    if name == "train":
        for doubt in doubts(info.kind, info.label, info.labels, split.counts.tolist()):
            rows = int(sum(split.counts[info.labels.index(label)] for label in doubt.names or info.labels))
            yield Finding("warning", name, rows, doubt.what)
    if info.kind == "classification" and split.counts.max() > DOMINANT * split.rows:
        share, label = split.counts.max() / split.rows, info.labels[int(split.counts.argmax())]
        text = f"{100 * share:.1f} % of the rows are '{label}'; use macro metrics or matthews, not accuracy"
        yield Finding("warning", name, int(split.counts.max()), text)


def _parts(test: Split, info: TaskInfo) -> Iterator[Finding]:
    for part in sorted({*info.parts, *test.parts}):
        if part not in info.parts:
            yield Finding("error", "test", test.parts[part], f"part '{part}' is not among the `parts` of task.json")
        elif part not in test.parts:
            yield Finding("error", "test", 0, f"no row of part '{part}', which task.json names")


def _nothing_to_learn(train: Split) -> Iterator[Finding]:
    if len(np.unique(train.answers)) < 2:
        yield Finding("error", "train", train.rows, "all rows have the same label, so there is nothing to learn")


def _repeated(splits: Mapping[str, Split]) -> Iterator[Finding]:
    train, validation, test = (splits[name] for name in SPLITS)
    for name, split, other, others in (
        ("test", test, "train", train),
        ("test", test, "validation", validation),
        ("validation", validation, "train", train),
    ):
        places = _where(np.isin(split.inputs, others.inputs))
        if places.count:
            share = f"{100 * places.count / split.rows:.1f} %"
            occur, them = ("occurs", "it") if places.count == 1 else ("occur", "them")
            text = f"{_rows(places.count)} ({share}) also {occur} in {other} ({places}); remove {them} from {other}"
            yield Finding("warning", name, places.count, text)
    shared = _where(np.isin(test.first, train.first) & ~np.isin(test.inputs, train.inputs))
    if shared.count:
        text = f"{_rows(shared.count)} share only the first text with a train row ({shared})"
        yield Finding("note", "test", shared.count, text)
    for name, split in splits.items():
        yield from _repeated_within(name, split)


def _repeated_within(name: str, split: Split) -> Iterator[Finding]:
    order = np.lexsort((split.answers, split.inputs))
    inputs, answers = split.inputs[order], split.answers[order]
    same = inputs[1:] == inputs[:-1]
    if count := int(same.sum()):
        yield Finding(
            "note",
            name,
            count,
            f"{_rows(count)} {'repeats' if count == 1 else 'repeat'} an earlier row of the same split",
        )
    differ = same & (answers[1:] != answers[:-1])
    if count := len(contradictory := np.unique(inputs[1:][differ])):
        inputs_occur = "input occurs" if count == 1 else "inputs occur"
        where = _where(np.isin(split.inputs, contradictory))
        yield Finding("warning", name, where.count, f"{count:,} {inputs_occur} with different labels ({where})")


def _where(rows: npt.NDArray[np.bool_]) -> Places:
    places = Places()
    places.add(rows)
    return places


def _listed(names: Sequence[str]) -> str:
    return ("class " if len(names) == 1 else "classes ") + ", ".join(names[:SHOWN]) + (", ..." * (len(names) > SHOWN))


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"
