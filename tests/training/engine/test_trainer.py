"""What the trainer computes in its own way, against the library's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import Trainer

from tests.training.single import spec
from tests.training.trainers import trainer_of


@pytest.mark.parametrize("method", ["adapter", "adapter_fusion", "full_finetuning"])
def test_operations_are_counted_as_the_library_does(method: str, folder: Path, tmp_path: Path) -> None:
    trainer = trainer_of(spec(folder, method, tmp_path / "run"))
    for rows in ([0], [3, 1, 2]):
        batch = trainer.train_dataset.__getitems__(rows)
        assert trainer.floating_point_ops(batch) == Trainer.floating_point_ops(trainer, batch) > 0


def test_an_operation_without_deterministic_kernel_stands_in_the_record_once(
    strict: None, folder: Path, tmp_path: Path
) -> None:
    """Also where the run resumes and meets it again. What a checkpoint holds does not change while it is written."""
    trainer = trainer_of(spec(folder, "adapter", tmp_path / "run"))
    error = RuntimeError("put_ does not have a deterministic implementation, but you set")
    written = trainer.computed
    (plain,) = written
    named = [{**plain, "not_deterministic": "put_"}]
    assert not trainer.mend(RuntimeError("CUDA out of memory."))
    assert trainer.mend(error)
    assert not trainer.mend(error)  # it is allowed already
    assert trainer.computed == named
    assert written == [plain] and "not_deterministic" not in plain
    torch.use_deterministic_algorithms(True)  # another process, which goes on from a checkpoint
    trainer.computed = [*named, plain]
    assert trainer.mend(error)
    assert trainer.computed == named
