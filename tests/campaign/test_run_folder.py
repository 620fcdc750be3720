"""A run's folder: a training writes and removes only what is its own, and refuses a folder of somebody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scalearn.__main__ import main
from scalearn.campaign.run_folder import check_output, check_spec
from scalearn.campaign.spec import RunSpec
from scalearn.errors import UserError
from scalearn.training.data.encode import encode
from tests.tiny import make_model, make_task


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def write(folder: Path, *names: str, text: str = "mine") -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("inputs")
    encode(make_task(root / "task", rows=24), make_model(root / "model"), root / "data")
    return root


def commands(inputs: Path, output: Path) -> dict[str, list[str]]:
    short = ["--hyperparameters", '{"epochs": 1, "batch_size": 8}']
    joint = ["--hyperparameters", '{"max_steps": 2, "batch_size": 8}']
    rest = ["--model", str(inputs / "model"), "--data", str(inputs / "data"), "--output", str(output)]
    return {
        "train": ["train", "--method", "adapter", *rest, *short],
        "train-joint": ["train-joint", "--method", "adapter_m", *rest, *joint],
    }


@pytest.mark.parametrize("command", ["train", "train-joint"])
def test_a_folder_that_holds_other_things_is_left_as_it_is(
    command: str, inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, ".git/HEAD", ".venv/bin/python", ".env", ".weights.old", "checkpoints/checkpoint-5/model.bin")
    before = tree(tmp_path)
    assert main(commands(inputs, tmp_path)[command]) == 1
    said = capsys.readouterr().err
    assert said == f"error: {tmp_path}: it holds other things (.env); name a folder that is new or empty, or a run's\n"
    assert tree(tmp_path) == before


@pytest.mark.parametrize("command", ["train", "train-joint"])
def test_a_killed_training_s_folder_is_taken_up_and_swept(command: str, inputs: Path, tmp_path: Path) -> None:
    write(tmp_path, ".lock", text="")
    write(tmp_path, ".weights.safetensors.scalearn-a1b2c3d4", ".tasks.scalearn-a1b2c3d4/one/run.json")
    assert main(commands(inputs, tmp_path)[command]) == 0
    assert not list(tmp_path.glob(".*.scalearn-*"))
    write(tmp_path, ".git/HEAD", "notes.txt")  # in a finished run's folder they are nobody's business
    (tmp_path / "weights.safetensors").write_bytes(b"damaged")
    assert main(commands(inputs, tmp_path)[command]) == 0
    assert (tmp_path / ".git/HEAD").read_text() == (tmp_path / "notes.txt").read_text() == "mine"


def test_nothing_is_swept_before_the_inputs_are_checked(inputs: Path, tmp_path: Path) -> None:
    write(tmp_path, ".run.json.scalearn-a1b2c3d4")
    assert main([*commands(inputs, tmp_path)["train"], "--sources", str(inputs / "none")]) == 1
    assert list(tree(tmp_path)) == [".run.json.scalearn-a1b2c3d4"]


OURS: list[Callable[[Path], None]] = [
    lambda folder: None,
    lambda folder: write(folder, ".lock", ".run.json.abcd1234"),  # left by an earlier version
    lambda folder: write(folder, "checkpoints/checkpoint-6/state.json"),  # unpacked elsewhere
    lambda folder: write(folder, ".lock", "checkpoints/checkpoint-6/weights"),  # damaged
    lambda folder: write(folder, "run.json", text="{"),  # damaged
    lambda folder: write(folder, ".lock", ".nfs0000000123"),  # a file that was removed while it was open
]


@pytest.mark.parametrize("make", OURS)
def test_what_a_run_leaves_is_taken_up(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path)
    check_output(tmp_path)
    check_output(tmp_path / "new")


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (["checkpoints/checkpoint-500/trainer_state.json"], "checkpoints/checkpoint-500"),
        (["tasks/backup.txt"], "tasks/backup.txt"),
        ([".lock", "pyvenv.cfg"], "pyvenv.cfg"),
        ([".lock", "checkpoints/backup/best.pt"], "checkpoints/backup"),
        ([".lock", "checkpoints/notes.txt"], "checkpoints/notes.txt"),
        (["weights.safetensors"], "weights.safetensors"),
    ],
)
def test_what_only_looks_like_a_run_is_refused(names: list[str], named: str, tmp_path: Path) -> None:
    write(tmp_path, *names)
    with pytest.raises(UserError, match=named):
        check_output(tmp_path)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    write(tmp_path, "file")
    with pytest.raises(UserError, match="it is a file"):
        check_output(tmp_path / "file")


SPEC = RunSpec(method="adapter", model="tiny", tasks=("one",))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"seed": 1}, "seed 0, not 1"),
        ({"method": "ia3"}, "method adapter, not ia3"),
        ({"tasks": ("one@train_rows=9",)}, r"tasks \['one'\], not \['one@train_rows=9'\]"),
        ({"hyperparameters": {"epochs": 3}}, "epochs 30, not 3"),
        ({"compute": {"precision": "float32"}}, "precision auto, not float32"),
    ],
)
def test_another_run_is_not_trained_over(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    write(tmp_path, "run.json", text=json.dumps({"spec": {**SPEC.record, "versions": {"method": 1}}}))
    check_spec(tmp_path, SPEC)  # of another version it is the same run, due again
    with pytest.raises(UserError, match=rf"it holds another run \({sentence}\); name another folder, or remove"):
        check_spec(tmp_path, RunSpec.model_validate({**SPEC.model_dump(exclude={"versions"}), **changes}))


def test_a_run_of_an_earlier_version_is_not_trained_over(tmp_path: Path) -> None:
    write(tmp_path, "run.json", text=json.dumps({"identity": {"method": "adapter", "task": "one", "seed": 0}}))
    check_output(tmp_path)
    with pytest.raises(UserError, match="a run of an earlier version of scalearn; name another folder, or type `sca"):
        check_spec(tmp_path, SPEC)
