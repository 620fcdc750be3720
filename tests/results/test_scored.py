"""Scores as a cache beside the runs: what is current stays as it is, all else is made anew, whoever asks for it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from scalearn.campaign import versions
from scalearn.errors import UserError
from scalearn.results.layout import Layout, Scoring
from scalearn.results.records import Part, score_path
from scalearn.results.scored import current_scores
from scalearn.results.scores import score, score_run
from scalearn.storage.files import LOCK, alone
from tests.results.made import layout_of, make_run, run_of

LABELS, LOGITS = [0, 1, 0, 1, 1], [[2.0, 1.0], [0.0, 1.0], [0.0, 1.0], [3.0, 0.0], [0.0, 1.0]]
RUNS = [run_of("adapter", "rte", 0), run_of("scalearn", "rte", 0), run_of("adapter_m", "rte", 0)]
LAYOUT = layout_of(["adapter", "scalearn", "adapter_m"], {"rte": [0]}, joint=[0])


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Three runs that are finished, one of them joint; none has a score."""
    for run in RUNS:
        make_run(tmp_path / "runs" / run.folder, run, LABELS, LOGITS)
    return tmp_path / "runs"


def scored(runs: Path, **changes: Any) -> set[str]:
    """Have the runs scored and return the methods of those whose records were written, by their inodes."""
    before = inodes(runs)
    records = current_scores([LAYOUT.model_copy(update=changes)], runs)
    assert set(records) == set(RUNS)
    return {method for method, inode in inodes(runs).items() if before.get(method) != inode}


def method_of(run: Part) -> str:
    return run.run.split("/")[1]


def inodes(runs: Path) -> dict[str, int]:
    paths = {method_of(run): score_path(runs, run) for run in RUNS}
    return {method: path.stat().st_ino for method, path in paths.items() if path.exists()}


ALL = {"adapter", "scalearn", "adapter_m"}


def test_what_has_no_score_is_scored_and_then_stays(runs: Path) -> None:
    assert scored(runs) == ALL
    assert scored(runs) == set()


def test_another_metric_or_positive_label_or_version_scores_again(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored(runs)
    for changes in ({"metrics": {"rte": ["f1"]}}, {"metrics": {"rte": ["f1"]}, "positive": {"rte": "yes"}}, {}):
        assert scored(runs, **changes) == ALL
        assert scored(runs, **changes) == set()
    monkeypatch.setattr(versions, "SCORING", versions.SCORING + 1)
    assert scored(runs) == ALL


def test_a_run_that_was_made_anew_is_scored_again(runs: Path) -> None:
    scored(runs)
    make_run(runs / RUNS[0].run, RUNS[0], LABELS, LOGITS[::-1])
    assert scored(runs) == {"adapter"}


@pytest.mark.parametrize(
    "damage",
    [
        lambda path, _: path.write_bytes(path.read_bytes()[:200]),
        lambda path, _: path.write_text("{}"),
        lambda path, _: path.write_text(path.read_text().replace("0.6", "0.9")),
        lambda path, other: shutil.copy(other, path),
        lambda path, _: path.unlink(),
    ],
    ids=["truncated", "foreign", "edited", "of another run", "lost"],
)
def test_a_damaged_or_foreign_record_is_made_anew_to_the_same_bytes(
    runs: Path, damage: Callable[[Path, Path], object]
) -> None:
    scored(runs)
    path = score_path(runs, RUNS[1])
    before = path.read_bytes()
    damage(path, score_path(runs, RUNS[0]))
    assert path.exists() is False or path.read_bytes() != before
    scored(runs)
    assert path.read_bytes() == before


def test_the_command_for_one_run_writes_the_same_bytes(runs: Path, tmp_path: Path) -> None:
    scored(runs, metrics={"rte": ["accuracy", "f1"]})
    for run in RUNS:
        score_run(runs / run.folder, output=tmp_path / "score.json")
        assert (tmp_path / "score.json").read_bytes() == score_path(runs, run).read_bytes()


def test_missing_runs_have_no_records_and_what_is_wrong_with_one_stops_no_other(runs: Path) -> None:
    shutil.rmtree(runs / RUNS[0].run)
    (runs / RUNS[1].run / "predictions.parquet").write_bytes(b"rotten")
    layout = LAYOUT
    with pytest.raises(UserError, match=r"scalearn/\S+/rte/full/0/predictions\.parquet: these are not the predictions"):
        current_scores([layout], runs)
    assert inodes(runs).keys() == {"adapter_m"}
    assert list(current_scores([layout], runs, due=[])) == [RUNS[2]]


def test_of_several_faults_the_first_is_named_and_the_others_are_counted(runs: Path) -> None:
    for run in RUNS:
        (runs / run.folder / "predictions.parquet").unlink()
    with pytest.raises(UserError, match=r"adapter/\S+/single.*no such file; delete the folder .* \(and 2 more\)$"):
        current_scores([LAYOUT], runs)


def test_nothing_is_shown_of_a_record_of_another_run(runs: Path) -> None:
    shutil.copy(runs / RUNS[0].run / "run.json", runs / RUNS[1].run)
    with pytest.raises(UserError, match=r"run\.json: it is the record of tiny/adapter/\S+/rte/full/0, rte; delete"):
        current_scores([LAYOUT], runs)


COLLECT = """
import sys
from pathlib import Path
from scalearn.results.collect import collect
from scalearn.results.layout import Layout
collect([Layout.model_validate_json(sys.argv[1])], Path(sys.argv[2]), Path(sys.argv[3]))
"""


def collecting(runs: Path, output: Path, layout: Layout) -> subprocess.Popen[str]:
    line = [sys.executable, "-uc", COLLECT, layout.model_dump_json(), str(runs), str(output)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, text=True)


def test_a_second_process_waits_and_takes_what_the_first_has_scored(runs: Path, tmp_path: Path) -> None:
    with alone(runs / LOCK, "nobody else is there"):
        second = collecting(runs, tmp_path / "scores.parquet", LAYOUT)
        assert second.stdout is not None
        assert second.stdout.readline() == "waiting for another process that scores these runs\n"
        assert inodes(runs) == {}
        for run in RUNS:
            record = score(runs / run.folder, Scoring())
            marked = record.model_copy(update={"scores": dict.fromkeys(record.scores, 0.125)})
            marked.write(score_path(runs, run))
    assert second.wait(timeout=300) == 0
    second.stdout.close()
    assert set(pq.read_table(tmp_path / "scores.parquet")["value"].to_pylist()) == {0.125}


def test_two_processes_that_want_different_metrics_at_once_each_show_their_own(runs: Path, tmp_path: Path) -> None:
    wanted = {name: LAYOUT.model_copy(update={"metrics": {"rte": (name,)}}) for name in ("accuracy", "f1")}
    with alone(runs / LOCK, "nobody else is there"):  # so that both start from the same state
        both = [collecting(runs, tmp_path / name, layout) for name, layout in wanted.items()]
        for process in both:
            assert process.stdout is not None and "waiting" in process.stdout.readline()
    for process in both:
        process.communicate(timeout=300)
        assert process.returncode == 0
    for name in wanted:
        assert pq.read_table(tmp_path / name)["metric"].to_pylist() == [name] * 3
