"""Precision and the like: what `auto` comes to, what is refused, and that a training does it and says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from scalearn.campaign.compute import Compute
from scalearn.encoders.loading import load_encoder
from scalearn.errors import UserError
from scalearn.methods import METHODS
from scalearn.training.engine.checkpoints import trainable
from scalearn.training.engine.device import Device, ResolvedCompute, resolve_compute
from scalearn.training.engine.frozen import hold_frozen
from scalearn.training.engine.settings import Objective
from scalearn.training.runs import joint as joint_module
from scalearn.training.runs.run import train
from tests.methods.cases import JOINT, SORTS
from tests.methods.conformance import Built, build
from tests.tiny import make_model
from tests.training import joint
from tests.training.interrupting import Killed, kill_after
from tests.training.planning import like
from tests.training.single import content, spec
from tests.training.trainers import trainer_of

CPU, NEW, OLD = Device("cpu"), Device("cuda", bf16=True, tf32=True, compiler=True), Device("cuda")
NEW_CPU = Device("cpu", compiler=True)
PLAIN = {"device": "cpu", "precision": "float32", "tf32": False, "attention": "sdpa", "compile": False}


def chosen(device: Device, **asked: Any) -> ResolvedCompute:
    return resolve_compute(Compute(**asked), device)


# ---------------------------------------------------------------------- choosing


def test_auto_goes_by_the_device() -> None:
    assert [chosen(device).precision for device in (CPU, NEW, OLD)] == ["float32", "bf16", "fp16"]
    assert [chosen(device).tf32 for device in (CPU, NEW, OLD)] == [False, False, False]
    assert [chosen(device, precision="float32").tf32 for device in (CPU, NEW, OLD)] == [False, True, False]
    assert chosen(Device("cpu", bf16=True)).precision == "float32"
    assert {(found.attention, found.compile, found.optimizer) for found in map(chosen, (CPU, NEW, OLD))} == {
        (None, False, "fused")
    }


def test_what_is_asked_for_counts() -> None:
    found = chosen(NEW, precision="fp16", tf32="on", attention="eager", compile=True, optimizer="plain")
    assert found == ResolvedCompute("cuda", "fp16", True, "eager", True, "plain")
    assert found.arguments == {
        "bf16": False,
        "fp16": True,
        "tf32": True,
        "torch_compile": True,
        "optim": "adamw_torch",
    }
    assert chosen(CPU, precision="bf16").half == torch.bfloat16
    assert chosen(NEW, precision="float32", tf32="off").tf32 is False


@pytest.mark.parametrize(
    ("device", "asked", "says"),
    [
        (CPU, {"precision": "fp16"}, "compute.precision: fp16 needs a GPU, .* set it to auto, float32 or bf16"),
        (CPU, {"tf32": True}, "compute.tf32: this device has no tf32; set it to auto or off"),
        (OLD, {"tf32": "on"}, "compute.tf32: this device has no tf32"),
        (CPU, {"compile": "on"}, r"compute.compile: it needs a C\+\+ compiler, .* set it to auto or off"),
        (OLD, {"compile": "on"}, "compute.compile: it needs the package triton"),
    ],
)
def test_what_the_device_cannot_do_is_refused(device: Device, asked: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        chosen(device, **asked)


def test_an_encoder_without_the_attention_that_is_asked_for_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    from adapters import BertAdapterModel

    made = make_model(tmp_path / "m")
    assert load_encoder(made, "eager").config._attn_implementation == "eager"
    assert load_encoder(made).config._attn_implementation == "sdpa"
    monkeypatch.setattr(BertAdapterModel, "_supports_sdpa", False)
    with pytest.raises(UserError, match=r"compute.attention: .*m does not support sdpa; set it to auto or eager"):
        load_encoder(made, "sdpa")
    assert load_encoder(made).config._attn_implementation == "eager"


# ---------------------------------------------------------------------- frozen weights in half precision


def outcome(built: Built, half: torch.dtype) -> dict[str, torch.Tensor]:
    """Logits and gradients of a step under autocast, dropout included."""
    built.model.zero_grad()
    torch.manual_seed(3)
    with torch.autocast("cpu", half):
        found = built.run(built.heads[-1])
    found.loss.backward()
    grads = {name: p.grad for name, p in trainable(built.model).items() if p.grad is not None}
    return {"logits": found.logits, "loss": found.loss, **grads}


@pytest.mark.parametrize("name", [*SORTS, *JOINT])
@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_frozen_weights_in_half_precision_are_what_autocast_computes_with(
    name: str, half: torch.dtype, tmp_path: Path
) -> None:
    """Bit by bit, in outputs and gradients; what trains stays float32."""
    built = build(METHODS[name], "bert", tmp_path)
    built.current.index = len(built.heads) - 1
    built.model.train()
    before, training = outcome(built, half), trainable(built.model)
    hold_frozen(built.model, half)
    after = outcome(built, half)
    assert before.keys() == after.keys()
    for key, tensor in before.items():
        assert torch.equal(after[key], tensor), key
    assert trainable(built.model).keys() == training.keys()
    assert all(parameter.dtype == torch.float32 for parameter in training.values())


def test_what_is_no_linear_or_is_shared_stays(tmp_path: Path) -> None:
    model = nn.ModuleDict({"embedding": nn.Embedding(3, 4), "tied": nn.Linear(4, 3), "norm": nn.LayerNorm(4)})
    model["tied"].weight = model["embedding"].weight
    model.requires_grad_(False)
    hold_frozen(model, torch.bfloat16)
    assert {name for name, p in model.named_parameters() if p.dtype == torch.bfloat16} == {"tied.bias"}


class Casts(TorchDispatchMode):
    """Counts casts to half precision."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._to_copy.default and (kwargs or {}).get("dtype") == torch.bfloat16:
            self.count += 1
        return func(*args, **(kwargs or {}))


# AdapterFusion uses five more frozen tensors in each of two layers: of the sources D and b once, and U three times.
@pytest.mark.parametrize(("name", "more"), [("adapter", 0), ("scalearn", 0), ("adapter_fusion", 2 * 5)])
def test_they_save_two_casts_for_each_linear(name: str, more: int, tmp_path: Path) -> None:
    built = build(METHODS[name], "bert", tmp_path)

    def casts() -> int:
        with Casts() as found:
            outcome(built, torch.bfloat16)
        return found.count

    before, linears = casts(), [module for module in built.model.modules() if isinstance(module, nn.Linear)]
    frozen = sum(not parameter.requires_grad for linear in linears for parameter in linear.parameters())
    hold_frozen(built.model, torch.bfloat16)
    assert before - casts() == frozen + more >= 2 * 2 * 6  # weight and bias, of six modules in each of two layers


# ---------------------------------------------------------------------- runs


def test_the_record_says_what_was_asked_for_and_what_it_came_to(folder: Path, tmp_path: Path) -> None:
    train(spec(folder, "adapter", tmp_path / "auto"))
    found = json.loads((tmp_path / "auto/run.json").read_text())
    assert set(found["spec"]["compute"].values()) == {"auto"} and found["computed"] == [{**PLAIN, "optimizer": "fused"}]
    asked = Compute(precision="bf16", attention="eager", optimizer="plain")
    train(like(spec(folder, "adapter", tmp_path / "asked"), compute=asked))
    found = json.loads((tmp_path / "asked/run.json").read_text())
    assert found["spec"]["compute"] == asked.model_dump()
    assert found["computed"] == [{**PLAIN, **asked.explicit}]


@pytest.mark.parametrize("name", SORTS)
def test_every_method_trains_in_bf16_and_resumes_to_the_same_bytes(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    half = Compute(precision="bf16")
    train(like(spec(folder, name, tmp_path / "whole"), compute=half))
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        with pytest.raises(Killed):
            train(like(spec(folder, name, tmp_path / "killed"), compute=half))
    train(like(spec(folder, name, tmp_path / "killed"), compute=half))
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
    weights = load_file(tmp_path / "whole/weights.safetensors")
    assert all(tensor.dtype == torch.float32 and tensor.isfinite().all() for tensor in weights.values())


def test_a_run_in_bf16_leaves_the_next_one_of_its_process_alone(folder: Path, tmp_path: Path) -> None:
    """The library keeps the precision in the environment."""
    train(spec(folder, "scalearn", tmp_path / "before"))
    train(like(spec(folder, "scalearn", tmp_path / "half"), compute=Compute(precision="bf16")))
    train(spec(folder, "scalearn", tmp_path / "after"))
    assert content(tmp_path / "after") == content(tmp_path / "before")
    assert content(tmp_path / "half")["weights.safetensors"] != content(tmp_path / "after")["weights.safetensors"]


def test_autocast_goes_around_the_model_and_not_around_its_regulariser(folder: Path, tmp_path: Path) -> None:
    trainer = trainer_of(like(spec(folder, "adapter_fusion", tmp_path), compute=Compute(precision="bf16")))
    around: list[bool] = []
    trainer.objective = Objective(lambda: around.append(torch.is_autocast_enabled("cpu")))
    trainer.accelerator.prepare_model(trainer.model)
    batch = trainer.train_dataset.__getitems__(list(range(16)))
    trainer.training_step(trainer.model, batch)
    assert around == [False, False]  # a call for each microbatch
    logits = trainer.forward(trainer.model, batch).logits
    assert logits.dtype == torch.float32 and torch.equal(logits, logits.bfloat16().float())


def test_a_compiled_run_is_traced_and_computes_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the backend that runs what was traced as it stands; the default one compiles for minutes."""
    arguments, frames = ResolvedCompute.arguments.fget, torch._dynamo.utils.counters["frames"]
    eager = property(lambda self: {**arguments(self), "torch_compile_backend": "eager"})
    with monkeypatch.context() as patch:
        patch.setattr(ResolvedCompute, "arguments", eager)
        patch.setattr("scalearn.training.runs.run.resolve_compute", lambda *_: chosen(NEW_CPU, compile="on"))
        before = frames["ok"]
        train(spec(folder, "scalearn", tmp_path / "compiled"))
    after = frames["ok"]
    assert after > before
    assert json.loads((tmp_path / "compiled/run.json").read_text())["computed"][0]["compile"] is True
    train(spec(folder, "scalearn", tmp_path / "plain"))
    assert frames["ok"] == after  # the library keeps this in the environment, too
    for file in ("weights.safetensors", "predictions.parquet"):
        assert content(tmp_path / "compiled")[file] == content(tmp_path / "plain")[file]


def test_joint_runs_do_the_same(joint_folder: Path, tmp_path: Path) -> None:
    joint_module.train(like(joint.spec(joint_folder, tmp_path / "run"), compute=Compute(precision="bf16")))
    for path in (tmp_path / "run/run.json", *(tmp_path / "run/tasks").glob("*/run.json")):
        found = json.loads(path.read_text())
        assert found["spec"]["compute"]["precision"] == "bf16"
        assert found["computed"] == [{**PLAIN, "precision": "bf16", "optimizer": "fused"}]


def test_another_wish_is_another_run_and_back_to_auto_is_too(folder: Path, tmp_path: Path, capsys: Any) -> None:
    run = spec(folder, "adapter", tmp_path)
    half = like(run, compute=Compute(precision="bf16"))
    train(half)
    assert half.done and half.spec.path != run.spec.path
    with pytest.raises(UserError, match=r"it holds another run \(precision bf16, not auto\)"):
        train(run)
    assert run.record() == like(run, compute=Compute(precision="auto")).record()


def test_a_run_that_goes_on_elsewhere_says_both(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `auto` comes to is no part of a run's identity: a checkpoint of a GPU is gone on from on a CPU."""
    with monkeypatch.context() as patch:
        kill_after(patch, 2)
        patch.setattr("scalearn.training.runs.run.resolve_compute", lambda *_: chosen(CPU, precision="bf16"))
        with pytest.raises(Killed):
            train(spec(folder, "adapter", tmp_path / "run"))
    train(spec(folder, "adapter", tmp_path / "run"))
    found = json.loads((tmp_path / "run/run.json").read_text())
    assert [entry["precision"] for entry in found["computed"]] == ["bf16", "float32"]
    assert "compute" not in found
