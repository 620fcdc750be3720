"""Every kind of task through a whole run: encoded, trained in both stages, predicted and scored."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from scalearn.cli.by_hand import planned_by_hand
from scalearn.methods import METHODS
from scalearn.results.scores import score_run
from scalearn.tasks.definition import METRICS
from scalearn.training.data.encode import encode
from scalearn.training.runs.planned import PlannedRun
from scalearn.training.runs.run import train
from scalearn.training.runs.stacking import stack
from tests.tiny import make_model, make_task

KINDS = tuple(METRICS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model, a task of each kind encoded and learnt, and their adapters stacked."""
    root = tmp_path_factory.mktemp("kinds")
    model = make_model(root / "model", "roberta", initializer_range=0.2)
    for kind in KINDS:
        task = make_task(root / "tasks" / kind, kind, rows=384, noise=(4, 2))
        if kind == "multi_label":
            content = json.loads((task / "task.json").read_text())
            (task / "task.json").write_text(json.dumps({**content, "select": "headline"}))
        encode(task, model, root / "encoded" / kind)
        train(spec(root, "adapter", kind))
    stack([root / "adapter" / kind for kind in KINDS], root / "sources.safetensors")
    return root


def spec(root: Path, method: str, kind: str) -> PlannedRun:
    values = METHODS[method].defaults.but(**{"epochs": 20, "learning_rate": 1e-2, "batch_size": 16}).model_dump()
    sources = root / "sources.safetensors" if METHODS[method].family == "two_stage" else None
    group = "kinds" if sources else "single"
    output, data = root / method / kind, [root / "encoded" / kind]
    return planned_by_hand(
        method, root / "model", data, output, benchmark=group, seed=1, changed=values, sources=sources
    )


@pytest.mark.parametrize("method", ["adapter", "scalearn"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_learns_and_its_record_says_so(kind: str, method: str, folder: Path) -> None:
    train(spec(folder, method, kind))
    record = score_run(folder / method / kind, METRICS[kind][:1])
    assert record.scores.keys() == {METRICS[kind][0], f"{METRICS[kind][0]}_mm"}
    assert record.score > record.baseline[record.headline] + 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_keep_what_metrics_need_in_the_test_file_s_order(kind: str, folder: Path) -> None:
    predictions = pq.read_table(folder / "adapter" / kind / "predictions.parquet").to_pydict()
    rows = pq.read_table(folder / "tasks" / kind / "test.parquet").to_pydict()
    for name in ("label", "part", *(["group", "candidate", "answers"] if kind == "candidates" else [])):
        assert predictions[name] == rows[name]


def test_every_metric_of_a_kind_can_be_scored_after_training(folder: Path) -> None:
    for kind in KINDS:
        metrics = [metric for metric in METRICS[kind] if (kind, metric) != ("classification", "exact_match")]
        record = score_run(folder / "adapter" / kind, metrics)
        assert all(0 <= record.scores[metric] <= 1 for metric in metrics)


def test_the_best_epoch_is_the_task_s_choice(folder: Path) -> None:
    history = pq.read_table(folder / "adapter" / "multi_label" / "history.parquet").to_pydict()
    best = json.loads((folder / "adapter" / "multi_label" / "run.json").read_text())["training"]["best_epoch"]
    scores = history["eval_macro_f1"]
    assert scores[best - 1] == max(scores)
    history = pq.read_table(folder / "adapter" / "candidates" / "history.parquet").to_pydict()
    best = json.loads((folder / "adapter" / "candidates" / "run.json").read_text())["training"]["best_epoch"]
    assert history["eval_loss"][best - 1] == min(history["eval_loss"])
