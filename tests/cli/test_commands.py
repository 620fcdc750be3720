"""What commands refuse before they load or read anything."""

from __future__ import annotations

import pytest

from scalearn.__main__ import run

COUNT, POSITIVE, PART = (
    f"{what} is expected, found"
    for what in ("a whole number of at least 1", "a number of at least 0", "a number from 0 to 1")
)
TRAIN = {
    "train": ["train", "--method", "adapter", "--model", "m", "--data", "d", "--output", "o"],
    "train-joint": ["train-joint", "--method", "adapter_m", "--model", "m", "--data", "d", "--output", "o"],
}


@pytest.mark.parametrize(
    ("command", "values", "sentence"),
    [
        ("train", '{"epoch": 1}', "epoch: unknown key, did you mean 'epochs'?"),
        ("train", '{"epochs": 0}', f"epochs: {COUNT} the number 0"),
        ("train", '{"batch_size": 0.5}', f"batch_size: {COUNT} the number 0.5"),
        (
            "train",
            '{"learning_rate": "1e-3"}',
            "learning_rate: a number of at least 0 is expected, found the text '1e-3'; "
            "this is read as text: write 0.001",
        ),
        ("train", '{"learning_rate": NaN}', f"learning_rate: {POSITIVE} nan"),
        ("train", '{"epochs": Infinity}', f"epochs: {COUNT} inf"),
        (
            "train-joint",
            '{"eval_steps": 0}',
            "eval_steps: a whole number of at least 1 is expected, found the number 0",
        ),
        ("train-joint", '{"temperature": 0}', "temperature: a number of at least 0.1 is expected, found the number 0"),
        (
            "train-joint",
            '{"warmup_ratio": 1.5}',
            "warmup_ratio: a number from 0 to 1 is expected, found the number 1.5",
        ),
        (
            "train",
            '{"learning_rate": -0.001}',
            "learning_rate: a number of at least 0 is expected, found the number -0.001",
        ),
        ("train", '{"weight_decay": -1}', f"weight_decay: {POSITIVE} the number -1"),
        ("train", '{"patience": 0}', f"patience: {COUNT} the number 0"),
        ("train", '{"epochs": true}', f"epochs: {COUNT} true"),
        ("train", '{"length_buckets": 2}', "length_buckets: true or false is expected, found the number 2"),
        ("train", '{"length_buckets": "yes"}', "length_buckets: true or false is expected, found the text 'yes'"),
        ("train", '{"batch_size": 0}', f"batch_size: {COUNT} the number 0"),
    ],
)
def test_hyperparameters_that_cannot_be(
    command: str, values: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*TRAIN[command], "--hyperparameters", values]) == 1
    assert capsys.readouterr().err == f"error: --hyperparameters: {sentence}\n"
