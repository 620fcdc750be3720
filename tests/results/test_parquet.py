"""Tables as parquet: the numbers of the CSV, with types."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from scalearn.results.cells import make_table
from scalearn.results.render import CSV_HEADER, tidy
from scalearn.results.scored import current_scores
from scalearn.results.tables import write_table
from tests.results.pair_table import COMPLETE, INCOMPLETE, LAYOUT, write_scores


@pytest.mark.parametrize("scores", [COMPLETE, INCOMPLETE, {}])
def test_parquet_has_the_numbers_of_the_csv_in_types(
    tmp_path: Path, scores: dict[str, dict[str, dict[int, float]]]
) -> None:
    write_scores(tmp_path / "runs", scores)
    write_table(LAYOUT, tmp_path / "runs", tmp_path / "pair_table")
    stored = pq.read_table(tmp_path / "pair_table.parquet")
    assert stored.column_names == CSV_HEADER
    types = {name: str(stored.schema.field(name).type) for name in CSV_HEADER}
    assert (types["method"], types["n"], types["mean"], types["missing"]) == ("string", "int64", "double", "string")
    table = make_table(LAYOUT, current_scores([LAYOUT], tmp_path / "runs"), tmp_path / "runs")
    shown = [",".join("" if value is None else str(value) for value in row.values()) for row in stored.to_pylist()]
    assert shown == tidy(table).splitlines()[1:]
    first = (tmp_path / "pair_table.parquet").read_bytes()
    write_table(LAYOUT, tmp_path / "runs", tmp_path / "pair_table")
    assert (tmp_path / "pair_table.parquet").read_bytes() == first
