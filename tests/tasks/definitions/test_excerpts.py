"""Every task of GLUE and SuperGLUE is read as the hub has it: from rows of our own in its schema."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scalearn.tasks import TASKS
from scalearn.tasks.definition import HubSource
from scalearn.tasks.definitions import glue, humset, superglue
from scalearn.tasks.preparing.prepare import prepare
from scalearn.tasks.store import TaskInfo
from tests.places import DATA
from tests.tasks.excerpts import EXCERPTS, TRAIN_ROWS


def config_of(name: str) -> str:
    source = TASKS[name].source
    assert isinstance(source, HubSource)
    return source.config


def test_every_built_in_task_of_the_benchmarks_has_an_excerpt() -> None:
    """HumSet's rows are made in tests/tasks/definitions/test_humset.py."""
    assert set(EXCERPTS) == set(glue.GLUE) | set(superglue.SUPERGLUE)
    assert set(TASKS) - set(EXCERPTS) - set(humset.HUMSET) == {name for name in TASKS if name.startswith("demo_")}


@pytest.mark.parametrize("name", EXCERPTS)
def test_its_test_split_is_what_is_written_by_hand(name: str, tmp_path: Path) -> None:
    excerpt = EXCERPTS[name]
    excerpt.write(tmp_path / "mirror", config_of(name))
    info = prepare(name, TASKS[name], tmp_path / name, tmp_path / "mirror")
    test = pq.read_table(tmp_path / name / "test.parquet")
    assert {column: test[column].to_pylist() for column in excerpt.read} == excerpt.read
    assert set(test.column_names) - set(excerpt.read) <= {"part"}
    assert TaskInfo.read(tmp_path / name).labels == TASKS[name].labels == info.labels


@pytest.mark.parametrize("name", EXCERPTS)
def test_train_and_validation_share_out_its_train_rows(name: str, tmp_path: Path) -> None:
    excerpt = EXCERPTS[name]
    excerpt.write(tmp_path / "mirror", config_of(name))
    prepare(name, TASKS[name], tmp_path / name, tmp_path / "mirror")
    train, validation = (pq.read_table(tmp_path / name / f"{split}.parquet") for split in ("train", "validation"))
    per_row = len(excerpt.read["text1"]) / len(excerpt.rows)  # candidates: several rows on disk for one of the source
    assert len(train) + len(validation) == TRAIN_ROWS * per_row
    assert len(validation) == pytest.approx(TRAIN_ROWS * per_row / 10, abs=per_row)
    assert not texts_of(train) & texts_of(validation)


def texts_of(table: pa.Table) -> set[tuple[str, ...]]:
    """Return the texts of each row."""
    names = [name for name in ("text1", "text2") if name in table.column_names]
    return set(zip(*(table[name].to_pylist() for name in names), strict=True))


def plain(kind: pa.DataType) -> str:
    """Return the type's name without the name that a list gives its items."""
    return str(kind).replace("element:", "item:")


@pytest.mark.data("glue", "super_glue")
@pytest.mark.parametrize("name", EXCERPTS)
def test_its_columns_are_those_of_the_real_rows(name: str) -> None:
    excerpt = EXCERPTS[name]
    for split in ("train", excerpt.test):
        (path,) = (DATA / excerpt.benchmark / config_of(name)).glob(f"{split}-*.parquet")
        real = pq.read_schema(path)
        assert {field.name: plain(field.type) for field in real} == {
            column: plain(kind) for column, kind in excerpt.schema.items()
        }
