"""An export, loaded by a process without our code, gives what its run gives; what is no finished run is refused."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from adapters import AutoAdapterModel
from huggingface_hub import ModelCard
from safetensors.torch import load_file

from scalearn.__main__ import run
from scalearn.campaign.places import ENCODED, MODELS, TASKS
from scalearn.errors import UserError
from scalearn.export import export as export_module
from scalearn.export import proof
from scalearn.export.export import export
from scalearn.export.finished import Places, read_run
from scalearn.export.heads import write_head
from scalearn.methods import METHODS
from scalearn.methods.base import Given
from scalearn.storage.files import sha256, write_json
from scalearn.training.data.encode import encode
from scalearn.training.engine.model import HEAD, compose
from tests.export.making import TWO, in_place, make_folder, make_run, make_sources, planned, train
from tests.tiny import ENCODERS, make_task, tiny_config
from tests.training.planning import like

DOCUMENT = Path(__file__).parents[2] / "docs" / "export.md"
WHOLE = ("full_finetuning", "full_finetuning_m", "ia3")  # whose exports are whole models


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work directory with one finished run of the method adapter."""
    root = make_folder(tmp_path_factory.mktemp("export"))
    make_run(root, "adapter")
    return root


def about(out: Path) -> dict[str, Any]:
    return dict(json.loads((out / "export.json").read_text()))


@pytest.mark.parametrize("kind", ENCODERS)
def test_every_method_is_exported_and_proved(kind: str, tmp_path: Path) -> None:
    root = make_folder(tmp_path, kind)
    make_sources(root, kind)
    wanted = {tmp_path / "out" / name: read_run(make_run(root, name, kind)) for name in METHODS}
    scaled = train(in_place(root, like(planned(root, "ia3", kind), switches=("ia3_before_activation",))))
    wanted[tmp_path / "out" / "scaled"] = read_run(scaled)
    proofs = export(wanted)  # it raises where logits or classes differ
    assert proofs.keys() == wanted.keys()
    for out, found in proofs.items():
        assert found["rows"] == 18
        assert found["largest_difference"] <= 1e-5
        forms = dict.fromkeys(WHOLE, "model") | {"adapter_fusion": "fusion"}
        assert about(out)["form"] == forms.get(out.name, "adapter")
        assert {path.suffix for path in out.rglob("*") if path.is_file()} == {".json", ".md", ".safetensors"}
        assert not any(str(tmp_path) in path.read_text() for path in (*out.rglob("*.json"), out / "README.md"))
        assert ModelCard.load(out / "README.md").data.library_name == "adapter-transformers"
    wide = load_file(tmp_path / "out" / "scalearn" / "adapter.safetensors")
    assert {tuple(tensor.shape) for name, tensor in wide.items() if name.endswith("up.weight")} == {(32, 2 * 2)}
    assert not list((tmp_path / "out").glob(".*"))


def test_heads_of_every_kind_and_rows_that_are_cut_off(tmp_path: Path) -> None:
    kinds = {"number": "regression", "many": "multi_label", "choice": "multiple_choice", "cut": "classification"}
    root, wanted = make_folder(tmp_path), {}
    for name, kind in kinds.items():
        task = make_task(root / TASKS / name, kind, rows=32)
        if name == "cut":  # the first text alone is cut, but where the second is too long by itself
            content = json.loads((task / "task.json").read_text())
            (task / "task.json").write_text(json.dumps({**content, "max_length": 8, "truncate": "first"}))
        encode(task, root / MODELS / "bert", root / ENCODED / "bert" / name)
        wanted[tmp_path / "out" / name] = read_run(make_run(root, "adapter", task=name))
    assert all(found["rows"] == 18 for found in export(wanted).values())
    assert about(tmp_path / "out" / "cut")["input"]["truncation"] == "only_first"
    assert about(tmp_path / "out" / "choice")["input"]["choices"] == 2


@pytest.mark.usefixtures("by_hand")
@pytest.mark.parametrize("construction", [None, "wic"])
def test_how_the_texts_were_made_is_said(construction: str | None, folder: Path, tmp_path: Path) -> None:
    root = shutil.copytree(folder, tmp_path / "copy")
    task, run_folder = root / TASKS / "first" / "task.json", root / make_run(folder, "adapter").relative_to(folder)
    task.write_text(json.dumps({**json.loads(task.read_text()), "construction": construction}))
    export({tmp_path / "out": read_run(run_folder)})
    found = about(tmp_path / "out")["input"]
    assert (found["construction"], found["columns"], found["max_length"]) == (construction, ["text1", "text2"], 32)
    assert about(tmp_path / "out")["labels"] == ["bad", "good"]


@pytest.mark.parametrize("kind", ["bert", "albert"])
def test_a_head_on_the_pooler_becomes_one_of_two_layers(kind: str) -> None:
    model = AutoAdapterModel.from_config(tiny_config(kind))
    method = METHODS["adapter"]
    compose(model, method, method.defaults, Given(), labels=2, kind="multiple_choice", pooled=True)
    batch = {"input_ids": torch.randint(5, 60, (4, 2, 7))}
    model.eval()
    before = model(**batch).logits
    write_head(model, HEAD, "copa", None)
    assert not model.heads["copa"].config["use_pooler"]
    torch.testing.assert_close(model(**batch).logits, before, rtol=0, atol=1e-6)


def test_a_run_with_its_head_on_the_pooler_is_exported_and_proved(tmp_path: Path) -> None:
    """As COPA is learned under `protocol: reference`."""
    root = make_folder(tmp_path)
    task = make_task(root / TASKS / "copa", "multiple_choice", rows=32, noise=(4, 2), built_in=True)
    encode(task, root / MODELS / "bert", root / ENCODED / "bert" / "copa")
    make_sources(root)
    copa = like(planned(root, "scalearn"), tasks=("copa",), data=(root / ENCODED / "bert" / "copa",))
    run_folder = train(in_place(root, like(copa, switches=("copa_pooled_head",))))
    (made,) = export({tmp_path / "out": read_run(run_folder)}, all_rows=True).values()
    assert made["rows"] == 18 and made["largest_difference"] < 1e-5
    assert "pooler" not in " ".join(load_file(tmp_path / "out" / "model_head.safetensors"))


def test_256_rows_are_spread_over_all() -> None:
    assert proof.chosen_rows(100, False) == list(range(100))
    assert proof.chosen_rows(1000, True) == list(range(1000))
    rows = proof.chosen_rows(1000, False)
    assert (len(set(rows)), rows[0], rows[-1]) == (256, 0, 999)


# ---------------------------------------------------------------------- what is refused


def damaged(run: Path) -> None:
    (run / "predictions.parquet").write_bytes(b"")


def of_another_version(run: Path) -> None:
    content = json.loads((run / "run.json").read_text())
    content["spec"]["versions"]["method"] -= 1
    content.pop("checksum")
    write_json(run / "run.json", content)


@pytest.mark.parametrize(("change", "words"), [
    (lambda run: (run / "run.json").unlink(), "this run is not finished"),
    (damaged, r"predictions.parquet: not as it was written; .* train the run again"),
    (of_another_version, r"version 2 of the method made this run, and here is version 3"),
    (shutil.rmtree, "no such folder"),
])  # fmt: skip
def test_runs_that_are_refused(change: Any, words: str, folder: Path, tmp_path: Path) -> None:
    run = shutil.copytree(make_run(folder, "adapter"), tmp_path / "run")
    change(run)
    places = Places(folder / MODELS / "bert", (folder / ENCODED / "bert" / "first",), folder / TASKS / "first")
    with pytest.raises(UserError, match=words):
        read_run(run, places)


@pytest.mark.parametrize(("where", "words"), [
    (MODELS / "bert", r"bert: no such encoder; .* name --model"),
    (ENCODED / "bert" / "first", r"first: no such encoded task; .* name --data"),
    (TASKS / "first", r"first: no such prepared task; .* name --task"),
])  # fmt: skip
def test_what_the_run_was_made_from_must_be_there(where: Path, words: str, folder: Path, tmp_path: Path) -> None:
    root = shutil.copytree(folder, tmp_path / "copy")
    shutil.rmtree(root / where)
    (run,) = (path.parent for path in root.rglob("run.json"))
    with pytest.raises(UserError, match=words):
        read_run(run)


def test_another_encoder_is_refused(folder: Path, tmp_path: Path) -> None:
    root = shutil.copytree(folder, tmp_path / "copy")
    model = root / MODELS / "bert"
    (model / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes() + b" ")
    (run,) = (path.parent for path in root.rglob("run.json"))
    with pytest.raises(UserError, match=r"model.safetensors: not as it was written"):
        read_run(run)
    content = json.loads((model / "model.json").read_text())
    (model / "model.json").write_text(json.dumps({**content, "sha256": sha256(model / "model.safetensors")}))
    with pytest.raises(UserError, match="encoded for another model"):
        read_run(run)


def test_of_a_joint_run_a_task_is_named(folder: Path) -> None:
    part = make_run(folder, "adapter_m")
    with pytest.raises(UserError, match=r"this run learned 2 tasks; name one of them, such as .*/tasks/first"):
        read_run(part.parent.parent)
    assert [read_run(part.parent / name).task for name in TWO] == list(TWO)


def test_a_folder_that_is_there_is_left_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(UserError, match="it is there already"):
        export({tmp_path: read_run(make_run(folder, "adapter"))})
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize(("change", "words"), [
    (lambda logits: logits + 1e-3, "up to 1.0e-03 from the run's own"),
    (lambda logits: logits * np.nan, "up to nan"),
])  # fmt: skip
def test_other_logits_leave_nothing(
    change: Any, words: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "_in_a_fresh_process", lambda claims: [change(claim.logits) for claim in claims])
    with pytest.raises(UserError, match=re.escape(words)):
        export({tmp_path / "out": read_run(make_run(folder, "adapter"))})
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("by_hand")
def test_other_classes_than_the_stored_ones_leave_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = export_module.rebuild

    def other_head(run: Any) -> Any:
        model, given, head = original(run)
        with torch.no_grad():
            model.heads[head][4].bias.copy_(torch.tensor([9.0, -9.0]))
        return model, given, head

    monkeypatch.setattr(export_module, "rebuild", other_head)
    with pytest.raises(UserError, match="another class than it has stored"):
        export({tmp_path / "out": read_run(make_run(folder, "adapter"))})
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("by_hand")
def test_a_kill_before_the_end_leaves_nothing_at_the_place(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {tmp_path / "out": read_run(make_run(folder, "adapter"))}
    process = os.fork()
    if not process:
        monkeypatch.setattr(export_module, "prove", lambda claims: os._exit(9))
        export(wanted)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 9
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".out.scalearn-")
    export(wanted)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.usefixtures("by_hand")
def test_the_command_names_what_it_wrote(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_folder, out = make_run(folder, "adapter"), tmp_path / "out"
    capsys.readouterr()
    assert run(["export", str(run_folder), str(out)]) == 0
    says = "18 test rows predicted without scalearn; logits differ by at most 0.0e+00"
    assert capsys.readouterr().out == f"{out}: {says}\n"
    assert about(out)["proof"] == {"largest_difference": 0.0, "rows": 18, "ties": 0}
    assert run(["export", str(run_folder), str(out)]) == 1


# ---------------------------------------------------------------------- what the document says


@pytest.mark.usefixtures("by_hand")
def test_the_snippet_of_the_document_loads_an_export(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (snippet,) = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(), flags=re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    export({Path("my-export"): read_run(make_run(folder, "adapter"))})
    Path("bert").symlink_to(folder / MODELS / "bert")  # the name under which the export knows its encoder
    capsys.readouterr()
    exec(compile(snippet, str(DOCUMENT), "exec"), {})
    assert capsys.readouterr().out.strip() in ("bad", "good")
