"""Bad input ends as one sentence that says where and how to mend it, with status 1, and changes nothing on disk.

What only looks odd comes through as it is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scalearn.__main__ import run
from tests.bad_input import campaign_files, commands, configs, entries, models, rows
from tests.bad_input.case import Case, configure, content, make_project, prepare
from tests.bad_input.odd import ODD, Odd
from tests.places import ROOT
from tests.tasks.making import column

CASES = [*configs.CASES, *entries.CASES, *campaign_files.CASES, *rows.CASES, *commands.CASES, *models.CASES]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a small campaign that is good as it stands."""
    monkeypatch.chdir(tmp_path)
    make_project()
    return tmp_path


def test_the_project_itself_is_good(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "config.yaml"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_bad_input_is_one_sentence_and_changes_nothing(
    case: Case, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = case.spoil()
    before = content(project)
    status, said = run(arguments), capsys.readouterr().err
    assert (status, said.count("\n")) == (1, 1), said
    assert said.startswith("error: ") and "Traceback" not in said and len(said) < 2000
    assert re.search(case.says, said), said
    assert not re.search("Input should|Field required|Extra inputs|String should|Tuple should|Value error", said), said
    assert content(project) == before


@pytest.mark.parametrize("odd", ODD, ids=[odd.name for odd in ODD])
def test_what_only_looks_odd_comes_through(odd: Odd, capsys: pytest.CaptureFixture[str]) -> None:
    """As train, whose labels make the label set, and as validation and test, so that no row is cut."""
    name = f"odd.{odd.ending}"
    rows.write(name, odd.content)
    source = {"kind": "files", **dict.fromkeys(("train", "validation", "test"), name)}
    assert run(prepare(name, source=source, **odd.changes)) == 0, capsys.readouterr().err
    assert json.loads(Path("out/task.json").read_text())["labels"] == odd.names
    for split in ("train", "validation", "test"):
        assert column(Path("out"), split, "text1") == odd.texts
        assert column(Path("out"), split, "label") == odd.labels
    assert not Path("owned").exists()


def scalearn(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "scalearn", *arguments]
    root = str(ROOT)
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": root, **environment}, capture_output=True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["chek"], b"error: scalearn: No such command 'chek'. Did you mean 'check'?; see `scalearn --help`\n"),
        (
            ["check", "no.yaml"],
            b"error: no.yaml: no such file; name a campaign file",
        ),
        (["warm"], b"error: scalearn warm: no command to run; see `scalearn warm --help`\n"),
        (["warm", "--colour"], b"error: scalearn warm: no command to run; see `scalearn warm --help`\n"),
    ],
)
def test_a_process_of_its_own_says_the_same(arguments: list[str], says: bytes, project: Path) -> None:
    before = content(project)
    done = scalearn(*arguments)
    assert (done.returncode, done.stderr.count(b"\n"), done.stdout) == (1, 1, b"")
    assert done.stderr.startswith(says) and content(project) == before


def test_a_locale_without_emoji_and_a_warm_server_that_is_gone() -> None:
    Path("odd.csv").write_text("text,label\n" + "x,👍\ny,👎\n" * 20, encoding="utf-8")
    done = scalearn(*prepare("odd.csv"), PYTHONIOENCODING="ascii", SCALEARN_WARM="/nowhere/socket")
    assert done.returncode == 0 and b"labels: found in train, 2: \\U0001f44d" in done.stdout, done.stderr
    configure(methods=["👍"])
    done = scalearn("check", PYTHONIOENCODING="ascii")
    assert done.returncode == 1 and done.stderr.startswith(b"error: config.yaml: methods[0]: a name (at most 64")
