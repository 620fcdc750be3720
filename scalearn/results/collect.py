"""Writes all score records of a campaign as one parquet file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scalearn.methods import METHODS
from scalearn.results.layout import Layout
from scalearn.results.records import ScoreRecord
from scalearn.results.scored import current_scores
from scalearn.storage.files import check_replaced, whole_file

SCHEMA = pa.schema(
    [
        ("run", pa.string()),  # its path below the folder of all runs, with all settings that differ from the defaults
        ("model", pa.string()),
        ("method", pa.string()),
        ("family", pa.string()),
        ("benchmark", pa.string()),  # "single" for runs that belong to no benchmark
        ("task", pa.string()),
        ("shots", pa.string()),
        ("seed", pa.int64()),
        ("metric", pa.string()),
        ("value", pa.float64()),  # a fraction
        ("baseline", pa.float64()),
        ("headline", pa.bool_()),
        ("trainable_parameters", pa.int64()),  # without the head
        ("head_parameters", pa.int64()),
        ("steps", pa.int64()),
        ("epochs", pa.int64()),
        ("best_epoch", pa.int64()),
        ("examples", pa.int64()),
        ("method_version", pa.int64()),
        ("training_version", pa.int64()),
        ("task_version", pa.int64()),
        ("hyperparameters", pa.string()),  # JSON
    ]
)


def collect(layouts: Sequence[Layout], runs: Path, output: Path, threads: int | None = None) -> None:
    """Write the parquet file `output`, a row per run and metric of all layouts. Runs without a score are scored first.

    A run that several benchmarks share appears once. Missing runs are left out, and their number is printed.
    """
    check_replaced(output, b"headline", "table of scores")
    wanted = sorted({part for layout in layouts for part in layout.parts()})
    records = current_scores(layouts, runs, threads)
    complete = [records[part] for part in wanted if part in records]
    rows = [row for record in complete for row in _rows(record)]
    with whole_file(output) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), temporary)
    missing = len(wanted) - len(complete)
    print(f"{output}: {len(rows)} rows of {len(complete)} runs" + (f"; {missing} runs are missing" if missing else ""))


def _rows(record: ScoreRecord) -> list[dict[str, Any]]:
    """Return one row per metric, sorted."""
    return [
        {
            **record.identity.model_dump(),
            "family": METHODS[record.identity.method].family,
            "metric": metric,
            "value": value,
            "baseline": record.baseline[metric],
            "headline": metric == record.headline,
            **record.cost.model_dump(),
            "method_version": record.provenance.method_version,
            "training_version": record.provenance.training_version,
            "task_version": record.provenance.task_version,
            "hyperparameters": json.dumps(record.hyperparameters, sort_keys=True),
        }
        for metric, value in sorted(record.scores.items())
    ]
