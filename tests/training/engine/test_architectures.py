"""Every kind of encoder of the table, from a checkpoint to a composition of its adapters, and its longest texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModel, AutoModelForMaskedLM

from scalearn.campaign.config import FolderModel
from scalearn.campaign.spec import RunSpec
from scalearn.cli.by_hand import planned_by_hand
from scalearn.encoders.architectures import ARCHITECTURES, most_tokens
from scalearn.encoders.fetching import fetch
from scalearn.encoders.loading import load_encoder
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.methods.base import Given
from scalearn.methods.layers.wide_bottleneck import Omega
from scalearn.storage.files import read_json, sha256, write_json
from scalearn.training.data.encode import encode
from scalearn.training.engine.checkpoints import snapshot, trainable
from scalearn.training.engine.model import HEAD, compose, compose_joint
from scalearn.training.runs.run import train
from scalearn.training.runs.stacking import stack
from tests.json_files import change
from tests.methods.conformance import batch
from tests.tiny import OTHERS, make_model, make_task, tiny_config

KINDS = tuple(ARCHITECTURES)
IDS = torch.arange(5, 45).reshape(4, 10)


def stirred(model: Any) -> Any:
    """The model with every tensor moved, so that none is at the value that it would have without its checkpoint."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model


def hidden(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model.eval()(IDS, attention_mask=torch.ones_like(IDS)).last_hidden_state
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_loaded_computes_what_the_checkpoint_does(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    expected = stirred(AutoModel.from_config(tiny_config(kind)))
    expected.save_pretrained(tmp_path)
    assert torch.equal(hidden(load_encoder(tmp_path).base_model), hidden(expected))


@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_s_own_head_is_left_aside(kind: str, tmp_path: Path) -> None:
    AutoModelForMaskedLM.from_config(tiny_config(kind)).save_pretrained(tmp_path)
    model, method = load_encoder(tmp_path), METHODS["full_finetuning"]
    compose(model, method, method.defaults, Given(), labels=3)
    assert list(model.heads) == [HEAD]
    model(**batch()).loss.backward()
    assert all(parameter.grad is not None for parameter in trainable(model).values())


@pytest.mark.parametrize("kind", KINDS)
def test_the_most_tokens_are_what_the_encoder_takes(kind: str) -> None:
    config = tiny_config(kind)
    model, most = AutoModel.from_config(config).eval(), most_tokens(config.to_dict())
    if kind == "deberta-v2":
        assert most is None
        model(torch.full((1, 200), 7))
        most = most_tokens(tiny_config(kind, position_biased_input=True).to_dict())
        model = AutoModel.from_config(tiny_config(kind, position_biased_input=True)).eval()
    assert most in (79, 80)  # of 80 positions
    model(torch.full((1, most), 7))
    with pytest.raises((IndexError, RuntimeError)):
        model(torch.full((1, most + 1), 7))


def stage_1(kind: str, folder: Path, name: str) -> Any:
    """Return the model of a stage-1 run with a moved adapter, and write what `stack` reads of it to folder/name."""
    torch.manual_seed(0)
    model, method = load_encoder(make_model(folder / "model", kind)), METHODS["adapter"]
    compose(model, method, method.defaults, Given(), labels=3)
    with torch.no_grad():
        for parameter in trainable(model).values():
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    (folder / name).mkdir()
    save_file(snapshot(model), folder / name / "weights.safetensors")
    checksum = sha256(folder / name / "weights.safetensors")
    record = {
        "spec": RunSpec(method="adapter", model="model", tasks=(name,)).record,
        "tasks": [{"name": name}],
        "inputs": {"model": ["m"]},
        "sha256": {"weights.safetensors": checksum},
    }
    write_json(folder / name / "run.json", record)
    return model


@pytest.mark.parametrize("kind", KINDS)
def test_one_source_scaled_by_one_is_the_source(kind: str, tmp_path: Path) -> None:
    expected = hidden(stage_1(kind, tmp_path, "only").base_model)
    stack([tmp_path / "only"], tmp_path / "sources")
    for name in ("scalearn", "adapter_soup"):
        model, method = load_encoder(tmp_path / "model"), METHODS[name]
        assert not torch.allclose(hidden(model.base_model), expected, atol=1e-2)
        compose(model, method, method.defaults, Given(tmp_path / "sources", "only", {"only": 1.0}), labels=3)
        for module in model.modules():
            if isinstance(module, Omega):
                torch.nn.init.ones_(module.weight)
        # The last layer of some kinds computes the first token alone.
        torch.testing.assert_close(hidden(model.base_model)[:, 0], expected[:, 0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", OTHERS)
def test_from_a_folder_to_a_composition(kind: str, tmp_path: Path) -> None:
    made = make_model(tmp_path / "made", kind)
    (made / "model.json").unlink()
    model = tmp_path / "model"
    assert fetch("tiny", FolderModel(path=str(made)), model)["model_type"] == kind
    changed = {"epochs": 1, "batch_size": 16}
    for seed, name in enumerate(("one", "two")):
        encode(make_task(tmp_path / "tasks" / name, rows=32, seed=seed), model, tmp_path / "encoded" / name)
        train(planned_by_hand("adapter", model, [tmp_path / "encoded" / name], tmp_path / name, changed=changed))
    stack([tmp_path / "one", tmp_path / "two"], tmp_path / "sources")
    data, output, sources = [tmp_path / "encoded" / "one"], tmp_path / "composed", tmp_path / "sources"
    train(planned_by_hand("scalearn", model, data, output, benchmark="both", changed=changed, sources=sources))
    layers = 1 if kind == "albert" else 2
    assert read_json(tmp_path / "composed" / "run.json")["parameters"]["trainable"] == layers * 2 * 32


def test_names_that_torch_keeps_for_itself_are_tasks_of_a_joint_model_as_others_are(tmp_path: Path) -> None:
    names = ("values", "type", "train", "forward", "keys", "default", "rte")
    model, method = load_encoder(make_model(tmp_path)), METHODS["adapter_m"]
    compose_joint(model, method, method.defaults, dict.fromkeys(names, (2, "classification")))
    heads = [key.split(".")[1] for key in trainable(model) if key.startswith("heads.")]
    assert list(dict.fromkeys(heads)) == [
        "task:values", "task:type", "task:train", "task:forward", "task:keys", "default", "rte",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["distilbert", "electra", "deberta-v2"])
def test_a_head_on_a_pooler_that_is_not_there_is_refused(kind: str, tmp_path: Path) -> None:
    model, method = load_encoder(make_model(tmp_path, kind)), METHODS["adapter"]
    with pytest.raises(UserError, match=r"reads multiple choice through the encoder's pooler, and this one has none"):
        compose(model, method, method.defaults, Given(), 2, "multiple_choice", pooled=True)


def test_a_kind_that_cannot_be_trained_is_refused_when_it_is_loaded(tmp_path: Path) -> None:
    make_model(tmp_path)
    AutoModel.from_config(tiny_config("mpnet")).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"config\.json has model_type 'mpnet', which cannot be trained here"):
        load_encoder(tmp_path)
    with pytest.raises(UserError, match=r"config\.json has model_type 'mpnet', which cannot be trained here"):
        encode(make_task(tmp_path / "task", rows=8), tmp_path, tmp_path / "encoded")


@pytest.mark.parametrize(("kind", "most"), [("bert", 80), ("roberta", 79)])
def test_texts_are_cut_to_what_the_encoder_takes(
    kind: str, most: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, task = make_model(tmp_path / "model", kind), make_task(tmp_path / "task", rows=16, noise=(60, 200))
    change(model / "tokenizer_config.json", model_max_length=None)
    change(task / "task.json", max_length=512)
    capsys.readouterr()
    encode(task, model, tmp_path / "encoded")
    assert f"takes {most} tokens, not 512; longer rows are truncated\n" in capsys.readouterr().out
    assert read_json(tmp_path / "encoded" / "encoding.json")["max_length"] == most
    rows = pa.ipc.open_file(tmp_path / "encoded" / "train.arrow").read_all()
    assert pc.max(pc.list_value_length(rows["input_ids"])).as_py() == most
