"""Stacking source adapters in one file, which every stage-2 run reads: those of stage-1 runs, and from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from scalearn.campaign.input_files import ADAPTER_CONFIG, ADAPTER_RECORD, ADAPTER_WEIGHTS
from scalearn.campaign.run_folder import RECORD, WEIGHTS
from scalearn.campaign.spec import FOREIGN, RunSpec
from scalearn.errors import UserError
from scalearn.fields import is_name
from scalearn.foreign.encoder import fetched_encoder
from scalearn.foreign.facts import read_facts
from scalearn.foreign.fetching import read_record
from scalearn.foreign.fit import check_encoder
from scalearn.foreign.tensors import adapter_layers
from scalearn.methods.adapter import ADAPTER
from scalearn.methods.layers.sources import TENSORS, checksum_of
from scalearn.methods.layers.stack_facts import StackFacts
from scalearn.storage.files import altered, check_replaced, read_json, sha256, whole_file

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


class _Source(NamedTuple):
    """A source adapter: its folder and name, what a spec says of it, and the checksum of its encoder's weights.

    foreign: whether it comes from elsewhere; its encoder is then compared with the campaign's.
    """

    folder: Path
    name: str
    path: str
    encoder: str
    foreign: bool = False


def _source(folder: Path) -> _Source:
    if (folder / ADAPTER_RECORD).is_file():
        content = read_record(folder)
        return _Source(folder, str(content["name"]), f"{FOREIGN}{content['key']}", "", foreign=True)
    if (folder / ADAPTER_CONFIG).is_file():
        raise UserError(
            f"{folder}: a saved adapter that is not fetched; type `scalearn fetch-adapter NAME --source "
            f'\'{{"adapter": "{folder}"}}\' --output FOLDER`, and stack that folder'
        )
    name, spec, encoder = _record(folder)
    return _Source(folder, name, spec.path, encoder)


def stack(folders: Sequence[Path], output: Path, model: Path | None = None) -> None:
    """Stack source adapters, in this order, into the file `output`.

    Args:
        folders: directories of stage-1 runs, and folders of fetched adapters from elsewhere.
        model: the folder of the fetched encoder, with which adapters from elsewhere are compared.

    Raises: UserError if two have one name, their shapes or encoders differ, or a file is damaged.
    """
    check_replaced(output, b'"__metadata__":{"sources"', "stack of source adapters")
    sources = [_source(folder) for folder in folders]
    names = [source.name for source in sources]
    if len(set(names)) < len(names):
        raise UserError(f"source adapters of one task twice: {', '.join(names)}; name each run once")
    encoder = _encoder(sources, model)
    adapters = [_tensors_of(source, model) for source in sources]
    for name, adapter in zip(names, adapters, strict=True):
        _check_shapes(names[0], adapters[0], name, adapter)
    checksums = [_checksum(source) for source in sources]
    tensors = {
        f"{layer}.{key}": torch.stack([adapter[layer][key] for adapter in adapters]).contiguous()
        for layer in range(len(adapters[0]))
        for key in TENSORS
    }
    facts = StackFacts(
        tuple(names), tuple(checksums), checksum_of(tensors), tuple(source.path for source in sources), encoder
    )
    with whole_file(output) as temporary:
        save_file(tensors, temporary, facts.metadata)


def _encoder(sources: Sequence[_Source], model: Path | None) -> str:
    """Return the checksum of the encoder's weights that all sources share."""
    runs = [source for source in sources if not source.foreign]
    for run in runs:
        if run.encoder != runs[0].encoder:
            raise UserError(
                f"source adapters of {runs[0].folder} and {run.folder} belong to different encoders; train one again"
            )
    if len(runs) == len(sources):
        return runs[0].encoder
    if model is None:
        raise UserError("--model: adapters from elsewhere are compared with it; name the folder of the fetched encoder")
    encoder = fetched_encoder(model).sha256
    if runs and runs[0].encoder != encoder:
        raise UserError(f"--model {model}: the adapter of {runs[0].folder} belongs to another encoder; name its own")
    return encoder


def _tensors_of(source: _Source, model: Path | None) -> list[dict[str, Tensor]]:
    """Return a source's tensors per layer. An adapter from elsewhere is first compared with the encoder."""
    if not source.foreign:
        return adapter_tensors(source.folder / WEIGHTS)
    assert model is not None, "_encoder() refuses adapters from elsewhere without it"
    checksums = read_record(source.folder)["sha256"]
    for name in altered(source.folder, checksums):
        raise UserError(f"{source.folder / name}: not as it was written; delete {source.folder} and run again")
    facts = read_facts(f"source '{source.name}' ({source.folder})", source.folder)
    if doubt := check_encoder(facts, fetched_encoder(model)):
        print(f"note: {doubt}")
    return adapter_layers(facts, source.folder)


def _checksum(source: _Source) -> str:
    """Return the checksum of a source's file of weights. Raises: UserError if a run's differs from its record."""
    if source.foreign:
        return sha256(source.folder / ADAPTER_WEIGHTS)
    checksum, record = sha256(source.folder / WEIGHTS), source.folder / RECORD
    if read_json(record).get("sha256", {}).get(WEIGHTS) != checksum:
        raise UserError(f"{source.folder}/{WEIGHTS}: not as it was written; delete {record} and run again")
    return checksum


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
