"""Learning curves from the histories of runs."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scalearn.results.cells import make_table
from scalearn.results.curves import Curves, curves_of
from scalearn.results.scored import current_scores
from tests.results.made import layout_of, make_score, run_of

SCORES = {0: [0.5, 0.7, 0.9], 1: [0.6, 0.9]}  # seed 1 stopped early


def curves(folder: Path, damaged: bool = False) -> list[Curves]:
    """Return the curves of an adapter with two seeds, and of a joint method with one."""
    for seed, scores in SCORES.items():
        part = run_of("adapter", "rte", seed)
        make_score(folder, part, scores[-1])
        rows = [{"epoch": epoch + 1, "eval_accuracy": score, "eval_loss": 1.0} for epoch, score in enumerate(scores)]
        pq.write_table(pa.Table.from_pylist(rows), folder / part.run / "history.parquet")
    joint = run_of("adapter_m", "rte", 4)
    make_score(folder, joint, 0.8)
    history = [{"round": 50, "eval_rte_accuracy": 0.8}, {"round": 100, "eval_rte_accuracy": float("nan")}]
    pq.write_table(pa.Table.from_pylist(history), folder / joint.run / "history.parquet")
    if damaged:
        (folder / run_of("adapter", "rte", 0).run / "history.parquet").write_bytes(b"PAR1")
    layout = layout_of(["adapter", "adapter_m"], {"rte": [0, 1]}, joint=[4])
    return curves_of(make_table(layout, current_scores([layout], folder), folder), folder)


def test_a_point_is_the_mean_over_the_seeds_that_trained_so_long(tmp_path: Path) -> None:
    single, joint = curves(tmp_path)
    assert (single.row, single.task, single.joint, single.metric) == ("Adapter", "rte", False, "accuracy")
    assert [(point.epoch, point.low, point.high, point.seeds) for point in single.points] == [
        (1.0, 0.5, 0.6, 2),
        (2.0, 0.7, 0.9, 2),
        (3.0, 0.9, 0.9, 1),
    ]
    assert [point.mean for point in single.points] == pytest.approx([0.55, 0.8, 0.9])
    assert joint.joint
    assert [(point.epoch, point.mean) for point in joint.points] == [(50.0, 0.8)]  # a NaN is no point


def test_a_damaged_history_is_left_out(tmp_path: Path) -> None:
    single, _ = curves(tmp_path, damaged=True)
    assert [point.seeds for point in single.points] == [1, 1]
