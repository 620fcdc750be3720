"""The validation metrics of an epoch, from an encoded task."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from transformers.trainer_utils import EvalPrediction

from scalearn.tasks.metrics import Outcome, compute
from scalearn.training.data.batches import EncodedSplit
from scalearn.training.data.encode import encode
from scalearn.training.engine.scoring import scorer
from tests.tiny import make_model, make_task


@pytest.mark.parametrize(("name", "index"), [(None, 1), ("second", 1), ("first", 0)])
def test_f1_that_chooses_the_epoch_is_of_the_class_that_the_task_names(
    tmp_path: Path, name: str | None, index: int
) -> None:
    folder = make_task(tmp_path / "task")
    info = json.loads((folder / "task.json").read_text())
    info.pop("checksum", None)
    info |= {"labels": ["first", "second"], "metrics": ["f1"]} | ({} if name is None else {"positive": name})
    (folder / "task.json").write_text(json.dumps(info))
    encode(folder, make_model(tmp_path / "model"), tmp_path / "encoded")
    encoding = json.loads((tmp_path / "encoded" / "encoding.json").read_text())
    assert ("positive" in encoding["task"]) == (name is not None)  # what says nothing new trains nothing anew
    validation = EncodedSplit(tmp_path / "encoded" / "validation.arrow", encoding)
    logits = np.random.default_rng(0).normal(size=(len(validation), 2))
    found = scorer(encoding["task"], validation)(EvalPrediction(predictions=logits, label_ids=validation.labels))
    assert found == compute(["f1"], "classification", Outcome(validation.labels, logits, positive=index))
    assert found != compute(["f1"], "classification", Outcome(validation.labels, logits, positive=1 - index))
