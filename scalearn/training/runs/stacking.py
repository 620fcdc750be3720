"""Stacking source adapters: the adapters of some stage-1 runs in one file, which every stage-2 run reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from scalearn.campaign.spec import RunSpec
from scalearn.errors import UserError
from scalearn.fields import is_name
from scalearn.methods.adapter import ADAPTER
from scalearn.methods.layers.sources import TENSORS, checksum_of
from scalearn.methods.layers.stack_facts import StackFacts
from scalearn.storage.files import check_replaced, read_json, sha256, whole_file

CONVERT = (
    "pickles (.bin, .pt, .ckpt) are never loaded: load one where you trust it, and write its tensors with "
    "safetensors.torch.save_file"
)
_TENSOR = re.compile(rf"^(.*)\.adapters\.{ADAPTER}\.adapter_(down\.0|up)\.(weight|bias)$")


def adapter_tensors(weights: Path) -> list[dict[str, Tensor]]:
    """Return the adapter of a stage-1 run: per layer the four tensors. Heads and other tensors are ignored.

    Raises: UserError if the file holds no complete adapter, or weights that are not finite.
    """
    # By all numbers in the layer's name: ALBERT has groups of layers.
    layers: dict[tuple[int, ...], dict[str, Tensor]] = {}
    for name, tensor in _tensors(weights).items():
        if match := _TENSOR.search(name):
            key = f"{match[2].removesuffix('.0')}.{match[3]}"
            layers.setdefault(tuple(map(int, re.findall(r"\d+", match[1]))), {})[key] = tensor
    if not layers or any(set(adapter) != set(TENSORS) for adapter in layers.values()):
        raise UserError(f"{weights}: holds no complete bottleneck adapter; train it with the method 'adapter'")
    if not all(tensor.isfinite().all() for adapter in layers.values() for tensor in adapter.values()):
        raise UserError(f"{weights}: holds NaN or infinite weights; train it again, with a lower learning rate")
    return [layers[numbers] for numbers in sorted(layers)]


def _tensors(weights: Path) -> dict[str, Tensor]:
    try:
        return load_file(weights)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{weights}: no readable adapter ({error}); {CONVERT}") from None


def _record(run: Path) -> tuple[str, RunSpec, str]:
    """Return a stage-1 run's task name, its spec, and the checksum of its encoder's weights."""
    content = read_json(run / "run.json")
    try:
        (task,), (model,) = content["tasks"], content["inputs"]["model"]
        name, spec = task["name"], RunSpec.of_record(content["spec"])
    except (KeyError, TypeError, ValueError):
        earlier = "; `scalearn adopt` moves runs of earlier versions" if "identity" in content else ""
        raise UserError(f"{run / 'run.json'}: no record of a stage-1 run; name the folder of one{earlier}") from None
    if not is_name(name):
        raise UserError(f"{run / 'run.json'}: {name!r} is no task's name; name the folder of a stage-1 run")
    return str(name), spec, str(model)


def stack(runs: Sequence[Path], output: Path) -> None:
    """Stack the adapters of these stage-1 run directories, in this order, into the file `output`.

    Raises: UserError if two are of one task, their shapes or encoders differ, or a file is damaged.
    """
    check_replaced(output, b'"__metadata__":{"sources"', "stack of source adapters")
    records = [_record(run) for run in runs]
    names = [name for name, _, _ in records]
    if len(set(names)) < len(names):
        raise UserError(f"source adapters of one task twice: {', '.join(names)}; name each run once")
    for run, (_, _, encoder) in zip(runs, records, strict=True):
        if encoder != records[0][2]:
            raise UserError(f"source adapters of {runs[0]} and {run} belong to different encoders; train one again")
    adapters = [adapter_tensors(run / "weights.safetensors") for run in runs]
    for name, adapter in zip(names, adapters, strict=True):
        _check_shapes(names[0], adapters[0], name, adapter)
    checksums = [sha256(run / "weights.safetensors") for run in runs]
    for run, checksum in zip(runs, checksums, strict=True):
        if read_json(run / "run.json").get("sha256", {}).get("weights.safetensors") != checksum:
            raise UserError(f"{run}/weights.safetensors: not as it was written; delete {run}/run.json and run again")
    tensors = {
        f"{layer}.{key}": torch.stack([adapter[layer][key] for adapter in adapters]).contiguous()
        for layer in range(len(adapters[0]))
        for key in TENSORS
    }
    paths = tuple(spec.path for _, spec, _ in records)
    facts = StackFacts(tuple(names), tuple(checksums), checksum_of(tensors), paths, records[0][2])
    with whole_file(output) as temporary:
        save_file(tensors, temporary, facts.metadata)


def _check_shapes(first: str, adapter: list[dict[str, Tensor]], name: str, other: list[dict[str, Tensor]]) -> None:
    """Refuse two source adapters that cannot be stacked."""
    shapes, others = (
        [[tuple(tensors[key].shape) for key in TENSORS] for tensors in layers] for layers in (adapter, other)
    )
    if shapes == others:
        return
    width, hidden = adapter[0]["down.bias"].numel(), adapter[0]["up.bias"].numel()
    its_width, its_hidden = other[0]["down.bias"].numel(), other[0]["up.bias"].numel()
    if width != its_width and (len(adapter), hidden) == (len(other), its_hidden):
        raise UserError(
            f"source adapters of '{first}' (width {width}) and '{name}' (width {its_width}) cannot be composed: "
            "set the same reduction_factor for both"
        )
    raise UserError(f"source adapters '{first}' and '{name}' belong to different encoders; train both on the same")
