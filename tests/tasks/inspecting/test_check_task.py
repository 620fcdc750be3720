"""check-task: each fault put into a good task is found, counted, and named by its rows; a good task has none."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scalearn.__main__ import main
from scalearn.tasks import TASKS
from scalearn.tasks.inspecting.findings import check_task
from scalearn.tasks.preparing.prepare import prepare
from tests.places import DATA
from tests.tasks.inspecting.good_task import GOOD, change, found, task
from tests.tasks.making import files_task, write_rows
from tests.tiny import METRIC, make_model, make_task


def test_a_good_task_has_nothing_to_be_said_of_it(tmp_path: Path) -> None:
    assert check_task(task(tmp_path)).findings == ()


@pytest.mark.parametrize("kind", METRIC)
def test_a_good_task_of_each_kind_has_no_error(kind: str, tmp_path: Path) -> None:
    folder = make_task(tmp_path / "task", kind)
    report = check_task(folder)
    assert report.errors == 0
    assert {name: split.rows for name, split in report.splits.items()} == {"train": 96, "validation": 32, "test": 40}
    labels = pq.read_table(folder / "train.parquet")["label"].to_pylist()
    if kind != "regression":
        flat = [label for row in labels for label in (row if isinstance(row, list) else [row])]
        assert report.splits["train"].counts.tolist() == [Counter(flat)[0], Counter(flat)[1]]


def test_rows_that_stand_again_are_counted_and_named(tmp_path: Path) -> None:
    folder = task(tmp_path, test=[*GOOD[50:], GOOD[3], GOOD[41], GOOD[7]], validation=[*GOOD[40:50], GOOD[0]])
    told = {(finding.split, finding.rows, finding.text) for finding in found(folder, "warning")}
    assert told == {
        ("test", 2, "2 rows (15.4 %) also occur in train (rows 11, 13); remove them from train"),
        ("test", 1, "1 row (7.7 %) also occurs in validation (row 12); remove it from validation"),
        ("validation", 1, "1 row (9.1 %) also occurs in train (row 11); remove it from train"),
    }


def test_the_same_texts_with_different_labels_are_a_contradiction(tmp_path: Path) -> None:
    turned = {**GOOD[5], "label": "no"}
    (finding,) = found(task(tmp_path, train=[*GOOD[:40], turned]), "warning")
    assert (finding.split, finding.text) == ("train", "1 input occurs with different labels (rows 6, 41)")


def test_empty_texts(tmp_path: Path) -> None:
    rows = [*GOOD[:40], {"text": "", "label": "no"}, {"text": " \t\n", "label": "no"}]
    (finding,) = found(task(tmp_path, train=rows), "warning")
    assert (finding.split, finding.rows, finding.text) == ("train", 2, "2 rows with an empty text (rows 41, 42)")


def test_without_a_model_rows_are_long_that_have_too_many_words(tmp_path: Path) -> None:
    rows = [*GOOD[:40], {"text": "nine words are more than eight words can be", "label": "no"}]
    (finding,) = found(task(tmp_path, train=rows), "warning")
    assert finding.text == "at least 1 row with more than 8 tokens, which are truncated (row 41)"


def test_with_a_model_its_tokens_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, folder = make_model(tmp_path / "model"), task(tmp_path)  # five words and two special tokens: seven
    capsys.readouterr()
    assert main(["check-task", str(folder), "--model", str(model), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["unit"], report["splits"]["train"]["longest"], report["findings"]) == ("tokens", 7, [])
    change(folder, "test", lambda rows: rows[2].update(text1="w1 w2 w3 w4 w5 w6 w7"))
    assert main(["check-task", str(folder), "--model", str(model), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [finding["text"] for finding in report["findings"]] == [
        "1 row with more than 8 tokens, which are truncated (row 3)"
    ]
    assert report["splits"]["test"]["longest"] == 9


def test_texts_that_the_tokenizer_does_not_know_are_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, folder = make_model(tmp_path / "model"), task(tmp_path)
    change(folder, "test", lambda rows: rows.__setitem__(slice(None), [{**r, "text1": "alte Worte"} for r in rows]))
    capsys.readouterr()
    assert main(["check-task", str(folder), "--model", str(model), "--json"]) == 0
    found = [entry for entry in json.loads(capsys.readouterr().out)["findings"] if "unknown" in entry["text"]]
    assert [(entry["level"], entry["split"]) for entry in found] == [("warning", "test")]
    assert " % of the tokens are unknown to the model's tokenizer, so the encoder cannot tell" in found[0]["text"]


def test_rows_are_long_that_the_encoder_cannot_take(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of its seven positions RoBERTa uses those after the padding token's id, here 0; the task has 8 tokens."""
    model, folder = make_model(tmp_path / "model", "roberta", max_position_embeddings=7), task(tmp_path)
    capsys.readouterr()
    assert main(["check-task", str(folder), "--model", str(model), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    told = [finding["text"] for finding in report["findings"]]
    assert told == [
        f"{split['rows']} rows with more than 6 tokens, which are truncated (rows 1, 2, 3, ...)"
        for split in report["splits"].values()
    ]


def test_a_dominant_class_and_a_rare_one(tmp_path: Path) -> None:
    rows = [{**row, "label": "yes" if place < 38 else "no"} for place, row in enumerate(GOOD[:40])]
    told = [finding.text for finding in found(task(tmp_path, train=rows), "warning")]
    assert told == [
        "fewer than 10 rows of class 'no', too few to learn",
        "95.0 % of the rows are 'yes'; use macro metrics or matthews, not accuracy",
    ]


def test_a_class_that_no_row_has(tmp_path: Path) -> None:
    told = [finding.text for finding in found(task(tmp_path, test=GOOD[50::2]), "warning")]
    assert told == [
        "no row of class 'yes'",
        "100.0 % of the rows are 'no'; use macro metrics or matthews, not accuracy",
    ]


@pytest.mark.parametrize(
    ("split", "edit", "what"),
    [
        ("train", lambda rows: rows[6].update(label=2), "1 row with an unknown label: labels must be an index from 0"),
        ("test", lambda rows: rows[1].update(label=-1), "1 row with an unknown label: labels must be an index from 0"),
        ("test", lambda rows: rows[0].update(text1=None), "1 row with a null; give each a value, or remove the row"),
        ("test", lambda rows: rows[4].update(part="odd"), "part 'odd' is not among the `parts` of task.json"),
        ("train", lambda rows: [row.update(label=0) for row in rows], "all rows have the same label, so there is"),
    ],
)
def test_what_cannot_be_trained_or_scored_is_an_error(split: str, edit: Any, what: str, tmp_path: Path) -> None:
    folder = task(tmp_path)
    change(folder, split, edit)
    (finding,) = found(folder, "error")
    assert (finding.split, finding.text[: len(what)]) == (split, what)
    assert main(["check-task", str(folder)]) == 1


def test_a_file_that_changed_since_is_an_error(tmp_path: Path) -> None:
    folder = task(tmp_path)
    change(folder, "train", lambda rows: rows[3].update(text1="other"), seal=False)
    (finding,) = found(folder, "error")
    assert finding.text == "this is not the file that task.json describes; prepare the task again"


def test_a_row_with_too_few_choices_is_an_error(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "task", "multiple_choice")
    change(folder, "validation", lambda rows: rows[7].update(choices=["good w1"]))
    (finding,) = found(folder, "error")
    assert finding.text.startswith("1 row with a wrong number of choices or an unknown label")


def test_a_null_within_a_list_is_an_error(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "task", "multiple_choice")
    change(folder, "validation", lambda rows: rows[7].update(choices=["good w1", None]))
    assert {finding.rows for finding in found(folder, "error")} == {1}


def test_a_constant_regression_has_no_correlation(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "task", "regression")
    change(folder, "test", lambda rows: [row.update(label=0.5) for row in rows])
    (finding,) = found(folder, "error")
    assert finding.text == "all labels are equal, so correlation is undefined"
    change(folder, "test", lambda rows: rows[0].update(label=float("nan")))
    assert "1 row with an unknown label" in found(folder, "error")[0].text


def test_rows_without_a_label_and_questions_without_an_answer(tmp_path: Path) -> None:
    many = make_task(tmp_path / "many", "multi_label")
    unlabelled = sum(not row for row in pq.read_table(many / "test.parquet")["label"].to_pylist())
    assert (unlabelled, "note") in {(found_.rows, found_.level) for found_ in check_task(many).findings}
    asked = make_task(tmp_path / "asked", "candidates")
    change(asked, "test", lambda rows: [row.update(answers=[]) for row in rows[:4]])
    assert any(finding.rows >= 4 and "no right answer" in finding.text for finding in found(asked, "warning"))


def rename(folder: Path, *labels: str) -> None:
    """Give a task other label names, as a rule of the user's might have."""
    info = json.loads((folder / "task.json").read_text())
    info.pop("checksum", None)
    (folder / "task.json").write_text(json.dumps({**info, "labels": labels}))


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        (("pos", "Pos "), "labels 'pos' and 'Pos ' differ only in spelling"),
        (("-", "yes"), "label '-', in 20 rows, often means that the label is missing"),
        (("-1", "0"), "label '-1', in 20 rows, often means that the label is missing"),
        (("0.5", "1.5"), "label in 'label' is not a whole number"),
        (("[0, 1]", "[1, 0]"), "label '[0, 1]' in 'label' is a list that is written as text"),
    ],
)
def test_labels_that_are_hardly_meant_are_warned_of(labels: tuple[str, str], what: str, tmp_path: Path) -> None:
    folder = task(tmp_path)
    rename(folder, *labels)
    assert [(finding.split, finding.text) for finding in found(folder, "warning")] == [("train", what)]


def test_a_class_for_nearly_every_row_is_warned_of(tmp_path: Path) -> None:
    names = [f"id-{number}" for number in range(30)]
    rows = [{**row, "label": names[place % 30]} for place, row in enumerate(GOOD[:40])]
    prepare("mine", files_task(tmp_path, rows, labels=names, validation=rows, max_length=8), tmp_path / "task")
    told = [finding for finding in found(tmp_path / "task", "warning") if "almost one" in finding.text]
    assert [(finding.rows, finding.text) for finding in told] == [
        (40, "'label' holds 30 different labels among 40, almost one class per row")
    ]


def test_vectors_that_a_rule_wrote_for_indices_are_an_error(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "task", "multi_label")
    change(folder, "train", lambda rows: [row.update(label=[0, 1, 1, 0]) for row in rows[2:4]])
    (finding,) = found(folder, "error")
    assert finding.text == "2 rows with the same class more than once; list the index of each class once (rows 3, 4)"


@pytest.mark.data("glue", "super_glue")
@pytest.mark.parametrize("name", ["cola", "wsc", "wic"])
def test_real_rows_against_sets_of_texts(name: str, tmp_path: Path) -> None:
    prepare(name, TASKS[name], tmp_path / name, DATA)
    report = check_task(tmp_path / name)
    rows = {split: pq.read_table(tmp_path / name / f"{split}.parquet").to_pylist() for split in report.splits}
    key = [column for column in ("text1", "text2") if column in rows["train"][0]]
    inputs = {split: [tuple(row[column] for column in key) for row in content] for split, content in rows.items()}
    again = sum(row in set(inputs["train"]) for row in inputs["test"])
    repeated = len(inputs["train"]) - len(set(inputs["train"]))
    told = {(finding.split, finding.level, finding.rows) for finding in report.findings if "also occur" in finding.text}
    assert (("test", "warning", again) in told) == bool(again)
    told = {(finding.split, finding.level, finding.rows) for finding in report.findings if "repeat an" in finding.text}
    assert (("train", "note", repeated) in told) == bool(repeated)
    assert report.errors == 0


def test_memory_holds_no_texts(tmp_path: Path) -> None:
    long = [{"text": f"{number} " + "word " * 2000, "label": ("no", "yes")[number % 2]} for number in range(4000)]
    definition = files_task(tmp_path, long, ending="parquet", test=GOOD, max_length=8192)
    write_rows(tmp_path / "train.parquet", long)
    prepare("long", definition, tmp_path / "task")
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    report = check_task(tmp_path / "task")
    assert report.splits["train"].rows + report.splits["validation"].rows == 4000
    assert pool.bytes_allocated() - before < 2**20
    held = sum(value.nbytes for split in report.splits.values() for value in (split.inputs, split.first, split.answers))
    assert held <= 24 * sum(split.rows for split in report.splits.values())
