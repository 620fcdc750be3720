"""A long pass says now and then how far it is; a short one says nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest

from scalearn.tasks.preparing import progress
from scalearn.tasks.preparing.progress import reported
from scalearn.tasks.reading.rows import Batch

BATCHES = [Batch("t", np.arange(5), pa.record_batch({"text": ["a"] * 5})) for _ in range(100)]


@pytest.mark.parametrize(("seconds", "lines"), [(0.01, 0), (1.0, 10), (25.0, 100)])
def test_a_line_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seconds: float, lines: int
) -> None:
    clock = (seconds * tick for tick in itertools.count())
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    assert list(reported(iter(BATCHES), "wic: train")) == BATCHES
    said = capsys.readouterr().err.splitlines()
    assert len(said) == lines
    if lines == 10:
        assert said[0] == "  wic: train: 50 rows, 5 a second"
