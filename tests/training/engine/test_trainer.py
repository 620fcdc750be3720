"""What the trainer computes in its own way, against the library's."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import Trainer

from tests.training.single import spec
from tests.training.trainers import trainer_of


@pytest.mark.parametrize("method", ["adapter", "adapter_fusion", "full_finetuning"])
def test_operations_are_counted_as_the_library_does(method: str, folder: Path, tmp_path: Path) -> None:
    trainer = trainer_of(spec(folder, method, tmp_path / "run"))
    for rows in ([0], [3, 1, 2]):
        batch = trainer.train_dataset.__getitems__(rows)
        assert trainer.floating_point_ops(batch) == Trainer.floating_point_ops(trainer, batch) > 0
