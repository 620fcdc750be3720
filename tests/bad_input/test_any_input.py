"""Whatever a config or a task file holds: a campaign or rows come of it, or a UserError of one line."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from scalearn.campaign.config import Config
from scalearn.campaign.plan import Campaign
from scalearn.errors import UserError
from scalearn.tasks.preparing.prepare import check_source_rows
from scalearn.tasks.reading.jsonl import json_batches
from scalearn.tasks.reading.readers import READERS, read_batches
from tests.bad_input.case import CAMPAIGN
from tests.tasks.making import files_task, write_rows

quick = settings(max_examples=100, deadline=None, derandomize=True)

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.just(10**400), st.just("mine")
)
KEYS = st.one_of(st.text(max_size=10), st.sampled_from([*Config.model_fields, "kind", "source", "all", "mine", "pair"]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value within a campaign."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


def refused_or_done(act: Callable[[], Any]) -> None:
    try:
        act()
    except UserError as error:
        assert str(error).isprintable() and str(error)


# ---------------------------------------------------------------------- the config


@quick
@given(st.dictionaries(st.sampled_from([*Config.model_fields]), VALUES))
def test_any_values_of_the_config_s_keys(changes: dict[str, Any]) -> None:
    refused_or_done(lambda: Campaign.parse({**CAMPAIGN, **changes}).trainings)


@settings(quick, max_examples=200)
@given(st.sampled_from(places(CAMPAIGN)[1:]), VALUES)
def test_any_value_in_any_place_of_a_good_campaign(place: tuple[Any, ...], value: Any) -> None:
    content = deepcopy(CAMPAIGN)
    parent = content
    for key in place[:-1]:
        parent = parent[key]
    parent[place[-1]] = value
    refused_or_done(lambda: Campaign.parse(content).layout("pair"))


def read(content: bytes) -> Campaign:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.yaml")
        path.write_bytes(content)
        return Campaign.read(path)


@quick
@given(
    st.one_of(
        st.binary(max_size=200), st.text(max_size=200).map(str.encode), VALUES.map(lambda v: yaml.dump(v).encode())
    )
)
def test_any_bytes_for_a_campaign_file(content: bytes) -> None:
    refused_or_done(lambda: read(content))


@quick
@given(st.integers(0, 400), st.binary(min_size=1, max_size=4))
def test_a_campaign_file_with_some_bytes_changed(place: int, other: bytes) -> None:
    good = yaml.dump(CAMPAIGN).encode()
    refused_or_done(lambda: read(good[: place % len(good)] + other + good[place % len(good) + 1 :]))


# ---------------------------------------------------------------------- task files

TEXTS = st.text(max_size=30)
WITHOUT_NUL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


def texts_for(ending: str) -> st.SearchStrategy[str]:
    """A tab in TSV is refused: see the reader. Neither it nor CSV can hold a NUL byte."""
    if ending == "tsv":
        return WITHOUT_NUL.map(lambda text: text.replace("\t", " "))
    return WITHOUT_NUL if ending == "csv" else TEXTS


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_rows_of_any_text_are_read_as_they_were_written(ending: str) -> None:
    texts = texts_for(ending)

    @quick
    @given(st.lists(st.tuples(texts, texts), min_size=1, max_size=8))
    def holds(pairs: list[tuple[str, str]]) -> None:
        written = [{"text": text, "label": label} for text, label in pairs]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(write_rows(Path(folder, f"t.{ending}"), written))
            assert [row for batch in read_batches(path, ["text", "label"]) for row in batch.to_pylist()] == written

    holds()


def broken(ending: str) -> st.SearchStrategy[bytes]:
    """Bytes of any kind, and a good file cut short, or with some bytes in the place of others."""
    table, out = pa.table({"text": ["a", 'b "c"', "d,\ne"], "label": ["x", "y", "x"]}), io.BytesIO()
    if ending == "parquet":
        pq.write_table(table, out)
        good = out.getvalue()
    elif ending == "jsonl":
        good = b'{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n'
    else:
        text = io.StringIO()
        lines = csv.writer(text, delimiter="\t" if ending == "tsv" else ",")
        lines.writerows([table.column_names, *zip(*table.to_pydict().values(), strict=True)])
        good = text.getvalue().encode()
    change = st.tuples(st.integers(0, len(good) - 1), st.binary(max_size=3), st.integers(0, 3))
    changed = change.map(lambda found: good[: found[0]] + found[1] + good[found[0] + found[2] :])
    return st.one_of(st.binary(max_size=100), changed, st.integers(0, len(good)).map(lambda length: good[:length]))


@pytest.mark.parametrize("ending", [name.removeprefix(".") for name in READERS])
def test_any_bytes_for_a_task_file(ending: str) -> None:
    @settings(quick, max_examples=200)
    @given(broken(ending))
    def holds(content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, f"t.{ending}")
            path.write_bytes(content)
            refused_or_done(lambda: list(read_batches(path, ["text", "label"])))

    holds()


@quick
@given(
    st.lists(st.dictionaries(st.sampled_from(["text", "label"]), VALUES, max_size=2), max_size=4),
    st.sampled_from(["classification", "multi_label", "regression"]),
)
def test_any_values_in_the_rows_of_a_task(rows: list[dict[str, Any]], kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        task = files_task(Path(folder), rows, kind=kind)
        refused_or_done(lambda: check_source_rows("mine", task))


def test_a_number_too_large_for_a_column_is_named_by_its_row(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"label": 1}\n{"label": 100000000000000000000}\n')
    with pytest.raises(ValueError, match="row 2: column 'label': "):
        list(json_batches(tmp_path / "t.jsonl", ["label"]))
