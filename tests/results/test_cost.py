"""What rows cost: sums over tasks, source adapters once, and what is missing."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scalearn.errors import UserError
from scalearn.results.cells import Table, make_table
from scalearn.results.companions import write_cost
from scalearn.results.cost import UNKNOWN, Cost, RowCost, hours, row_costs
from scalearn.results.cost_table import cost_csv, cost_grid, fronts
from scalearn.results.grid import DASH
from scalearn.results.layout import Layout
from scalearn.results.records import Part, ScoreRecord, score_path
from scalearn.results.render import latex, markdown
from scalearn.results.scored import current_scores
from scalearn.storage.files import read_json, write_json
from tests.results.latex import set_by_pdflatex
from tests.results.made import layout_of, make_score, run_of

HOUR = 3600
SEEDS = {"rte": [0, 1], "nli": [0]}


def source(seed: int) -> str:
    """Return the path of a source adapter; that of seed 0 is what tests.results.made composes."""
    return f"tiny/adapter/single/rte/full/{seed}"


def finish(
    runs: Path,
    run: Part,
    value: float = 0.7,
    seconds: float = HOUR,
    size: int = 1000,
    parameters: int = 96,
    **timing: Any,
) -> None:
    """Write the files of a finished run that cost counts."""
    cost = {"trainable_parameters": parameters, **dict.fromkeys(["head_parameters", "steps", "epochs"], 1)}
    make_score(runs, run, value, cost={**cost, "best_epoch": 1, "examples": 1})
    facts = {"seconds": seconds, "device": "cpu", "threads": 2, "peak_memory_mib": 500, "host": "h", **timing}
    write_json(runs / run.run / "timing.json", facts)
    (runs / run.run / "weights.safetensors").write_bytes(bytes(size))


def costs_of(runs: Path, layout: Layout) -> tuple[Table, list[RowCost]]:
    records = current_scores([layout], runs)
    return make_table(layout, records, runs), row_costs(layout, records, runs)


def campaign(runs: Path, methods: Sequence[str] = ("adapter", "scalearn")) -> Layout:
    """Write all runs and return the layout.

    An adapter takes an hour on rte (two with seed 1) and three on nli; a composition takes half of an hour.
    """
    for seed, (task, taken) in enumerate((("rte", 1), ("rte", 2))):
        finish(runs, run_of("adapter", task, seed), 0.6, taken * HOUR)
        shutil.copytree(runs / run_of("adapter", task, seed).run, runs / source(seed))
    finish(runs, run_of("adapter", "nli", 0), 0.6, 3 * HOUR, size=2000, peak_memory_mib=700)
    for task, seeds in SEEDS.items():
        for seed in seeds:
            finish(runs, run_of("scalearn", task, seed), 0.8, HOUR / 2, size=10, parameters=8)
    return layout_of(methods, SEEDS)


def test_costs_of_one_seed_are_means_over_seeds_and_sums_over_tasks(tmp_path: Path) -> None:
    _, (adapter, scalearn) = costs_of(tmp_path, campaign(tmp_path))
    assert adapter.own == adapter.with_sources == Cost(2 * 96, 1.5 + 3, 3000)
    assert adapter.spent == 1 + 2 + 3
    assert scalearn.own == Cost(2 * 8, 1, 20)
    # Its runs compose one source, the adapter of rte at seed 0: an hour, 1,000 bytes, 96 parameters by its run.json.
    assert scalearn.with_sources == Cost(2 * 8 + 96, 1 + 1, 1020)
    assert scalearn.spent == 1.5
    assert hours([adapter, scalearn]) == {"adapter": 4.5, "scalearn": 2}


def test_a_joint_run_counts_once_for_all_tasks(tmp_path: Path) -> None:
    for seed, taken in ((0, 1), (1, 3)):
        for task in ("rte", "nli"):
            finish(tmp_path, run_of("adapter_m", task, seed), seconds=taken * HOUR, size=50)
    table, (row,) = costs_of(tmp_path, layout_of(["adapter_m"], SEEDS, joint=[0, 1]))
    assert [task.task for task in row.tasks] == [None]
    assert row.own == row.with_sources == Cost(96, 2, 50)
    assert row.spent == 4
    lines = list(csv.DictReader(cost_csv(table, [row]).splitlines()))
    assert [(line["task"], line["planned"], line["n"]) for line in lines] == [("all", "2", "2")]


def test_of_sweeps_the_chosen_setting_counts_and_all_settings_are_spent(tmp_path: Path) -> None:
    layout = campaign(tmp_path, ["adapter"])
    other = {task: tuple(run_of("ia3", task, seed).run for seed in seeds) for task, seeds in SEEDS.items()}
    for task, seeds in SEEDS.items():
        for seed in seeds:
            finish(tmp_path, run_of("ia3", task, seed), seconds=10 * HOUR)
    (row,) = layout.rows
    unchosen = row.settings[0].model_copy(update={"description": "other", "runs": other})
    swept = layout.model_copy(update={"rows": (row.model_copy(update={"settings": (*row.settings, unchosen)}),)})
    records = current_scores([swept], tmp_path)
    (counted,) = row_costs(swept, records, tmp_path)  # no run has a usable history: no setting can be chosen
    assert counted.own == UNKNOWN and counted.spent == 6 + 30


def test_paired_sources_count_as_their_mean(tmp_path: Path) -> None:
    layout = campaign(tmp_path, ["scalearn"])
    path = tmp_path / run_of("scalearn", "rte", 1).folder / "run.json"
    content = {key: value for key, value in read_json(path).items() if key != "checksum"}
    content["spec"]["sources"] = [source(1)]
    write_json(path, content)
    (row,) = row_costs(layout, stored_records(layout, tmp_path), tmp_path)
    assert row.sources == Cost(96, 1.5, 1000)


def stored_records(layout: Layout, runs: Path) -> dict[Part, ScoreRecord]:
    """Return the score records as they stand, although run.json was changed."""
    return {part: ScoreRecord.read(score_path(runs, part)) for part in layout.parts()}


def test_sources_that_train_in_stage_2_are_not_kept_twice(tmp_path: Path) -> None:
    layout = campaign(tmp_path, ["scalearn"])
    for task, seeds in SEEDS.items():
        for seed in seeds:
            path = tmp_path / run_of("scalearn", task, seed).folder / "run.json"
            content = {key: value for key, value in read_json(path).items() if key != "checksum"}
            content["spec"]["hyperparameters"]["train_sources"] = True
            write_json(path, content)
    (row,) = row_costs(layout, stored_records(layout, tmp_path), tmp_path)
    assert row.with_sources == Cost(16, 2, 20)


@pytest.mark.parametrize("damage", ["missing", "damaged", "of another form"])
def test_a_run_without_usable_timing_is_named_and_its_hours_are_not_known(tmp_path: Path, damage: str) -> None:
    layout = campaign(tmp_path)
    run = run_of("adapter", "rte", 1).run
    path = tmp_path / run / "timing.json"
    if damage == "missing":
        path.unlink()
    elif damage == "damaged":
        path.write_text(path.read_text().replace("7200", "72"))
    else:
        path.write_text("{}")
    table, costs = costs_of(tmp_path, layout)
    adapter, scalearn = costs
    assert adapter.own == Cost(192, None, 3000) and hours(costs) == {"scalearn": 2}
    state = "missing" if damage == "missing" else "damaged"
    assert adapter.faults == (f"{run}: timing.json is {state}",)
    text = markdown(cost_grid(table, costs))
    assert f"- Adapter: {run}: timing.json is {state}\n" in text
    assert adapter.spent == 1 + 3 and scalearn.faults == ()


def test_a_source_without_its_files_is_named(tmp_path: Path) -> None:
    layout = campaign(tmp_path, ["scalearn"])
    (tmp_path / source(0) / "run.json").unlink()
    _, (row,) = costs_of(tmp_path, layout)
    assert row.own.hours == 1 and row.with_sources == UNKNOWN
    assert len(row.faults) == 1 and row.faults[0].startswith("a source adapter: ")


def test_missing_runs_leave_totals_open(tmp_path: Path) -> None:
    finish(tmp_path, run_of("adapter", "rte", 0))
    table, costs = costs_of(tmp_path, layout_of(["adapter", "scalearn", "adapter_m"], SEEDS, joint=[0]))
    assert all(row.own == UNKNOWN for row in costs) and hours(costs) == {}
    text = markdown(cost_grid(table, costs))
    for line in ("Adapter, rte: 1 of 2 runs are", "ScaLearn, nli: 0 of 1 runs", "Adapter-m, all tasks: 0 of 1 runs"):
        assert f"- {line}" in text
    lines = {(line["method"], line["task"]): line for line in csv.DictReader(cost_csv(table, costs).splitlines())}
    assert (lines["adapter", "rte"]["n"], lines["adapter", "rte"]["hours"]) == ("1", "1.0")
    assert lines["adapter", "all"]["hours"] == lines["scalearn", "rte"]["hours"] == ""


def test_nothing_is_finished(tmp_path: Path) -> None:
    table, costs = costs_of(tmp_path, layout_of(["adapter", "scalearn"], SEEDS))
    text = markdown(cost_grid(table, costs))
    assert "Devices: not known." in text and "GPU memory" not in text
    assert set(fronts(table, costs)["hours"]) == set()


def test_the_page_marks_the_front_in_each_measure(tmp_path: Path) -> None:
    table, costs = costs_of(tmp_path, campaign(tmp_path))
    assert fronts(table, costs)["parameters"] == {"scalearn"}
    assert fronts(table, costs)["bytes_with_sources"] == {"scalearn"}
    lines = [line for line in markdown(cost_grid(table, costs)).splitlines() if line.startswith("| ScaLearn")]
    words = [word.strip() for word in lines[0].split("|")[1:-1]]
    assert words == [
        "ScaLearn",
        "80.00",
        "8",
        "**16**",
        "**112**",
        "**1.00**",
        "**2.00**",
        "1.50",
        "500",
        "0.00",
        "**0.00**",
        "**0.00**",
    ]
    alone, (only,) = costs_of(tmp_path, layout_of(["scalearn"], SEEDS))
    assert "**" not in markdown(cost_grid(alone, [only]))


def test_gpu_memory_and_devices_are_shown_where_they_are_known(tmp_path: Path) -> None:
    layout = campaign(tmp_path, ["adapter"])
    finish(tmp_path, run_of("adapter", "rte", 0), device="GPU X", peak_gpu_memory_mib=1234)
    table, costs = costs_of(tmp_path, layout)
    text = markdown(cost_grid(table, costs))
    assert "GPU memory (MiB)" in text and "1,234" in text
    assert "Devices: GPU X, 2 threads (1 run); cpu, 2 threads (2 runs). Hours on different devices cannot be" in text


@pytest.mark.latex
def test_the_costs_compile(tmp_path: Path) -> None:
    table, costs = costs_of(tmp_path, campaign(tmp_path))
    (tmp_path / "cost.tex").write_text(latex(cost_grid(table, costs)))
    set_by_pdflatex([tmp_path / "cost.tex"])


def test_files_are_written_twice_as_the_same_bytes_and_replace_nothing_else(tmp_path: Path) -> None:
    layout, output = campaign(tmp_path), tmp_path / "pair_cost"
    write_cost(layout, tmp_path, output)
    first = {path.suffix: path.read_bytes() for path in tmp_path.glob("pair_cost.*")}
    write_cost(layout, tmp_path, output)
    assert first == {path.suffix: path.read_bytes() for path in tmp_path.glob("pair_cost.*")}
    assert first.keys() == {".md", ".csv", ".tex"} and DASH.encode() not in first[".csv"]
    (tmp_path / "mine.csv").write_text("a,b")
    with pytest.raises(UserError, match=r"mine\.csv: it exists already and is no table of costs"):
        write_cost(layout, tmp_path, tmp_path / "mine")
