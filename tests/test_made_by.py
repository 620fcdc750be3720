"""Two campaign files in one folder: neither trains over what the other has made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scalearn.campaign import Campaign
from scalearn.errors import UserError
from scalearn.made_by import NOTE, claim

FOLDER = Path(".snakemake")
CONFIG: dict[str, Any] = {
    "model": "tiny",
    "models": {"tiny": {"kind": "folder", "path": "model"}, "other": {"kind": "folder", "path": "model"}},
    "tasks": {name: {"source": {"kind": "files", "train": f"{name}.csv"}} for name in ("one", "two")},
    "benchmarks": {"pair": ["one", "two"]},
    "methods": ["adapter", "adapter_m", "scalearn"],
    "seeds": [0, 1],
}
OMEGA = "results/runs/tiny/scalearn/pair/one/full/1/run.json"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.yaml", "b.yaml"):
        Path(name).touch()


def records(campaign: Campaign) -> list[str]:
    made = [f"results/runs/{run.path}/run.json" for run in campaign.all_trainings()]
    made += [f"resources/tasks/{task}/task.json" for task in campaign.tasks]
    return made + [f"resources/models/{model}/model.json" for model in campaign.models]


def start(file: str, *made: str, finish: bool = True, **changes: Any) -> None:
    """Begin the campaign of this file, which is to make these records (by default all), and make them."""
    campaign = Campaign.parse({**CONFIG, **changes})
    outputs = list(made) or records(campaign)
    claim(FOLDER, campaign, [file], outputs)
    for path in map(Path, outputs if finish else []):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


RATE = {"hyperparameters": {"scalearn": {"learning_rate": 0.5}}}
CHANGES: list[tuple[dict[str, Any], str, str]] = [
    (RATE, OMEGA, 'hyperparameters {}, here {"learning_rate": 0.5}'),
    ({"compute": {"precision": "bf16"}}, OMEGA, 'compute {}, here {"precision": "bf16"}'),
    ({"protocol": "reference"}, "results/runs/tiny/adapter_m/pair/joint/full/0/run.json", "protocol"),
    ({"benchmarks": {"pair": {"tasks": ["one"], "sources": ["two"]}}}, OMEGA, "sources"),
    ({"source_seed": "paired"}, OMEGA, "sources"),
    ({"train_rows": {"two": 9}}, "resources/tasks/two/task.json", "tasks"),
    ({"train_rows": {"two": 9}}, "results/runs/tiny/adapter_m/pair/joint/full/0/run.json", "tasks"),
    ({"models": {"tiny": {"kind": "folder", "path": "more"}}}, "resources/models/tiny/model.json", "model"),
]


@pytest.mark.parametrize(("changes", "record", "difference"), CHANGES, ids=lambda value: str(value)[:30])
def test_another_file_that_asks_for_other_values_is_refused(
    changes: dict[str, Any], record: str, difference: str
) -> None:
    start("a.yaml")
    with pytest.raises(UserError) as refused:
        start("b.yaml", record, **changes)
    assert str(refused.value).startswith(f"b.yaml: {Path(record).parent} would be made over: a.yaml made it with other")
    assert f"({difference}" in str(refused.value)
    start("a.yaml", record)  # as if b.yaml had not been started
    start("a.yaml", record, **changes)  # an edit of the same file


def test_what_both_ask_for_alike_and_what_neither_has_finished_is_free() -> None:
    start("a.yaml", finish=False)
    start("b.yaml", **RATE)
    start("b.yaml", **RATE)
    with pytest.raises(UserError, match=r"^a.yaml: results/runs/tiny/scalearn/pair/one/full/0 \(and 3 more\) would be"):
        start("a.yaml")
    start("a.yaml", hyperparameters={"scalearn": {"learning_rate": 0.5}})


def test_only_what_is_to_be_made_counts() -> None:
    start("a.yaml")
    start("b.yaml", "results/runs/tiny/adapter/single/one/full/0/run.json", **RATE)


def test_a_file_that_was_renamed_or_is_another_name_of_the_same_goes_on() -> None:
    start("a.yaml")
    Path("link.yaml").symlink_to("a.yaml")
    start("link.yaml", **RATE)
    Path("a.yaml").rename("c.yaml")
    start("c.yaml")
    Path("b.yaml").write_text("a copy of c.yaml, edited")
    with pytest.raises(UserError, match=r"^b\.yaml: .*: c\.yaml made it"):
        start("b.yaml", **RATE)


def test_runs_of_an_old_folder_belong_to_the_first_that_starts_there() -> None:
    start("a.yaml")
    (FOLDER / NOTE).unlink()
    claim(FOLDER, Campaign.parse(CONFIG), ["a.yaml"], [])  # one more seed, say
    with pytest.raises(UserError, match="would be made over"):
        start("b.yaml", **RATE)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"made": {"x": [0, 0]}}', '{"made": [1]}', '{"files": 1}', "\0"])
def test_a_damaged_note_is_as_good_as_none(content: str, capsys: pytest.CaptureFixture[str]) -> None:
    start("a.yaml")
    (FOLDER / NOTE).write_text(content)
    start("b.yaml", **RATE)
    assert "warning: .snakemake/scalearn/made_by.json: not " in capsys.readouterr().err
    with pytest.raises(UserError, match="would be made over: b"):
        start("a.yaml", OMEGA)
