"""Floating-point labels: classes or a regression? The definition must state it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, Features, Value

from scalearn.__main__ import main
from scalearn.campaign.campaign_file import VARIABLE
from scalearn.errors import UserError
from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.prepare import check_source_rows, prepare
from tests.campaign.default import campaign
from tests.tasks.making import column, files_task

STARS = [1.0, 0.0] * 6
COLUMNS = {
    "halffloat": pa.array(np.array(STARS, np.float16)),
    "float": pa.array(STARS, pa.float32()),
    "double": pa.array(STARS),
}
MENDS = (
    "which may be a quantity or a class; set `kind: regression`, or `kind: classification` if each number is a class"
)


def definition(folder: Path, stars: pa.Array, **changes: Any) -> dict[str, Any]:
    """Return the definition of a task whose rows, of all splits, have these stars."""
    path = str(folder / "rows.parquet")
    pq.write_table(pa.table({"text": [f"t{number}" for number in range(len(stars))], "label": stars}), path)
    return {"source": {"kind": "files", "train": path, "validation": path, "test": path}, **changes}


def refusal(path: Path | str, kind: str) -> str:
    return f"{path}: column 'label' holds {kind}, {MENDS}"


@pytest.mark.parametrize("kind", COLUMNS)
def test_they_are_refused_unless_kind_or_labels_are_stated(kind: str, tmp_path: Path) -> None:
    unstated = Task.model_validate(definition(tmp_path, COLUMNS[kind]))
    for check in (lambda: check_source_rows("t", unstated), lambda: prepare("t", unstated, tmp_path / "t")):
        with pytest.raises(UserError) as caught:
            check()
        assert str(caught.value) == refusal(tmp_path / "rows.parquet", kind)
    assert not (tmp_path / "t").exists()
    for stated, labels in (
        ({"kind": "classification"}, ("0", "1")),
        ({"labels": ["0", "1"]}, ("0", "1")),
        ({"kind": "regression"}, None),
    ):
        task = Task.model_validate(definition(tmp_path, COLUMNS[kind], **stated))
        assert prepare("t", task, tmp_path / "t").labels == labels
        assert column(tmp_path / "t", "train", "label") == STARS


@pytest.mark.parametrize("ending", ["parquet", "arrow", "jsonl"])
def test_the_features_of_a_dataset_and_numbers_in_json_have_types(ending: str, tmp_path: Path) -> None:
    rows = {"text": [f"t{number}" for number in range(12)], "label": STARS}
    dataset = Dataset.from_dict(rows, features=Features({"text": Value("string"), "label": Value("float32")}))
    path, source = tmp_path / f"saved.{ending}", {"kind": "files", "train": str(tmp_path / f"saved.{ending}")}
    if ending == "parquet":
        dataset.to_parquet(path)
    elif ending == "jsonl":
        dataset.to_json(path)
    else:
        dataset.save_to_disk(tmp_path / "saved")
        path, source = tmp_path / "saved/data-00000-of-00001.arrow", {"kind": "disk", "path": str(tmp_path / "saved")}
    with pytest.raises(UserError) as caught:
        check_source_rows("t", Task.model_validate({"source": source}))
    assert str(caught.value) == refusal(path, "double" if ending == "jsonl" else "float")
    check_source_rows("t", Task.model_validate({"source": source, "kind": "classification"}))


@pytest.mark.parametrize(
    ("ending", "labels", "names"),
    [
        ("csv", ["1.0", "0.0"], ("0", "1")),
        ("tsv", ["1.0", "0.0"], ("0", "1")),
        ("parquet", [1, 0], ("0", "1")),
        ("jsonl", [1, 0], ("0", "1")),
        ("parquet", [True, False], ("false", "true")),
        ("jsonl", [True, False], ("false", "true")),
    ],
)
def test_text_whole_numbers_and_booleans_stay_classes(
    ending: str, labels: list[Any], names: tuple[str, ...], tmp_path: Path
) -> None:
    rows = [{"text": f"t{number}", "label": labels[number % 2]} for number in range(12)]
    assert prepare("t", files_task(tmp_path, rows, ending, validation=rows), tmp_path / "t").labels == names


def test_the_job_of_a_campaign_learns_what_its_definition_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stating the default `kind` changes no definition, so that no task is prepared or trained again."""
    tasks = definition(tmp_path, COLUMNS["double"])
    stated, unstated = (
        campaign(tasks={"mine": {**tasks, **kind}}, benchmarks={"b": ["mine"]})
        for kind in ({"kind": "classification"}, {})
    )
    assert stated.definition("mine") == unstated.definition("mine")
    assert stated.task_key("mine") == unstated.task_key("mine")
    command = ["prepare-task", "mine", "--definition", stated.definition("mine"), "--output", str(tmp_path / "t")]
    for handed_down in ({}, {"tasks": {"mine": tasks}}, {"tasks": None}, {"tasks": {"other": {"kind": "regression"}}}):
        monkeypatch.setenv(VARIABLE, json.dumps(handed_down))
        assert main(command) == 1
        assert capsys.readouterr().err == f"error: {refusal(tmp_path / 'rows.parquet', 'double')}\n"
    monkeypatch.setenv(VARIABLE, json.dumps({"tasks": {"mine": {**tasks, "kind": "classification"}}}))
    assert main(command) == 0
    (tmp_path / "campaign.yaml").write_text("tasks: {mine: {kind: classification}}\n")
    monkeypatch.setenv(VARIABLE, str(tmp_path / "campaign.yaml"))
    assert main(command) == 0
    monkeypatch.delenv(VARIABLE)
    assert main(command) == 1
