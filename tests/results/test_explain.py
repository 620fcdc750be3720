"""`scalearn explain`: the words for a cell of a table, from records made by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalearn.errors import UserError
from scalearn.results.explain import benchmark_of, explanation
from scalearn.results.layout import Layout
from tests.results.made import layout_of, make_score, run_of

SEEDS = {"rte": [0, 1], "nli": [0]}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A table of two methods on two tasks. The second adapter on rte is not finished."""
    make_score(tmp_path, run_of("adapter", "rte", 0), 0.625)
    make_score(tmp_path, run_of("adapter", "nli", 0), 0.4)
    for seed, value in ((0, 0.75), (1, 0.5)):
        make_score(tmp_path, run_of("scalearn", "rte", seed), value)
    make_score(tmp_path, run_of("scalearn", "nli", 0), 0.45)
    return layout_of(["adapter", "scalearn"], SEEDS)


def test_a_complete_cell(layout: Layout, tmp_path: Path) -> None:
    text = explanation(layout, tmp_path, "scalearn", "rte")
    assert text.startswith("ScaLearn on rte, benchmark pair, corrected protocol: 62.50 ± 17.68 (accuracy times 100)")
    for seed, score in ((0, "75.0000"), (1, "50.0000")):
        predictions = tmp_path / run_of("scalearn", "rte", seed).folder / "predictions.parquet"
        line = f"seed {seed}: {score} on 100 test rows; epoch 2 of 3 was the best on validation; {predictions}"
        assert line in text.splitlines()
    assert "their sample standard deviation, over 2 seeds (0, 1). ± is no interval" in text
    assert "The constant answer gets 50.00, 12.50 less." in text and "The best of the column" not in text


def test_a_missing_seed_is_named_and_one_seed_has_no_deviation(layout: Layout, tmp_path: Path) -> None:
    text = explanation(layout, tmp_path, "Adapter", "rte")  # by its title
    assert "62.50 (accuracy times 100)" in text and "the only finished seed, so that there is no ±" in text
    run = tmp_path / run_of("adapter", "rte", 1).run
    assert f"seed 1: missing; {run} is not finished, and the next start trains it" in text


def test_the_best_of_the_column_is_named(layout: Layout, tmp_path: Path) -> None:
    text = explanation(layout, tmp_path, "adapter", "nli")
    assert "The constant answer gets 50.00, 10.00 more. The best of the column is ScaLearn with 45.00." in text


def test_a_cell_without_a_run(tmp_path: Path) -> None:
    layout = layout_of(["adapter"], {"rte": [0]})
    text = explanation(layout, tmp_path, "adapter", "rte")
    assert text.startswith("Adapter on rte, benchmark pair, corrected protocol: no run is finished\n")
    assert "seed 0: missing" in text and "constant answer" not in text


def test_what_is_not_in_the_table_is_refused(layout: Layout, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no row 'scalern', did you mean 'scalearn'"):
        explanation(layout, tmp_path, "scalern", "rte")
    with pytest.raises(UserError, match="no task 'rt', did you mean 'rte'"):
        explanation(layout, tmp_path, "adapter", "rt")


def test_the_benchmark_is_in_the_tables_name() -> None:
    assert benchmark_of(Path("results/glue_table.md")) == "glue"
    with pytest.raises(UserError, match=r"scores\.parquet: this is no table of a campaign; name results/<benchmark>_t"):
        benchmark_of(Path("results/scores.parquet"))
