"""A run: best epoch restored, resumed equals uninterrupted, finished runs left alone, damage noticed."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from scalearn.cli.by_hand import planned_by_hand
from scalearn.encoders.loading import load_encoder
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.methods.base import Given
from scalearn.training.data.batches import EncodedSplit
from scalearn.training.data.encode import encode
from scalearn.training.engine.checkpoints import restore
from scalearn.training.engine.model import compose
from scalearn.training.runs.run import train
from scalearn.training.runs.stacking import stack
from tests.methods.cases import SORTS
from tests.tiny import make_model, make_task
from tests.training.interrupting import Killed, kill_after, scripted
from tests.training.planning import like
from tests.training.single import content, spec


@pytest.mark.parametrize("name", SORTS)
def test_a_resumed_run_equals_an_uninterrupted_one(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train(spec(folder, name, tmp_path / "whole"))
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        with pytest.raises(Killed):
            train(spec(folder, name, tmp_path / "killed"))
    assert [path.name for path in (tmp_path / "killed" / "checkpoints").iterdir()] == ["checkpoint-12"]
    capsys.readouterr()
    train(spec(folder, name, tmp_path / "killed"))
    printed = capsys.readouterr().out
    assert "going on from checkpoint-12" in printed
    assert "epoch 3/3" in printed
    assert "epoch 2/3" not in printed
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_a_kill_after_the_last_epoch_trains_nothing_again(folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    train(spec(folder, "scalearn_pp", tmp_path / "whole"))
    with monkeypatch.context() as patch:

        def die(*_: Any) -> None:
            raise Killed

        patch.setattr("scalearn.training.runs.run.write_run", die)
        with pytest.raises(Killed):
            train(spec(folder, "scalearn_pp", tmp_path / "killed"))
    kill_after(monkeypatch, 0)
    train(spec(folder, "scalearn_pp", tmp_path / "killed"))
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_a_kill_after_early_stopping_trains_nothing_again(folder: Path, tmp_path: Path, monkeypatch: Any) -> None:
    changes = {"learning_rate": 1.0, "patience": 1, "epochs": 9}  # far too large a rate: epoch 2 is no better
    train(spec(folder, "adapter", tmp_path / "whole", **changes))
    assert json.loads((tmp_path / "whole" / "run.json").read_text())["training"]["epochs"] < 9
    with monkeypatch.context() as patch:
        patch.setattr("scalearn.training.runs.run.write_run", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            train(spec(folder, "adapter", tmp_path / "killed", **changes))
    kill_after(monkeypatch, 0)
    train(spec(folder, "adapter", tmp_path / "killed", **changes))
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_a_resumed_run_still_counts_the_evaluations_that_were_no_better(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed with one such evaluation, it stops after the next one, as its patience is two."""
    with monkeypatch.context() as patch:
        scripted([0.5, 0.6], patch)
        kill_after(patch, 2)
        with pytest.raises(Killed):
            train(spec(folder, "adapter", tmp_path / "run", patience=2, epochs=9))
    scripted([0.7, 0.8, 0.9], monkeypatch)
    train(spec(folder, "adapter", tmp_path / "run", patience=2, epochs=9))
    training = json.loads((tmp_path / "run" / "run.json").read_text())["training"]
    assert (training["epochs"], training["best_epoch"]) == (3, 1)


@pytest.mark.parametrize("name", SORTS)
def test_the_best_epoch_is_restored_bit_for_bit(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every tensor that trained, head included, is that of the epoch with the lowest validation loss."""
    epochs = scripted([0.9, 0.5, 0.7, 0.6], monkeypatch)
    train(spec(folder, name, tmp_path / "run", epochs=4, patience=4))
    best = 1
    assert json.loads((tmp_path / "run" / "run.json").read_text())["training"]["best_epoch"] == best + 1
    weights = load_file(tmp_path / "run" / "weights.safetensors")
    assert weights.keys() == epochs[best].keys()
    for key, tensor in weights.items():
        assert torch.equal(tensor, epochs[best][key]), key
        assert not torch.equal(tensor, epochs[-1][key]), key


def test_a_run_is_deterministic_and_depends_on_its_seed(folder: Path, tmp_path: Path) -> None:
    train(spec(folder, "scalearn", tmp_path / "one"))
    torch.rand(7)
    train(spec(folder, "scalearn", tmp_path / "two"))
    assert content(tmp_path / "one") == content(tmp_path / "two")

    train(like(spec(folder, "scalearn", tmp_path / "three"), seed=1))
    assert content(tmp_path / "one")["weights.safetensors"] != content(tmp_path / "three")["weights.safetensors"]


def test_a_finished_run_is_left_alone_unless_it_is_damaged(folder: Path, tmp_path: Path, capsys: Any) -> None:
    train(spec(folder, "adapter", tmp_path))
    before = content(tmp_path)
    capsys.readouterr()
    train(spec(folder, "adapter", tmp_path))
    assert "this run is done" in capsys.readouterr().out
    (tmp_path / "weights.safetensors").write_bytes(b"truncated")
    train(spec(folder, "adapter", tmp_path))
    assert content(tmp_path) == before


def test_checkpoints_of_another_configuration_are_not_taken(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        kill_after(patch, 1)
        with pytest.raises(Killed):
            train(spec(folder, "adapter", tmp_path / "run", learning_rate=1e-3))
    train(spec(folder, "adapter", tmp_path / "run"))
    assert "another configuration" in capsys.readouterr().out
    train(spec(folder, "adapter", tmp_path / "whole"))
    assert content(tmp_path / "run") == content(tmp_path / "whole")


ORPHAN = """
import shutil, sys, time
from pathlib import Path
from scalearn.storage.files import alone
run, whole, begun, waited_for = map(Path, sys.argv[1:])
with alone(run / ".lock", ""):
    begun.touch()
    while not waited_for.exists():
        time.sleep(0.01)
    shutil.copytree(whole, run, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".lock"))
"""


def test_a_run_that_another_process_is_at_is_waited_for_and_not_done_twice(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, run, begun, waited_for = (tmp_path / name for name in ("whole", "run", "begun", "waited for"))
    train(spec(folder, "adapter", whole))
    lock = fcntl.flock

    def noted(handle: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX:  # it waits now
            waited_for.touch()
        lock(handle, operation)

    monkeypatch.setattr(fcntl, "flock", noted)
    with subprocess.Popen([sys.executable, "-c", ORPHAN, run, whole, begun, waited_for]) as orphan:
        while not begun.exists():
            assert orphan.poll() is None
            time.sleep(0.01)
        kill_after(monkeypatch, 0)  # training here would raise
        train(spec(folder, "adapter", run))
        assert orphan.wait() == 0
    printed = capsys.readouterr().out
    assert "waiting for it" in printed
    assert "this run is done" in printed


def test_predictions_stand_in_the_order_of_the_test_file(folder: Path, tmp_path: Path) -> None:
    train(spec(folder, "adapter", tmp_path, epochs=5))
    predictions = pq.read_table(tmp_path / "predictions.parquet").to_pydict()
    rows = pq.read_table(folder / "tasks" / "first" / "test.parquet").to_pydict()
    assert predictions["row"] == list(range(len(rows["label"])))
    assert predictions["label"] == rows["label"]
    assert predictions["part"] == rows["part"]
    model = load_encoder(folder / "model")
    compose(model, METHODS["adapter"], METHODS["adapter"].defaults, Given(), labels=2)
    restore(model, load_file(tmp_path / "weights.safetensors"))
    model.eval()
    encoding = json.loads((folder / "encoded" / "first" / "encoding.json").read_text())
    split = EncodedSplit(folder / "encoded" / "first" / "test.arrow", encoding)
    for row in range(len(split)):
        batch = split.__getitems__([row])
        batch.pop("labels")
        with torch.inference_mode():
            logits = model(**batch).logits[0]
        torch.testing.assert_close(logits, torch.tensor(predictions["logits"][row]), rtol=1e-4, atol=1e-5)


def test_a_two_stage_method_without_sources_is_refused(folder: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    with pytest.raises(UserError, match="--sources"):
        train(replace(spec(folder, "scalearn", tmp_path / "run"), sources=None))
    assert not (tmp_path / "run").exists()


def test_a_joint_method_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="learns all tasks of a benchmark at once; use `scalearn train-joint`"):
        train(spec(folder, "hyperformer", tmp_path / "run"))


def test_a_soup_without_similarities_is_refused(folder: Path, tmp_path: Path) -> None:
    soup = spec(folder, "adapter_soup", tmp_path / "run")
    with pytest.raises(UserError, match="method 'adapter_soup' compares tasks: add --similarities"):
        train(replace(soup, similarities=None))
    (tmp_path / "others.json").write_text('{"all": {"other": {}}}')
    with pytest.raises(UserError, match=r"others\.json: nothing on task 'first'"):
        train(replace(soup, similarities=tmp_path / "others.json"))


def test_divergence_stops_the_run_and_says_what_to_try(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="learning_rate"):
        train(spec(folder, "scalearn", tmp_path, learning_rate=1e30))
    assert not (tmp_path / "run.json").exists()


def test_a_task_of_regression(folder: Path, tmp_path: Path) -> None:
    task = make_task(tmp_path / "stars", kind="regression")
    encode(task, folder / "model", tmp_path / "encoded" / "stars")
    shutil.copytree(folder / "model", tmp_path / "model")
    run = planned_by_hand(
        "adapter", tmp_path / "model", [tmp_path / "encoded" / "stars"], tmp_path / "run", changed={"epochs": 2}
    )
    train(run)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    labels = pq.read_table(task / "train.parquet")["label"].to_pylist()
    assert record["baseline"]["prediction"] == pytest.approx(sum(labels) / len(labels))
    assert len(pq.read_table(tmp_path / "run" / "predictions.parquet")["logits"][0].as_py()) == 1


def test_sources_stacked_twice_are_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    for name in ("once", "twice", "thrice", "again", "again"):
        stack([folder / "first", folder / "second"], tmp_path / name)
        assert (tmp_path / name).read_bytes() == (tmp_path / "once").read_bytes()


def test_what_belongs_to_another_encoder_is_refused(folder: Path, tmp_path: Path) -> None:
    """Commands by hand may be given any folders: rows encoded for another model, adapters trained on another one."""
    other = make_model(tmp_path / "other", initializer_range=0.2)
    with pytest.raises(
        UserError, match=r"encoded/first: it is encoded for another model than \S+other; encode the task"
    ):
        train(planned_by_hand("adapter", other, [folder / "encoded/first"], tmp_path / "run"))
    with pytest.raises(UserError, match=r"--model \S+gone: no such folder; name one of model@12345678 there$"):
        (folder / "model@12345678").mkdir(exist_ok=True)
        train(replace(spec(folder, "adapter", tmp_path / "run"), model=folder / "gone"))
    with pytest.raises(UserError, match=r"--model \S+other: it holds the encoder 'other'; name the folder of 'model'"):
        train(replace(spec(folder, "adapter", tmp_path / "run"), model=other))
    encode(folder / "tasks/second", other, tmp_path / "encoded")
    train(planned_by_hand("adapter", other, [tmp_path / "encoded"], tmp_path / "run", changed={"epochs": 1}))
    with pytest.raises(UserError, match=r"source adapters of \S+first and \S+run belong to different encoders"):
        stack([folder / "first", tmp_path / "run"], tmp_path / "stack")
    assert not (tmp_path / "stack").exists()
    stack([tmp_path / "run"], tmp_path / "stack")
    with pytest.raises(UserError, match=r"stack: source adapters of another encoder than \S+model; stack its own"):
        train(replace(spec(folder, "scalearn", tmp_path / "composed"), sources=tmp_path / "stack"))
