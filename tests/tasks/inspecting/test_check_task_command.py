"""`scalearn check-task`: how a task may be named, and what people read."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from scalearn.__main__ import main
from scalearn.errors import UserError
from scalearn.tasks.inspecting.findings import check_task
from tests.tasks.inspecting.good_task import GOOD, task
from tests.tasks.making import write_rows


def test_a_task_may_be_named_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task(tmp_path)
    (tmp_path / "resources" / "tasks").mkdir(parents=True)
    (tmp_path / "task").rename(tmp_path / "resources" / "tasks" / "trec6")
    monkeypatch.chdir(tmp_path)
    for word in ("trec6", "resources/tasks/trec6", "resources/tasks/trec6/task.json"):
        assert main(["check-task", word]) == 0


def test_a_name_is_enough_for_a_folder_with_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of two folders that campaign files define under one name, none is taken for what was meant."""
    task(tmp_path)
    place = tmp_path / "resources" / "tasks"
    place.mkdir(parents=True)
    (tmp_path / "task").rename(place / "trec6@1a2b3c4d")
    monkeypatch.chdir(tmp_path)
    assert main(["check-task", "trec6"]) == main(["check-task", "trec6@1a2b3c4d"]) == 0
    shutil.copytree(place / "trec6@1a2b3c4d", place / "trec6@00000000")
    capsys.readouterr()
    assert main(["check-task", "trec6"]) == 1
    assert capsys.readouterr().err == (
        "error: trec6: several prepared tasks have this name (trec6@00000000, trec6@1a2b3c4d); "
        "name one of these folders\n"
    )


def test_a_file_of_rows_is_answered_by_how_it_becomes_a_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "reviews.csv", GOOD)
    assert main(["check-task", "reviews.csv"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: reviews.csv: this is a file, and check-task reads the folder of a prepared task; ")
    command = shlex.split(said.partition("prepare one from it: scalearn ")[2].strip())
    assert main([word.replace("NAME", "reviews") for word in command]) == 0
    assert main(["check-task", "reviews"]) == 0


def test_no_task_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match=r"task\.json: no such file"):
        check_task(tmp_path)
    assert main(["check-task", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_no_model_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = task(tmp_path)
    assert main(["check-task", str(folder), "--model", "nowhere"]) == 1
    assert capsys.readouterr().err == (
        "error: nowhere/model.json: no such file; "
        "`scalearn fetch-model NAME --source SOURCE --output nowhere` makes it, also from a local model\n"
    )


def test_people_read_a_table_and_sentences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-task", str(task(tmp_path, test=[*GOOD[50:], GOOD[3]]))]) == 0
    said = capsys.readouterr().out
    assert "mine: classification, accuracy" in said
    assert "no 50.0 %, yes 50.0 %" in said
    assert "warning: test: 1 row (9.1 %) also occurs in train (row 11); remove it from train" in said
    assert said.endswith("0 errors, 1 warnings\n")
