"""Loggers of a training: rows in a CSV file, nothing of them in the run, and nothing imported when they are off."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from transformers import TrainerCallback
from transformers.integrations import integration_utils

from scalearn.campaign.compute import Compute
from scalearn.campaign.loggers import KNOWN, OURS, Logger, Reports
from scalearn.cli.by_hand import planned_by_hand
from scalearn.errors import Stopped, UserError
from scalearn.methods import METHODS
from scalearn.training.data.encode import encode
from scalearn.training.engine import trainer
from scalearn.training.engine.arguments import training_arguments
from scalearn.training.engine.device import resolve_compute, this_device
from scalearn.training.engine.settings import Settings
from scalearn.training.runs import joint, run
from scalearn.training.runs.planned import PlannedRun
from tests.methods.cases import tiny_values
from tests.places import ROOT
from tests.tiny import make_model, make_task

PACKAGES = [name for name in KNOWN if name != OURS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model and two encoded tasks."""
    root = tmp_path_factory.mktemp("logged")
    model = make_model(root / "model")
    for index, name in enumerate(("first", "second")):
        encode(make_task(root / "tasks" / name, seed=index), model, root / "encoded" / name)
    return root


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def planned(root: Path, output: str, *loggers: Logger, method: str = "adapter") -> PlannedRun:
    values = tiny_values(METHODS[method]).but(epochs=3, learning_rate=5e-3, batch_size=16).model_dump()
    names = ("first", "second") if method == "adapter_m" else ("first",)
    data = [root / "encoded" / name for name in names]
    made = planned_by_hand(method, root / "model", data, Path(output), benchmark="both", changed=values)
    return replace(made, loggers=loggers)


def files(output: str) -> dict[str, bytes]:
    return {
        str(path.relative_to(output)): path.read_bytes()
        for path in sorted(Path(output).rglob("*"))
        if path.is_file() and path.name not in ("timing.json", ".lock")
    }


def rows(made: PlannedRun) -> list[dict[str, str]]:
    with Path("logs/loggers/csv", f"{made.spec.path}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def same(made: PlannedRun) -> bool:
    """Tell whether the rows are those of the run's history."""
    history = pq.read_table(made.output / "history.parquet").to_pylist()
    return rows(made) == [{key: str(value) for key, value in row.items()} for row in history]


def test_a_row_per_epoch_and_the_same_run_with_and_without(folder: Path) -> None:
    run.train(planned(folder, "without"))
    assert not Path("logs").exists()
    made = planned(folder, "with", "csv")
    run.train(made)
    assert [row["epoch"] for row in rows(made)] == ["1", "2", "3"]
    assert same(made)
    assert files("with") == files("without")
    assert made.record() == planned(folder, "without").record()


def test_a_row_per_round_of_a_joint_run(folder: Path) -> None:
    made = planned(folder, "joint", "csv", method="adapter_m")
    joint.train(made)
    assert rows(made)[0]["round"] == "1"
    assert same(made)


class Killed(BaseException):
    """Stands for a kill: nothing in the code under test may catch it."""


@pytest.mark.parametrize("instant", ["training_step", "finish_epoch"])
def test_a_killed_and_resumed_run_has_each_row_once(
    instant: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the third epoch, and, with its row written, before the checkpoint of the second."""
    made = planned(folder, "killed", "csv")
    original = getattr(trainer.RunTrainer, instant)

    def die(self: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        if self.state.epoch >= 2:
            raise Killed
        return original(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(trainer.RunTrainer, instant, die)
        with pytest.raises(Killed):
            run.train(made)
    assert [row["epoch"] for row in rows(made)] == ["1", "2"]
    run.train(made)
    assert [row["epoch"] for row in rows(made)] == ["1", "2", "3"]
    assert same(made)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What stand-ins for W&B and MLflow are told: names of events, metrics of evaluations, and how they are closed."""
    found: list[str] = []

    class Listener(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            found.append("begin")

        def on_log(self, *_: Any, logs: dict[str, float], **__: Any) -> None:
            found.extend(key for key in logs if key.endswith("loss"))

        def on_predict(self, *_: Any, **__: Any) -> None:
            found.append("predict")

    def tell(what: str) -> Callable[..., None]:
        return lambda *values, **named: found.append(" ".join(map(str, [what, *values, *named.values()])))

    for name, functions in {"wandb": ("finish",), "mlflow": ("flush_async_logging", "end_run")}.items():
        package = ModuleType(name)
        for function in functions:
            setattr(package, function, tell(function))
        monkeypatch.setitem(sys.modules, name, package)
        monkeypatch.setitem(integration_utils.INTEGRATION_TO_CALLBACK, name, type(name, (Listener,), {}))
    for variable in ("WANDB_MODE", "WANDB_PROJECT", "WANDB_DIR", "WANDB_ERROR_REPORTING", "WANDB_SILENT"):
        monkeypatch.setenv(variable, "mine")
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.setenv(variable, "mine")
    return found


EPOCHS = ["begin", *["loss", "eval_loss"] * 3, "train_loss"]


def test_packages_are_closed_before_the_test_split_and_hear_nothing_of_it(told: list[str], folder: Path) -> None:
    """The warm server's processes end in a way in which W&B would lose what it has not yet written."""
    run.train(planned(folder, "closed", "wandb"))
    assert told == [*EPOCHS, "finish 0"]


def test_of_a_joint_run_too(told: list[str], folder: Path) -> None:
    joint.train(planned(folder, "joint", "mlflow", method="adapter_m"))
    assert [event for event in told if event.startswith(("begin", "flush", "end", "predict"))] == [
        "begin",
        "flush_async_logging",
        "end_run FINISHED",
    ]


def test_nor_do_they_hear_of_a_training_that_was_finished_before(
    told: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was killed when only its files were left to write."""
    with monkeypatch.context() as patch:
        patch.setattr("scalearn.training.runs.run.write_run", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            run.train(planned(folder, "written", "wandb"))
    told.clear()
    run.train(planned(folder, "written", "wandb"))
    assert told == []


@pytest.mark.parametrize(("end", "status"), [(Stopped("by hand"), "KILLED"), (UserError("diverged"), "FAILED")])
def test_a_training_that_does_not_finish_is_closed_as_such(
    end: Exception, status: str, told: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise end

    monkeypatch.setattr(trainer.RunTrainer, "training_step", stop)
    with pytest.raises(type(end)):
        run.train(planned(folder, status, "wandb", "mlflow"))
    assert told == ["begin", "begin", "finish 1", "flush_async_logging", f"end_run {status}"]


def test_a_package_that_cannot_be_closed_spoils_no_run(
    told: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: Any) -> None:
        raise OSError("its process is gone")

    monkeypatch.setattr(sys.modules["wandb"], "finish", fail)
    run.train(planned(folder, "whole", "wandb"))
    assert (
        "wandb: it could not be closed (its process is gone); its last values may be missing" in capsys.readouterr().out
    )
    assert Path("whole/run.json").is_file()


def test_the_librarys_trainer_is_told_of_the_packages_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_MODE", "WANDB_PROJECT", "WANDB_DIR", "WANDB_ERROR_REPORTING"):
        monkeypatch.setenv(name, "mine")
    values, how = tiny_values(METHODS["adapter"]), resolve_compute(Compute(), this_device())
    reports = Reports(("tensorboard", "csv", "wandb"), "one/run")
    arguments = training_arguments(Settings(values, 0, tmp_path, "", how, reports))
    assert (arguments.report_to, arguments.run_name) == (["tensorboard", "wandb"], "one/run")
    assert arguments.logging_dir == "logs/loggers/tensorboard/one/run"
    assert training_arguments(Settings(values, 0, tmp_path, "", how)).report_to == []


def command(folder: Path, output: str, *options: str) -> list[str]:
    values = ["--hyperparameters", '{"epochs": 1, "batch_size": 16}']
    places = ["--model", str(folder / "model"), "--data", str(folder / "encoded/first"), "--output", output]
    return ["train", "--method", "adapter", *values, *places, *options]


def test_nothing_of_a_logger_is_imported_when_it_is_off(folder: Path) -> None:
    """The packages are there, as stand-ins that say so when they are imported."""
    for name in PACKAGES:
        Path("packages", name).mkdir(parents=True)
        Path("packages", name, "__init__.py").write_text(f"print('imported: {name}')\n")
    code = f"""
import sys
sys.path[:0] = ["packages", {str(ROOT)!r}]
from scalearn.__main__ import main
assert main({command(folder, "off")}) == 0
print("found:", sorted({{name.partition(".")[0] for name in sys.modules}} & set({PACKAGES})))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "imported:" not in done.stdout
    assert done.stdout.splitlines()[-1] == "found: []"
    assert Path("off/run.json").is_file()


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_writes_below_logs_and_changes_nothing_in_the_run(name: Logger, folder: Path) -> None:
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from scalearn.__main__ import main; sys.exit(main(%s))"
    for output, options in (("off", []), ("on", ["--logger", name])):
        code = start % command(folder, output, *options)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert files("on") == files("off")
    assert {path.name for path in Path().iterdir()} == {"off", "on", "logs"}
    path = planned_by_hand("adapter", folder / "model", [folder / "encoded/first"], Path("on")).spec.path
    assert [file for file in Path("logs/loggers", name).rglob("*") if file.is_file()], path
