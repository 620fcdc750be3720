"""Tasks of one's own: any repository of the hub, choices, groups that a metric needs, what is inferred."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from scalearn.errors import UserError
from scalearn.storage.files import temporary_folder
from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.prepare import check_source_rows, prepare
from scalearn.tasks.store import TaskInfo
from tests.tasks.making import ROWS, column, files_task, write_rows

HUB = {"kind": "hub", "repository": "someone/something", "revision": "0" * 40}


# ---------------------------------------------------------------------- any repository of the hub


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("files", ["{split}.%s", "data/{config}-{split}.%s", "{config}/{split}-*.%s"])
def test_a_repository_in_any_layout_and_format(tmp_path: Path, files: str, ending: str) -> None:
    pattern = files % ending
    for split in ("train", "dev"):
        path = tmp_path / "something" / pattern.format(config="main", split=split).replace("*", "0000")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_rows(path, ROWS if split == "train" else ROWS[:7])
    task = Task.model_validate({"source": {**HUB, "files": pattern, "config": "main", "test": "dev"}})
    assert prepare("t", task, tmp_path / "t", tmp_path).sizes == {"train": 36, "validation": 4, "test": 7}
    assert column(tmp_path / "t", "test", "text1") == [row["text"] for row in ROWS[:7]]


def test_a_repository_without_a_test_split_has_one_cut_and_keeps_its_parts(tmp_path: Path) -> None:
    (tmp_path / "something" / "default").mkdir(parents=True)
    for split in ("train", "hard"):
        write_rows(tmp_path / "something" / "default" / f"{split}-0.parquet", ROWS)
    task = Task.model_validate({"source": {**HUB, "test": None, "parts": {"h": "hard"}}})
    info = prepare("t", task, tmp_path / "t", tmp_path)
    assert (info.parts, info.sizes) == (("", "h"), {"train": 32, "validation": 4, "test": 44})
    assert column(tmp_path / "t", "test", "part") == [""] * 4 + ["h"] * 40


def test_rows_of_several_files_are_counted_through(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / "something").mkdir(exist_ok=True)
        write_rows(tmp_path / "something" / f"train_{number}.csv", [*ROWS[:3], {"text": "t", "label": "no" * number}])
    write_rows(tmp_path / "something" / "test.csv", ROWS)
    source = {**HUB, "files": "{split}*.csv", "test": "test"}
    with pytest.raises(UserError, match=r"train_1\.csv and 1 more: row 8: label 'nono' is outside"):
        check_source_rows("t", Task.model_validate({"source": source, "labels": ["no", "yes"]}), tmp_path)


# ---------------------------------------------------------------------- multiple choice

CHOICES = [{"text": f"q{n}", "a": f"a{n}", "b": f"b{n}", "c": f"c{n}", "label": n % 3} for n in range(30)]
AS_TEXT = [row | {"label": row["abc"[row["label"]]]} for row in CHOICES]  # type: ignore[index]
IN_LISTS = [{"text": row["text"], "all": [row["a"], row["b"], row["c"]], "label": row["label"]} for row in CHOICES]
EXPECTED = [[row["a"], row["b"], row["c"]] for row in CHOICES]


@pytest.mark.parametrize(
    ("made", "ending", "choices"),
    [
        (CHOICES, "csv", ("a", "b", "c")),
        (CHOICES, "jsonl", ("a", "b", "c")),
        (AS_TEXT, "tsv", ("a", "b", "c")),
        (AS_TEXT, "parquet", ("a", "b", "c")),
        (IN_LISTS, "jsonl", ("all",)),
        (IN_LISTS, "parquet", ("all",)),
    ],
)
def test_choices_in_columns_or_lists_and_labels_by_index_or_text(
    tmp_path: Path, made: list[dict[str, Any]], ending: str, choices: tuple[str, ...]
) -> None:
    task = files_task(tmp_path, made, ending, kind="multiple_choice", choices=choices)
    info = prepare("t", task, tmp_path / "t")
    assert (info.choices, info.labels, info.outputs, info.metrics) == (3, None, 3, ("accuracy",))
    assert column(tmp_path / "t", "test", "choices") == EXPECTED
    assert column(tmp_path / "t", "test", "label") == [0, 1, 2] * 10
    assert any("texts of the right choices" in note for note in info.notes) == (made is AS_TEXT)
    assert sorted(column(tmp_path / "t", "validation", "label")) == [0, 1, 2]  # stratified
    TaskInfo.read(tmp_path / "t")


@pytest.mark.parametrize(
    ("labels", "found"),
    [(["7", "2", "1"], [0, 1, 0]), (["0", "1", "0"], [0, 1, 0]), (["1", "0", "1"], [1, 0, 1])],
)
def test_choices_that_are_numbers_themselves(tmp_path: Path, labels: list[str], found: list[int]) -> None:
    """The texts of choices win where every label is one, else labels are indices."""
    pairs = [("7", "3"), ("5", "2"), ("1", "0")]
    made = [{"text": "?", "a": a, "b": b, "label": label} for (a, b), label in zip(pairs, labels, strict=True)]
    task = files_task(tmp_path, made, "csv", kind="multiple_choice", choices=("a", "b"), validation=made)
    prepare("t", task, tmp_path / "t")
    assert column(tmp_path / "t", "train", "label") == found


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_labels_that_are_index_and_text_of_two_choices_are_refused(tmp_path: Path, ending: str) -> None:
    pairs = [("0", "1", "0"), ("1", "0", "0"), ("1", "0", "1")]
    made = [{"text": "?", "a": a, "b": b, "label": label} for a, b, label in pairs]
    options: dict[str, Any] = {"kind": "multiple_choice", "choices": ("a", "b")}
    says = r"row 2: the label in 'label' is the index of choice 1 and the text of choice 2, and both .* as a number in"
    with pytest.raises(UserError, match=rf"train\.{ending}: {says} JSONL or parquet"):
        check_source_rows("t", files_task(tmp_path, made, ending, **options))
    settled = [row | {"label": int(row["label"])} for row in made]
    prepare("t", files_task(tmp_path, settled, validation=settled, **options), tmp_path / "t")
    assert column(tmp_path / "t", "train", "label") == [0, 0, 1]
    check_source_rows(
        "t", files_task(tmp_path, made[:1] * 2, ending, validation=made[:1], **options)
    )  # the readings agree


def choice(**changes: Any) -> list[dict[str, Any]]:
    return [*CHOICES[:3], CHOICES[3] | changes, *CHOICES[4:]]


def listed(*choices: Any) -> list[dict[str, Any]]:
    return [*IN_LISTS[:3], IN_LISTS[3] | {"all": list(choices)}, *IN_LISTS[4:]]


@pytest.mark.parametrize(
    ("made", "choices", "message"),
    [
        (choice(b=""), ("a", "b"), "row 4: 'b' is empty; give the choice a text"),
        (choice(b=None), ("a", "b"), "row 4: 'b' is missing"),
        (choice(label=2), ("a", "b"), "row 3: label '2' is neither the index nor the text of exactly one of its 2"),
        (choice(label=-1), ("a", "b", "c"), "row 4: label '-1' is neither"),
        (choice(label=None), ("a", "b", "c"), "row 4: label in 'label' is missing"),
        ([row | {"label": "d"} for row in CHOICES], ("a", "b"), "row 1: label 'd' is neither"),
        ([row | {"a": "b9", "label": "b9"} for row in CHOICES], ("a", "b"), "row 10: label 'b9' is neither"),
        (CHOICES, ("a",), "column 'a' holds text; name a column per choice, or a column of lists"),
        (listed("a", "b"), ("all",), "row 4: 'all' holds 2 choices, but other rows have 3"),
        (listed("a", "", "b"), ("all",), "row 4: 'all' has an empty choice"),
        (listed("a", None, "b"), ("all",), "row 4: 'all' has a text that is null"),
        (
            [row | {"all": ["x"]} for row in IN_LISTS],
            ("all",),
            "row 1: 'all' holds 1 choices; give each row at least two",
        ),
    ],
)
def test_choices_that_do_not_fit(tmp_path: Path, made: list[Any], choices: tuple[str, ...], message: str) -> None:
    task = files_task(tmp_path, made, kind="multiple_choice", choices=choices)
    with pytest.raises(UserError, match=rf"train\.jsonl: {message}"):
        check_source_rows("t", task)


def test_a_test_row_with_another_number_of_choices(tmp_path: Path) -> None:
    task = files_task(tmp_path, IN_LISTS, kind="multiple_choice", choices=("all",), test=listed("a", "b"))
    with pytest.raises(UserError, match=r"test\.jsonl: row 4: 'all' holds 2 choices, but other rows have 3"):
        check_source_rows("t", task)


# ---------------------------------------------------------------------- groups, and what is inferred

GROUPED = [{"text": f"t{n}", "label": "ny"[n % 2], "question": ("z", "a", "q")[n // 2 % 3]} for n in range(60)]


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_groups_of_a_metric_are_numbered_as_they_appear(tmp_path: Path, ending: str) -> None:
    task = files_task(tmp_path, GROUPED, ending, metrics=("f1", "exact_match"), groups="question")
    info = prepare("t", task, tmp_path / "t")
    assert info.grouped and pq.read_schema(tmp_path / "t" / "test.parquet").names == ["text1", "label", "group", "part"]
    assert column(tmp_path / "t", "test", "group") == [0, 0, 1, 1, 2, 2] * 10
    for split in ("train", "validation"):  # each split counts from 0
        assert column(tmp_path / "t", split, "group")[0] == 0
    TaskInfo.read(tmp_path / "t")


def test_groups_may_be_numbers(tmp_path: Path) -> None:
    made = [row | {"question": 100 - number // 4} for number, row in enumerate(GROUPED)]
    task = files_task(tmp_path, made, metrics=("exact_match",), groups="question", validation=made)
    prepare("t", task, tmp_path / "t")
    assert column(tmp_path / "t", "train", "group") == [number // 4 for number in range(60)]


def test_definitions_that_no_source_can_fill(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="task 't': metric 'exact_match' needs groups; name their column in `groups`"):
        check_source_rows("t", files_task(tmp_path, GROUPED, metrics=("exact_match",)))
    with pytest.raises(UserError, match="task 't': `construction: wic` needs 2 `texts`, found 1"):
        check_source_rows("t", files_task(tmp_path, GROUPED, construction="wic"))


def test_a_construction_over_a_file_of_one_s_own(tmp_path: Path) -> None:
    made = [{"word": "w", "s1": f"a{n}", "s2": f"b{n}", "label": n % 2} for n in range(20)]
    task = files_task(tmp_path, made, "tsv", construction="wic", texts=("s1", "s2"), validation=made)
    prepare("t", task, tmp_path / "t")
    assert column(tmp_path / "t", "train", "text2")[1] == "w: b1"
    marked = [{"text": "a b c", "other": "a", "span2_index": n % 3, "label": n % 2} for n in range(20)]
    task = files_task(tmp_path, marked, "csv", construction="wsc", texts=("text", "other"), validation=marked)
    prepare("t", task, tmp_path / "t")
    assert column(tmp_path / "t", "train", "text1")[:3] == ["*a* b c", "a *b* c", "a b *c*"]


def test_what_is_inferred_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes = prepare("t", files_task(tmp_path, ROWS, train_rows=30), tmp_path / "t").notes
    assert notes == (
        "labels: found in train, 2: no, yes",
        "metrics: accuracy, the default of kind 'classification', unless the campaign names others",
        "train: 30 of 40 rows, drawn with seed 42",
        "validation: cut from train, a tenth of its rows with seed 42, stratified by label",
    )
    printed = capsys.readouterr().out
    assert all(f"  note: {note}\n" in printed for note in notes)
    task = files_task(tmp_path, ROWS, labels=("no", "yes"), metrics=("f1",), validation=ROWS)
    assert prepare("t", task, tmp_path / "u").notes == ()


def test_a_refused_source_leaves_what_was_prepared_before(tmp_path: Path) -> None:
    before = prepare("t", files_task(tmp_path, ROWS), tmp_path / "t")
    (tmp_path / "t" / "mine.txt").write_text("kept")
    with pytest.raises(UserError, match="row 1: 'text' is missing"):
        prepare("t", files_task(tmp_path, ROWS, test=[{"text": None, "label": "no"}]), tmp_path / "t")
    assert TaskInfo.read(tmp_path / "t") == before
    prepare("t", files_task(tmp_path, ROWS[:20]), tmp_path / "t")
    assert TaskInfo.read(tmp_path / "t").sizes["test"] == 20 and (tmp_path / "t" / "mine.txt").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from scalearn.storage.files import temporary_folder

with temporary_folder(Path(sys.argv[1])) as temporary:
    (temporary / "train.parquet").write_text("half")
    print(temporary)
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_prepare_left_goes_and_nothing_else(tmp_path: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "t")], capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL and Path(killed.stdout.strip()).is_dir()
    others = [tmp_path / name for name in (".t.settings", ".u.scalearn-12345678", "t.scalearn-12345678")]
    for other in others:
        other.mkdir()
    with temporary_folder(tmp_path / "t") as living:
        prepare("t", files_task(tmp_path, ROWS), tmp_path / "t")
        assert sorted(path for path in tmp_path.iterdir() if path.is_dir()) == sorted([*others, living, tmp_path / "t"])
