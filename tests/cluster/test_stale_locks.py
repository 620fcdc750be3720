"""What a killed Snakemake leaves."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from scalearn.cluster.stale_locks import drop_stale_locks


def mark(output: str) -> Path:
    """Mark an output incomplete, as Snakemake's persistence does: a long name is cut into folders."""
    code = urlsafe_b64encode(output.encode()).decode()
    pieces = [code[start : start + 254] for start in range(0, len(code), 254)]
    path = Path(".snakemake/incomplete", *(f"@{piece}" for piece in pieces[:-1]), pieces[-1])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize("content", ["", "{", "[]", "\0", '{"a": 1}'])
def test_damaged_notes_and_strange_marks_stop_nobody(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    due = Path(".snakemake/scalearn/due.json")
    due.parent.mkdir(parents=True)
    due.write_text(content)
    strange = [mark("results").with_name(name) for name in ("no mark", "gA==", ".nfs0001")]  # gA==: no UTF-8
    for path in strange:
        path.touch()
    drop_stale_locks(Path(".snakemake"))
    assert ("warning: .snakemake/scalearn/due.json: not readable" in capsys.readouterr().err) == (content[:2] != '{"')
    assert all(path.exists() for path in strange)


def test_a_folder_that_cannot_be_locked_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "alive").mkdir()
    drop_stale_locks(tmp_path)
    (tmp_path / "file").touch()
    drop_stale_locks(tmp_path / "file")


@pytest.mark.parametrize("name", ["short", "long" * 60])
def test_a_run_that_was_finished_unseen_counts_as_finished(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    marks = {}
    for run, files in {name: ("weights", "run.json"), "half": ("weights",)}.items():
        folder = Path("results/runs", *(run[start : start + 80] for start in range(0, len(run), 80)))
        folder.mkdir(parents=True)
        for file in files:
            (folder / file).touch()
        marks[run] = [mark(str(folder / file)) for file in ("weights", "run.json")]
    drop_stale_locks(Path(".snakemake"))
    assert [path.exists() for path in marks[name]] == [False, False]
    assert [path.exists() for path in marks["half"]] == [True, True]
