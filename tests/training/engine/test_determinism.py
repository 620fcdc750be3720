"""Deterministic kernels only, and what happens to an operation that has none. `Tensor.put_` has none on a CPU."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from scalearn.training.engine.determinism import CUBLAS, allow_others, fix, operation_without_kernel
from tests.training.single import spec
from tests.training.trainers import trainer_of, without_dropout

# What torch says where cuBLAS was used before the variable was set.
TOO_LATE = (
    "Deterministic behavior was enabled with either `torch.use_deterministic_algorithms(True)` or `at::Context::"
    "setDeterministicAlgorithms(true)`, but this operation is not deterministic because it uses CuBLAS and you have "
    f"CUDA >= 10.2. To enable deterministic behavior in this case, you must set an environment variable: {CUBLAS}"
)


def put(*_: Any) -> None:
    torch.zeros(3).put_(torch.tensor([0]), torch.tensor([1.0]))


def fused() -> set[bool]:
    """Return whether each kind of fused attention is allowed."""
    kinds = torch.backends.cuda
    return {kinds.flash_sdp_enabled(), kinds.mem_efficient_sdp_enabled(), kinds.cudnn_sdp_enabled()}


def test_an_error_that_names_an_operation_without_a_kernel_is_told_from_others(strict: None) -> None:
    with pytest.raises(RuntimeError) as caught:
        put()
    assert operation_without_kernel(caught.value) == "put_"
    assert operation_without_kernel(RuntimeError("CUDA out of memory")) is None
    assert str(operation_without_kernel(RuntimeError(TOO_LATE))).startswith("cuBLAS (used before")


def test_what_is_allowed_runs_without_a_warning_and_is_no_reason_to_try_again(strict: None) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        allow_others()
        put()
        warnings.warn(TOO_LATE, stacklevel=1)
        warnings.warn("another", stacklevel=1)
    assert [str(one.message) for one in caught] == ["another"]
    assert torch.are_deterministic_algorithms_enabled()
    assert fused() == {False}
    assert operation_without_kernel(RuntimeError("put_ does not have a deterministic implementation, but")) is None


@pytest.mark.parametrize(("before", "after"), [(None, ":4096:8"), (":16:8", ":16:8"), (":4096:2:16:8", ":4096:8")])
def test_each_run_on_a_gpu_begins_strictly(
    before: str | None, after: str, strict: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after a run of the same process that allowed others, and where the user's shell says otherwise."""
    monkeypatch.setenv(CUBLAS, before or "")
    if before is None:
        monkeypatch.delenv(CUBLAS)
    allow_others()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    fix(3)
    with pytest.raises(RuntimeError, match="put_ does not have"):
        put()
    assert fused() == {True}
    assert os.environ[CUBLAS] == after


def test_a_step_that_fails_in_its_backward_pass_is_taken_again_from_the_start(
    strict: None, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The head has its gradient already when the operation below it fails."""
    trainer = trainer_of(spec(folder, "adapter", tmp_path / "run"))
    without_dropout(trainer.model)
    batch = trainer.train_dataset.__getitems__(list(range(16)))

    def gradients() -> dict[str, torch.Tensor]:
        trainer.model.zero_grad()
        trainer.training_step(trainer.model, batch)
        return {name: p.grad.clone() for name, p in trainer.model.named_parameters() if p.grad is not None}

    expected = gradients()
    *_, (_, last) = trainer.model.iter_layers()
    hook = last.output.register_forward_hook(lambda module, inputs, output: output.register_hook(put) and None)
    found = gradients()
    hook.remove()
    assert "put_ has no deterministic kernel" in capsys.readouterr().out
    assert trainer.computed[-1]["not_deterministic"] == "put_"
    assert trainer.epoch_loss.steps == 2
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():  # attention is unfused now, which rounds in another way
        torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-7, msg=name)
