"""GLUE from a mirror, with the paper's splits; and the hub, alive or dead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scalearn.errors import UserError
from scalearn.tasks import TASKS
from scalearn.tasks.definition import Task
from scalearn.tasks.preparing.prepare import check_source_rows, prepare
from tests.places import DATA

real_data = pytest.mark.data("glue")

SIZES = {  # train, validation, test
    "rte": (2241, 249, 277),
    "mrpc": (3301, 367, 408),
    "cola": (7695, 856, 1043),
    "stsb": (5174, 575, 1500),
}


@real_data
@pytest.mark.parametrize("name", SIZES)
def test_the_paper_s_sizes(tmp_path: Path, name: str) -> None:
    assert tuple(prepare(name, TASKS[name], tmp_path / name, DATA).sizes.values()) == SIZES[name]


@real_data
@pytest.mark.parametrize("name", ["rte", "stsb"])
def test_the_paper_s_rows_in_their_source_s_order(tmp_path: Path, name: str) -> None:
    from datasets import Dataset

    prepare(name, TASKS[name], tmp_path / name, DATA)
    hub = Dataset(pq.read_table(DATA / "glue" / name / "train-00000-of-00001.parquet"))
    by = None if name == "stsb" else "label"
    halves = hub.train_test_split(test_size=0.1, shuffle=True, seed=42, stratify_by_column=by)
    for split, half in (("train", "train"), ("validation", "test")):
        table = pq.read_table(tmp_path / name / f"{split}.parquet")
        rows = hub.select(sorted(halves[half]["idx"][:]))  # here `idx` is the row
        assert table["text2"].to_pylist() == rows["sentence2"][:]
        assert table["label"].to_pylist() == rows["label"][:]


@real_data
def test_a_part_that_the_mirror_lacks_is_left_out_with_a_note(tmp_path: Path) -> None:
    if list((DATA / "glue" / "mnli").glob("validation_mismatched-*")):
        pytest.skip("this mirror has MNLI mismatched")
    info = prepare("mnli", TASKS["mnli"], tmp_path / "mnli", DATA)
    assert info.parts == ("",)
    assert "validation_mismatched (part 'mm') is left out: the mirror has no mnli/" in info.notes[0]


# ---------------------------------------------------------------------- a mirror and a hub of our own


def make_mirror(folder: Path, *splits: str, shards: int = 1, of: int | None = None) -> Path:
    """Write a little MNLI in the hub's layout; `of` is the number of shards that the names promise."""
    (folder / "glue" / "mnli").mkdir(parents=True)
    for split in splits:
        for shard in range(shards):
            rows = [{"premise": f"{split} {shard} {n}", "hypothesis": "h", "label": n % 3, "idx": n} for n in range(30)]
            name = f"{split}-{shard:05d}-of-{of or shards:05d}.parquet"
            pq.write_table(pa.Table.from_pylist(rows), folder / "glue" / "mnli" / name)
    return folder


MNLI = ("train", "validation_matched", "validation_mismatched")


def test_parts_follow_the_main_test_rows(tmp_path: Path) -> None:
    info = prepare("mnli", TASKS["mnli"], tmp_path / "mnli", make_mirror(tmp_path, *MNLI))
    assert (info.parts, info.sizes) == (("", "mm"), {"train": 27, "validation": 3, "test": 60})
    assert not [note for note in info.notes if "left out" in note]
    test = pq.read_table(tmp_path / "mnli" / "test.parquet")
    assert test["part"].to_pylist() == [""] * 30 + ["mm"] * 30
    assert test["text1"][30].as_py() == "validation_mismatched 0 0"


def test_shards_are_joined_in_order_and_none_may_be_missing(tmp_path: Path) -> None:
    check_source_rows("mnli", TASKS["mnli"], make_mirror(tmp_path / "whole", *MNLI, shards=3))
    broken = make_mirror(tmp_path / "broken", *MNLI, shards=2, of=3)
    with pytest.raises(UserError, match="only 2 of the 3 files of this split"):
        check_source_rows("mnli", TASKS["mnli"], broken)


def test_a_mirror_without_the_task_or_its_train_split(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no .*glue/rte/train-\*\.parquet for task 'rte'"):
        check_source_rows("rte", TASKS["rte"], make_mirror(tmp_path / "a", *MNLI))
    with pytest.raises(UserError, match=r"no .*train-\*\.parquet for task 'mnli'"):
        check_source_rows("mnli", TASKS["mnli"], make_mirror(tmp_path / "b", "validation_matched"))


def test_the_row_of_a_later_shard_is_counted_through(tmp_path: Path) -> None:
    mirror = make_mirror(tmp_path, *MNLI, shards=2)
    path = mirror / "glue" / "mnli" / "train-00001-of-00002.parquet"
    table = pq.read_table(path)
    labels = table["label"].to_pylist()
    labels[4] = 7
    pq.write_table(table.set_column(table.schema.get_field_index("label"), "label", pa.array(labels)), path)
    with pytest.raises(UserError, match=r"mnli/train-\*\.parquet: row 35: label '7' is outside the label set"):
        check_source_rows("mnli", TASKS["mnli"], mirror)


def with_hub(monkeypatch: pytest.MonkeyPatch, answer: Callable[..., str]) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", answer)


def test_from_the_hub_only_the_splits_are_asked_for_at_the_pinned_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def answer(repository: str, **wanted: Any) -> str:
        asked.update(wanted, repository=repository)
        return str(make_mirror(tmp_path, *MNLI) / "glue")

    with_hub(monkeypatch, answer)
    info = prepare("mnli", TASKS["mnli"], tmp_path / "out")
    assert info.parts == ("", "mm")
    source = TASKS["mnli"].source
    assert (
        asked
        == {
            "repository": "nyu-mll/glue",
            "repo_type": "dataset",
            "revision": source.revision,  # type: ignore[union-attr]
            "allow_patterns": [f"mnli/{split}-*.parquet" for split in ("train", *MNLI[1:])],
        }
    )


def test_a_dead_hub_is_told_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(repository: str, **wanted: Any) -> str:
        raise ConnectionError("no route")

    with_hub(monkeypatch, answer)
    with pytest.raises(UserError, match=r"hub cannot be reached .*login node, or set `mirror`"):
        prepare("rte", TASKS["rte"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_hub_switched_off_with_nothing_in_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    other = {**TASKS["rte"].source.model_dump(), "repository": "nobody/nothing"}
    with pytest.raises(UserError, match=r"task 'rte': nobody/nothing at .*set `mirror`"):
        prepare("rte", Task.model_validate({**TASKS["rte"].model_dump(), "source": other}), tmp_path / "out")


def test_a_repository_without_the_split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_hub(monkeypatch, lambda *_, **__: str(make_mirror(tmp_path, "train") / "glue"))
    with pytest.raises(UserError, match=r"no mnli/validation_matched-\*\.parquet"):
        prepare("mnli", TASKS["mnli"], tmp_path / "out")


def test_check_leaves_the_hub_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with_hub(monkeypatch, lambda *_, **__: pytest.fail("check asked the hub"))
    for name in SIZES:
        check_source_rows(name, TASKS[name])
