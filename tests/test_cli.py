"""What commands refuse before they load or read anything."""

from __future__ import annotations

import pytest

from scalearn.__main__ import run

TRAIN = {
    "train": ["train", "--method", "adapter", "--model", "m", "--data", "d", "--output", "o"],
    "train-joint": ["train-joint", "--method", "adapter_m", "--model", "m", "--data", "d", "--output", "o"],
}


@pytest.mark.parametrize(
    ("command", "values", "sentence"),
    [
        ("train", '{"epoch": 1}', "unknown key 'epoch', did you mean 'epochs'?"),
        ("train", '{"epochs": 0}', "epochs is 0; give at least 1"),
        ("train", '{"batch_size": 0.5}', "batch_size is 0.5; give at least 1"),
        ("train", '{"learning_rate": "1e-3"}', "learning_rate is '1e-3'; give a number"),
        ("train", '{"learning_rate": NaN}', "learning_rate is nan; give a number"),
        ("train", '{"epochs": Infinity}', "epochs is inf; give a number"),
        ("train-joint", '{"eval_steps": 0}', "eval_steps is 0; give at least 1"),
        ("train-joint", '{"temperature": 0}', "temperature is 0; give at least 0.1"),
        ("train-joint", '{"warmup_ratio": 1.5}', "warmup_ratio is 1.5; give a number from 0 to 1"),
        ("train", '{"learning_rate": -0.001}', "learning_rate is -0.001; give at least 0"),
        ("train", '{"weight_decay": -1}', "weight_decay is -1; give at least 0"),
        ("train", '{"patience": 0}', "patience is 0; give at least 1"),
        ("train", '{"batch_size": 0}', "batch_size is 0; give at least 1"),
    ],
)
def test_hyperparameters_that_cannot_be(
    command: str, values: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*TRAIN[command], "--hyperparameters", values]) == 1
    assert capsys.readouterr().err == f"error: --hyperparameters: {sentence}\n"
