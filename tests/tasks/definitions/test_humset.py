"""HumSet from generated rows of its schema, in its three languages; and lists of labels in files of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scalearn.errors import UserError
from scalearn.tasks import TASKS
from scalearn.tasks.definitions.humset import HUMSET, LABELS
from scalearn.tasks.preparing.prepare import check_source_rows, prepare
from scalearn.tasks.protocol import task_under
from scalearn.tasks.store import TaskInfo
from tests.tasks.making import column, files_task, write_rows

EXCERPTS = {
    "en": "Households report that drinking water is scarce in camp {}.",
    "fr": "L'accès à l'eau potable reste très limité à {}.",
    "es": "Los niños de la región {} no asisten a la escuela; ¿por qué?",
}
COUNTS = {"sectors": 11, "pillars_1d": 7, "pillars_2d": 6, "subpillars_1d": 33, "subpillars_2d": 18}


def rows(count: int, as_indices: bool = False) -> list[dict[str, Any]]:
    """Return rows of HumSet's schema, every third without labels, the others with one or two, not sorted."""
    made = []
    for number in range(count):
        row: dict[str, Any] = {"entry_id": f"{number}", "lead_id": "7", "n_tokens": 9, "document": ""}
        row["lang"] = list(EXCERPTS)[number % 3]
        row["excerpt"] = EXCERPTS[row["lang"]].format(number)
        for name, labels in LABELS.items():
            classes = [] if number % 3 == 0 else [number % len(labels), (number * 5 + 1) % len(labels)][: number % 3]
            row[name] = classes[::-1] if as_indices else [labels[index] for index in classes[::-1]]
        made.append(row)
    return made


def mirror(folder: Path, train: list[dict[str, Any]], test: list[dict[str, Any]] | None = None) -> Path:
    (folder / "humset" / "data").mkdir(parents=True)
    for split, found in (("train", train), ("validation", train[:30]), ("test", test or train[30:60])):
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found)
        (folder / "humset" / "data" / f"{split}.jsonl").write_text(text, encoding="utf-8")
    return folder


def classes(name: str, found: list[dict[str, Any]], as_indices: bool) -> list[list[int]]:
    return [
        sorted({index if as_indices else LABELS[name].index(index) for index in row[name]})  # type: ignore[arg-type]
        for row in found
    ]


def test_label_sets_are_sorted_and_complete() -> None:
    assert {name: len(labels) for name, labels in LABELS.items()} == COUNTS
    assert all(list(labels) == sorted(labels) for labels in LABELS.values())
    for number in "12":
        pillars = {label.split("->")[0] for label in LABELS[f"subpillars_{number}d"]}
        assert pillars == set(LABELS[f"pillars_{number}d"])
    assert {task.all_metrics for task in HUMSET.values()} == {
        ("macro_f1", "macro_precision", "macro_recall", "subset_accuracy")
    }
    assert {task.select for task in HUMSET.values()} == {"headline"}


@pytest.mark.parametrize("as_indices", [False, True])
@pytest.mark.parametrize("name", HUMSET)
def test_rows_in_three_languages_keep_their_labels(tmp_path: Path, name: str, as_indices: bool) -> None:
    made = rows(120, as_indices)
    info = prepare(name, TASKS[name], tmp_path / name, mirror(tmp_path, made))
    assert (info.sizes, info.labels) == ({"train": 120, "validation": 30, "test": 30}, LABELS[name])
    assert (info.outputs, info.select) == (COUNTS[name], "headline")
    assert column(tmp_path / name, "train", "text1") == [row["excerpt"] for row in made]
    assert column(tmp_path / name, "train", "label") == classes(name, made, as_indices)
    assert column(tmp_path / name, "test", "label") == classes(name, made[30:60], as_indices)
    assert [] in column(tmp_path / name, "validation", "label")
    TaskInfo.read(tmp_path / name)


def test_an_unknown_label_is_refused_by_row_and_name(tmp_path: Path) -> None:
    made = rows(60)
    made[41]["sectors"] = ["Health", "Telecoms"]
    message = r"row 42: label 'Telecoms' is outside the label set \(Agriculture, Cross, .*\)"
    with pytest.raises(UserError, match=r"train\.jsonl: " + message):
        check_source_rows("sectors", TASKS["sectors"], mirror(tmp_path / "a", made))
    with pytest.raises(UserError, match=r"test\.jsonl: " + message):
        prepare("sectors", TASKS["sectors"], tmp_path / "out", mirror(tmp_path / "b", rows(60), made))
    made[41]["sectors"] = ["Health", None]
    with pytest.raises(UserError, match=r"train\.jsonl: row 42: label in 'sectors' is missing"):
        check_source_rows("sectors", TASKS["sectors"], mirror(tmp_path / "c", made))


@pytest.mark.parametrize("as_indices", [False, True])
def test_under_the_reference_the_label_set_is_what_train_carries(tmp_path: Path, as_indices: bool) -> None:
    made = rows(60, as_indices)
    rare = 4 if as_indices else "Health"
    for row in made:
        row["sectors"] = [label for label in row["sectors"] if label != rare]
    task = task_under("reference", "sectors", TASKS["sectors"])
    info = prepare("sectors", task, tmp_path / "sectors", mirror(tmp_path, made))
    left = [label for index, label in enumerate(LABELS["sectors"]) if index != 4]
    assert info.labels == tuple(str(LABELS["sectors"].index(label)) if as_indices else label for label in left)
    found = [[info.labels[index] for index in labels] for labels in column(tmp_path / "sectors", "train", "label")]
    assert [set(labels) for labels in found] == [set(map(str, row["sectors"])) for row in made]
    assert any(note.startswith("labels: found in train, 10: ") for note in info.notes)


# ---------------------------------------------------------------------- lists of labels in files of one's own


@pytest.mark.parametrize("ending", ["csv", "tsv"])
@pytest.mark.parametrize("separator", ["|", "; "])
def test_cells_of_text_are_divided_by_the_separator(tmp_path: Path, ending: str, separator: str) -> None:
    cells = [["b"], ["a", "b"], [], ["c", "a", "c"], ["b c"]] * 4
    table = [{"text": f"t{number}", "label": separator.join(cell)} for number, cell in enumerate(cells)]
    task = files_task(tmp_path, table, ending, kind="multi_label", separator=separator, validation=table)
    info = prepare("t", task, tmp_path / "t")
    assert info.labels == ("a", "b", "b c", "c")
    assert column(tmp_path / "t", "train", "label") == [[1], [0, 1], [], [0, 3], [2]] * 4


def test_a_null_an_empty_list_and_a_key_that_is_not_there_are_no_label(tmp_path: Path) -> None:
    table: list[dict[str, Any]] = [{"text": "t", "label": label} for label in (None, [], ["a", "b"], ["b"], ["a"])]
    task = files_task(tmp_path, [*table, {"text": "t"}], kind="multi_label", validation=table)
    prepare("t", task, tmp_path / "t")
    assert column(tmp_path / "t", "train", "label") == [[], [], [0, 1], [1], [0], []]


def test_the_cut_of_lists_of_labels_goes_by_row(tmp_path: Path) -> None:
    table = [{"text": f"t{number}", "label": ["a", "b"][: number % 3]} for number in range(50)]
    info = prepare("t", files_task(tmp_path, table, kind="multi_label"), tmp_path / "t")
    assert (info.sizes, info.metrics) == ({"train": 45, "validation": 5, "test": 50}, ("macro_f1",))
    assert info.notes[-1] == "validation: cut from train, a tenth of its rows with seed 42"


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[], None, []], "no row has a label in 'label'"),
        ([["a"], []], "the only label is 'a'"),
        ([[1.5], [2.0]], "row 1: label in 'label' is not a whole number"),
        ([1, 2], "column 'label' holds int64, not lists of labels; .*kind: classification"),
        ([[["a"]], [["b"]]], "column 'label' holds list"),
        ([["a", "b"], [""]], "row 2: label in 'label' is missing"),
    ],
)
def test_cells_that_are_no_lists_of_labels(tmp_path: Path, labels: list[Any], message: str) -> None:
    table = [{"text": "t", "label": label} for label in labels]
    with pytest.raises(UserError, match=rf"train\.jsonl: {message}"):
        check_source_rows("t", files_task(tmp_path, table, kind="multi_label"))


def test_a_classification_of_lists_is_told_of_the_other_kind(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "train.parquet", [{"text": "t", "label": ["a"]}])
    task = TASKS["sst2"].model_validate({"source": {"kind": "files", "train": path, "test": path}})
    with pytest.raises(UserError, match="or set `kind: multi_label`"):
        check_source_rows("t", task)
