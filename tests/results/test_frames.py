"""read_results: finished runs as DataFrames, compared with the files that they come from."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

import scalearn
from scalearn.errors import UserError
from scalearn.results.frames import IDENTITY, Results, read_results
from scalearn.results.omega import learned_scales
from scalearn.results.scores import score_run
from scalearn.storage.files import read_json, write_json
from tests.export.making import TWO, make_folder, make_run, make_sources, planned
from tests.places import ROOT
from tests.training.planning import like

METHODS = ("adapter", "scalearn", "scalearn_uniform_pp", "adapter_fusion", "adapter_m")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = make_folder(tmp_path_factory.mktemp("frames"))
    make_sources(folder)
    for method in METHODS[1:]:
        make_run(folder, method)
    yield folder


@pytest.fixture(scope="module")
def results(root: Path) -> Results:
    return read_results(root / "results")


def folder_of(root: Path, frame_row: pd.Series) -> Path:
    return root / "results/trained" / str(frame_row["run"])


def test_runs_has_each_finished_run_once(results: Results, root: Path) -> None:
    frame = results.runs
    assert tuple(frame.columns[: len(IDENTITY)]) == IDENTITY
    assert sorted(frame["method"]) == sorted(["adapter", *METHODS])  # the adapters of both tasks
    assert set(frame.loc[frame["method"] == "adapter_m", "task"]) == {"joint"}
    for _, row in frame.iterrows():
        record = read_json(folder_of(root, row) / "run.json")
        assert json.loads(row["hyperparameters"]) == record["spec"]["hyperparameters"]
        assert (row["trainable_parameters"], row["seed"]) == (record["parameters"]["trainable"], record["spec"]["seed"])


def test_scores_has_each_task_of_a_joint_run(results: Results) -> None:
    frame = results.scores[results.scores["headline"]]
    assert sorted(frame.loc[frame["method"] == "adapter_m", "task"]) == list(TWO)
    assert len(frame) == 7 and set(frame["metric"]) == {"accuracy"}


def test_scores_are_those_of_the_predictions(results: Results) -> None:
    rows = results.predictions.query("part == ''")
    rows = rows.assign(right=rows["logits"].map(np.argmax) == rows["label"])
    by_hand = rows.groupby(["run", "task"])["right"].mean()
    stored = results.scores.query("metric == 'accuracy'").set_index(["run", "task"])["value"]
    pd.testing.assert_series_equal(by_hand.sort_index(), stored.sort_index(), check_names=False)


def test_a_stored_score_counts_while_it_is_up_to_date(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "results", tmp_path / "results")
    adapter = read_results(tmp_path / "results", method="adapter", task="first")
    folder = folder_of(tmp_path, adapter.runs.iloc[0])
    record = score_run(folder, ["f1"])
    assert list(read_results(tmp_path / "results", method="adapter", task="first").scores["metric"]) == ["f1", "f1_mm"]
    outdated = {**record.model_dump(mode="json"), "scores": {"f1": 2.0, "f1_mm": 2.0}}
    outdated["made_from"]["scoring"] -= 1
    write_json(folder / "score.json", outdated)
    before = (folder / "score.json").read_bytes()
    again = read_results(tmp_path / "results", method="adapter", task="first").scores
    pd.testing.assert_frame_equal(again, adapter.scores)
    assert (folder / "score.json").read_bytes() == before


def test_histories_are_the_files(results: Results, root: Path) -> None:
    for run, frame in results.histories.groupby("run"):
        stored = pq.read_table(root / "results/trained" / str(run) / "history.parquet").to_pandas()
        wide = frame.pivot(index="epoch", columns="metric", values="value")
        counter = "epoch" if "epoch" in stored else "round"
        expected = stored.set_index(counter).sort_index(axis=1)
        np.testing.assert_array_equal(wide.sort_index(axis=1).to_numpy(), expected.to_numpy())


def test_omega_summarises_the_learned_weights(results: Results, root: Path) -> None:
    frame = results.omega
    assert set(frame["method"]) == {"scalearn", "scalearn_uniform_pp"}
    row = frame[(frame["method"] == "scalearn") & (frame["layer"] == 1) & (frame["source"] == "second")].iloc[0]
    weights = load_file(folder_of(root, row) / "weights.safetensors")
    (omega,) = (tensor for name, tensor in weights.items() if "layer.1." in name and name.endswith("omega.weight"))
    assert row["mean"] == pytest.approx(float(omega[1].mean())) and row["max"] == float(omega[1].max())
    shared = frame[frame["method"] == "scalearn_uniform_pp"]
    assert shared["layer"].isna().all() and list(shared["source"]) == list(TWO) and (shared["dimensions"] == 1).all()


@pytest.mark.parametrize("constraint", ["mean", "softmax"])
def test_constrained_scales_sum_to_one(constraint: str, root: Path, tmp_path: Path) -> None:
    changed = {"omega_dropout": 0.0, "omega_constraint": constraint}
    spec = like(planned(root, "scalearn"), hyperparameters=changed).spec
    omega = np.array([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]], dtype=np.float32)
    save_file({"bert.encoder.layer.0.output.adapters.scalearn.adapter_up.omega.weight": omega}, tmp_path / "w")
    scales = learned_scales(tmp_path / "w", spec, ["a", "b", "c"], "a")
    total = sum(scale.values for scale in scales)
    np.testing.assert_allclose(total, [1, 1], rtol=1e-6)
    if constraint == "mean":
        np.testing.assert_allclose(scales[1].values, [3 / 4.5, -1 / 1.5], rtol=1e-6)


def test_without_its_target_a_run_has_the_other_sources(root: Path, tmp_path: Path) -> None:
    spec = like(planned(root, "scalearn"), hyperparameters={"include_target": False}).spec
    save_file({"bert.encoder.layer.0.x.omega.weight": np.ones((1, 4), dtype=np.float32)}, tmp_path / "w")
    assert [scale.source for scale in learned_scales(tmp_path / "w", spec, list(TWO), "first")] == ["second"]


def test_no_omega_is_an_empty_frame_with_its_columns(root: Path) -> None:
    frame = read_results(root / "results", method="adapter_fusion").omega
    assert frame.empty and {"layer", "source", "mean", *IDENTITY} <= set(frame.columns)


def test_timings_say_how_long_and_where(results: Results) -> None:
    assert (results.timings["seconds"] > 0).all() and set(results.timings["device"]) == {"cpu"}


def test_filters_choose_runs(root: Path) -> None:
    first = read_results(root / "results", task="first")
    assert set(first.runs["task"]) == {"first", "joint"} and set(first.scores["task"]) == {"first"}
    assert (
        len(
            read_results(root / "results", method=["adapter", "adapter_m"], seed=0).predictions.groupby(["run", "task"])
        )
        == 4
    )
    assert set(read_results(root / "results", task="joint").predictions["task"]) == set(TWO)


def test_what_is_not_there_is_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no finished run with the method 'lora'; there is adapter, adapter_fusion"):
        read_results(root / "results", method="lora")
    with pytest.raises(UserError, match="no such folder"):
        read_results(tmp_path / "nothing")
    with pytest.raises(UserError, match="no finished run in it"):
        read_results(tmp_path)


def test_an_unfinished_run_is_left_out_and_a_damaged_one_is_refused(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "results", tmp_path / "results")
    results = read_results(tmp_path / "results", method="scalearn")
    folder = folder_of(tmp_path, results.runs.iloc[0])
    with (folder / "history.parquet").open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(UserError, match=r"history\.parquet: missing or damaged; delete the folder"):
        _ = results.histories
    (folder / "run.json").unlink()
    assert "scalearn" not in set(read_results(tmp_path / "results").runs["method"])


@pytest.mark.parametrize("page", ["docs/results.md", "README.md"])
def test_the_snippet_of_the_page_runs(page: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snippets = re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    (snippet,) = (text for text in snippets if "read_results" in text)
    monkeypatch.chdir(root)
    monkeypatch.setenv("MPLBACKEND", "agg")
    values: dict[str, Any] = {"scalearn": scalearn}
    exec(compile(snippet.replace('task="rte"', 'task="first"'), page, "exec"), values)
    curves = values["curves"]
    assert len(curves) == 4 and curves.notna().all()  # a method each; a joint run's metrics have other names


def test_predictions_of_every_kind_of_task_share_a_frame(tmp_path: Path) -> None:
    folder = make_folder(tmp_path, kinds=("multi_label", "classification"))
    runs = {name: make_run(folder, "adapter", task=name) for name in TWO}
    frame = read_results(folder / "results").predictions
    for name, run in runs.items():
        rows = frame[frame["task"] == name]
        expected = pq.read_table(run / "predictions.parquet").to_pydict()
        assert [np.asarray(label).tolist() for label in rows["label"]] == expected["label"]
        assert [list(logits) for logits in rows["logits"]] == expected["logits"]


def test_filters_that_no_run_passes_together_are_refused(root: Path) -> None:
    with pytest.raises(UserError, match="no finished run has all of method, benchmark as they are named; leave one"):
        read_results(root / "results", method="scalearn", benchmark="single")
    with pytest.raises(UserError, match="no finished run has all of task"):
        read_results(root / "results", task=[])


def test_records_that_are_none_are_refused_with_their_mend(root: Path, tmp_path: Path) -> None:
    run = tmp_path / "results/trained/run"
    shutil.copytree(make_run(root, "scalearn"), run)
    (run / "timing.json").unlink()
    with pytest.raises(UserError, match=r"timing\.json: missing; leave the run out by a filter, or delete its folder"):
        _ = read_results(tmp_path / "results").timings
    shutil.copytree(run, run.parent / ".run.scalearn-abcdefgh")  # of a process that was killed while it moved a run
    assert len(read_results(tmp_path / "results").runs) == 1
    write_json(run / "run.json", {"identity": {}})
    with pytest.raises(UserError, match=r"a run of an earlier version; type `scalearn adopt` in the folder of its cam"):
        read_results(tmp_path / "results")
    for content in ({}, {"spec": 1, "tasks": []}, {"spec": read_json(make_run(root, "scalearn") / "run.json")["spec"]}):
        write_json(run / "run.json", content)
        with pytest.raises(UserError, match=r"not the record of a run .*; delete its folder and train the run again"):
            read_results(tmp_path / "results")
