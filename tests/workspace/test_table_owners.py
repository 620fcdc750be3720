"""A table belongs to the campaign file that made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scalearn.campaign.plan import Campaign
from scalearn.errors import UserError
from scalearn.workspace.table_owners import NOTE, SCORES, claim_tables, own_tables
from tests.pair import CONFIG
from tests.workflow.project import ROOT

FOLDER = Path(".snakemake")
TABLE = "results/pair_table.md"
SEED = {"seeds": [0]}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.yaml", "b.yaml"):
        Path(name).touch()


def start(file: str, *outputs: str, **changes: Any) -> None:
    claim_tables(FOLDER, Campaign.parse({**CONFIG, **changes}), [file], outputs)
    for path in map(Path, outputs):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def own(file: str, **changes: Any) -> list[str]:
    return own_tables(FOLDER, Campaign.parse({**CONFIG, **changes}), [file], ["pair"])


def test_another_file_with_another_table_of_that_name_is_refused() -> None:
    start("a.yaml", TABLE, SCORES)
    with pytest.raises(UserError) as refused:
        start("b.yaml", TABLE, **SEED)
    assert str(refused.value) == (
        f"b.yaml: {TABLE} would be replaced: a.yaml made it, with other rows, runs or metrics; give the benchmark "
        f"'pair' another name, or remove {TABLE} first"
    )
    with pytest.raises(UserError, match=r"a\.yaml made it, .*; build only the tables \(target `tables`\), or"):
        start("b.yaml", SCORES, **SEED)
    assert own("b.yaml", **SEED) == []
    start("b.yaml", "results/runs/x/run.json", **SEED)  # no table
    Path(TABLE).unlink()
    start("b.yaml", TABLE, **SEED)
    with pytest.raises(UserError, match=r"b\.yaml made it"):
        start("a.yaml", TABLE, seeds=[1])


@pytest.mark.parametrize("kind", ["cost", "published"])
def test_the_tables_beside_it_belong_to_their_file_too(kind: str) -> None:
    path = f"results/pair_{kind}.md"
    start("a.yaml", path)
    with pytest.raises(
        UserError, match=rf"{path} would be replaced: a\.yaml made it, .*; give the benchmark 'pair' an"
    ):
        start("b.yaml", path, **SEED)
    assert own("b.yaml", **SEED) == []


def test_an_edit_an_equal_table_and_one_of_a_file_that_is_gone_are_free() -> None:
    start("a.yaml", TABLE, SCORES)
    start("b.yaml", TABLE, SCORES)  # the same content
    start("a.yaml", TABLE, SCORES, **SEED)  # an edit
    assert own("a.yaml") == ["pair"]
    Path("a.yaml").unlink()
    start("b.yaml", TABLE, **SEED)


def test_the_showcase_takes_over_the_demo() -> None:
    demo, showcase = (f"{ROOT}/profiles/{name}/campaign.yaml" for name in ("demo", "showcase"))
    claim_tables(FOLDER, Campaign.read(Path(demo)), [demo], ["results/demo_table.md", SCORES])
    for path in map(Path, ("results/demo_table.md", SCORES)):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    claim_tables(FOLDER, Campaign.read(Path(showcase)), [showcase], ["results/demo_table.md", SCORES])


def test_a_table_that_shows_all_of_the_other_and_more_takes_its_place() -> None:
    start("a.yaml", TABLE, SCORES, **SEED)
    start("b.yaml", TABLE, SCORES)
    with pytest.raises(UserError, match=r"b\.yaml made it"):
        start("a.yaml", TABLE, **SEED)


@pytest.mark.parametrize(
    "changes",
    [
        {"tasks": {**CONFIG["tasks"], "one": {**CONFIG["tasks"]["one"], "metrics": ["matthews"]}}},
        {"methods": ["adapter", "adapter_m", {"method": "scalearn", "name": "mine"}]},
        {"methods": ["adapter", "adapter_m"]},
    ],
)
def test_a_table_of_the_same_runs_by_other_metrics_or_rows_is_another_one(changes: dict[str, Any]) -> None:
    start("a.yaml", TABLE)
    with pytest.raises(UserError, match=r"a\.yaml made it"):
        start("b.yaml", TABLE, **changes)


def test_a_table_that_an_error_leaves_belongs_to_its_file_too() -> None:
    assert own("a.yaml") == ["pair"]
    Path(TABLE).parent.mkdir()
    Path(TABLE).touch()
    with pytest.raises(UserError, match=r"a\.yaml made it"):
        start("b.yaml", TABLE, **SEED)


@pytest.mark.parametrize("content", ["", "[]", '{"results/pair_table.md": 1}', '{"results/pair_table.md": {}}'])
def test_a_damaged_note_is_as_good_as_none(content: str) -> None:
    start("a.yaml", TABLE)
    (FOLDER / NOTE).write_text(content)
    start("b.yaml", TABLE, **SEED)
