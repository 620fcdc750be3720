"""A joint run: its rounds, what each task gets of it, and that a kill changes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from scalearn.cli.by_hand import planned_by_hand
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.results.scores import score_run
from scalearn.training.data.encode import encode
from scalearn.training.engine.joint_trainer import JointTrainer, rounds
from scalearn.training.runs import joint as joint_module
from scalearn.training.runs.joint import train
from scalearn.training.runs.outputs import write_predictions
from tests.methods.cases import JOINT
from tests.tiny import make_task
from tests.training.interrupting import Killed, kill_after
from tests.training.joint import KINDS, content, spec, split
from tests.training.planning import like

# ---------------------------------------------------------------------- rounds


@pytest.mark.parametrize(
    ("rows", "changes", "expected"),
    [
        (854_185, {}, (50, 7500)),  # GLUE, SuperGLUE and HumSet of the paper: 375,000 steps
        (141_941, {}, (50, 7500)),
        (587_175, {}, (50, 7500)),
        (3_000, {}, (100, 94)),  # a short training is evaluated after each pass
        (30_000, {}, (12, 7500)),  # 93,800 batches, of which whole rounds
        (854_185, {"max_steps": 60_000}, (8, 7500)),  # a pass has more
        (3_000, {"epochs": 5}, (5, 94)),
        (3_000, {"max_steps": 40}, (1, 40)),
        (10, {"epochs": 3}, (3, 1)),
    ],
)
def test_rounds(rows: int, changes: dict[str, float], expected: tuple[int, int]) -> None:
    assert rounds(rows, METHODS["adapter_m"].defaults.but(**changes)) == expected


def test_the_best_round_has_the_lowest_mean_of_the_selected_losses(joint_folder: Path, tmp_path: Path) -> None:
    train(spec(joint_folder, tmp_path / "run", epochs=4))
    history = pq.read_table(tmp_path / "run" / "history.parquet").to_pylist()
    assert [row["round"] for row in history] == [1, 2, 3, 4]
    for row in history:
        assert row["eval_loss"] == pytest.approx(mean(row[f"eval_{name}_loss"] for name in KINDS))
    best = min(history, key=lambda row: row["eval_loss"])["round"]
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["training"]["best_epoch"] == best
    assert record["training"]["steps"] == 4 * 15


def test_losses_are_those_of_each_task_alone(
    joint_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last round's validation losses, from its weights and each task's head, task by task."""
    kept: dict[str, Any] = {}

    def keep(self: JointTrainer) -> None:
        (*_, last) = (entry for entry in self.state.log_history if "eval_loss" in entry)
        kept["losses"] = {name: last[f"eval_{name}_loss"] for name in KINDS}
        self.model.eval()
        for name, rows in self.validation.splits.items():
            with torch.no_grad():
                found = [self.model(**rows.__getitems__([row]), head=name).loss.item() for row in range(len(rows))]
            kept[name] = mean(found)

    monkeypatch.setattr(JointTrainer, "restore_best", keep)
    train(spec(joint_folder, tmp_path / "run"))
    for name in KINDS:
        assert kept["losses"][name] == pytest.approx(kept[name], rel=1e-4)


# ---------------------------------------------------------------------- runs


@pytest.mark.parametrize("method", JOINT)
def test_a_resumed_run_equals_an_uninterrupted_one(
    method: str, joint_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(spec(joint_folder, tmp_path / "whole", method))
    with monkeypatch.context() as patch:
        kill_after(patch, 1)
        with pytest.raises(Killed):
            train(spec(joint_folder, tmp_path / "killed", method))
    (tmp_path / "killed" / ".tasks.scalearn-12345678").mkdir()  # as a kill while tasks/ is written leaves it
    (tmp_path / "killed" / ".tasks.scalearn-12345678" / "part").touch()
    (tmp_path / "killed" / ".history.parquet.scalearn-12345678").touch()
    train(spec(joint_folder, tmp_path / "killed", method))
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
    assert not (tmp_path / "killed" / "checkpoints").exists()


@pytest.mark.parametrize("place", range(len(KINDS)))
def test_a_run_killed_after_its_training_equals_an_uninterrupted_one(
    place: int, joint_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While it writes what each task gets: the training, which had ended, is not done again."""
    train(spec(joint_folder, tmp_path / "whole", "hyperformer_pp", epochs=1))
    written: list[Path] = []

    def write(path: Path, *arguments: Any) -> None:
        if len(written) == place:
            raise Killed
        written.append(path)
        write_predictions(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(joint_module, "write_predictions", write)
        with pytest.raises(Killed):
            train(spec(joint_folder, tmp_path / "killed", "hyperformer_pp", epochs=1))
    assert not (tmp_path / "killed" / "run.json").exists()
    monkeypatch.setattr(JointTrainer, "training_step", lambda *_: pytest.fail("it trains again"))
    train(spec(joint_folder, tmp_path / "killed", "hyperformer_pp", epochs=1))
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_each_task_is_scored_from_its_part(joint_folder: Path, tmp_path: Path) -> None:
    train(spec(joint_folder, tmp_path / "run"))
    whole = json.loads((tmp_path / "run" / "run.json").read_text())
    whole_path = spec(joint_folder, tmp_path / "run").spec.path
    heads = 0
    for name, kind in KINDS.items():
        output = tmp_path / "scores" / f"{name}.json"
        record = score_run(tmp_path / "run" / "tasks" / name, output=output)
        assert output.is_file()
        assert (record.identity.run, record.identity.task) == (whole_path, name)
        assert record.cost.trainable_parameters == whole["parameters"]["trainable"]
        heads += record.cost.head_parameters
        predictions = pq.read_table(tmp_path / "run" / "tasks" / name / "predictions.parquet")
        assert len(predictions) == len(split(joint_folder, name, "test"))
        assert kind != "multiple_choice" or len(predictions["logits"][0]) == 2
    assert heads == whole["parameters"]["head"]


def test_predictions_come_from_the_task_s_own_head(joint_folder: Path, tmp_path: Path) -> None:
    """Weights of the run in a fresh model, row by row."""
    made = spec(joint_folder, tmp_path / "run", "hyperformer")
    train(made)
    trainer = joint_module._trainer(like(made, seed=5), made.record())
    tensors = load_file(tmp_path / "run" / "weights.safetensors")
    missing = trainer.model.load_state_dict(tensors, strict=False).unexpected_keys
    assert missing == []
    trainer.model.eval()
    for index, name in enumerate(KINDS):
        trainer.current.index = index
        rows = split(joint_folder, name, "test")
        predictions = pq.read_table(tmp_path / "run" / "tasks" / name / "predictions.parquet")
        with torch.no_grad():
            found = trainer.model.cpu()(**rows.__getitems__([0, 9]), head=name).logits
        expected = torch.tensor([predictions["logits"][row].as_py() for row in (0, 9)])
        torch.testing.assert_close(found.view_as(expected), expected, rtol=1e-4, atol=1e-5)


def test_a_finished_run_is_left_alone_unless_it_is_damaged(joint_folder: Path, tmp_path: Path, capsys: Any) -> None:
    train(spec(joint_folder, tmp_path / "run"))
    before = content(tmp_path / "run")
    capsys.readouterr()
    train(spec(joint_folder, tmp_path / "run"))
    assert "this run is done" in capsys.readouterr().out
    (tmp_path / "run" / "tasks" / "many" / "predictions.parquet").unlink()
    train(spec(joint_folder, tmp_path / "run"))
    assert content(tmp_path / "run") == before


def test_a_single_method_and_a_task_twice_are_refused(joint_folder: Path, tmp_path: Path) -> None:
    data = (joint_folder / "encoded" / "many",)
    with pytest.raises(UserError, match="not a joint one; use `scalearn train`"):
        train(planned_by_hand("adapter", joint_folder / "model", data, tmp_path / "run"))
    with pytest.raises(UserError, match="method 'adapter' learns one task; name one"):
        planned_by_hand("adapter", joint_folder / "model", data * 2, tmp_path / "run")
    with pytest.raises(UserError, match=r"many, many\); name each once"):
        planned_by_hand("adapter_m", joint_folder / "model", data * 2, tmp_path / "run")


def test_a_name_that_torch_keeps_for_itself_trains_as_any_other_name(joint_folder: Path, tmp_path: Path) -> None:
    found = {}
    for name in ("keys", "plain"):
        encode(make_task(tmp_path / name), joint_folder / "model", tmp_path / "encoded" / name)
        data = (joint_folder / "encoded" / "many", tmp_path / "encoded" / name)
        changed = {"epochs": 1, "batch_size": 16}
        train(planned_by_hand("adapter_m", joint_folder / "model", data, tmp_path / "run" / name, changed=changed))
        tensors = load_file(tmp_path / "run" / name / "weights.safetensors")
        found[name] = {key.replace("task:keys", "plain"): tensor for key, tensor in tensors.items()}
        head = json.loads((tmp_path / "run" / name / "tasks" / name / "run.json").read_text())["parameters"]["head"]
        assert head == sum(tensor.numel() for key, tensor in found[name].items() if key.startswith("heads.plain."))
    assert found["keys"].keys() == found["plain"].keys()
    assert all(torch.equal(tensor, found["plain"][key]) for key, tensor in found["keys"].items())
