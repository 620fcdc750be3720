"""Reading source adapters: runs of stage 1, exports, folders that `adapters` saved, ids of the hub."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from adapters import AdapterConfig, BnConfig
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from scalearn.campaign.run_folder import RECORD
from scalearn.campaign.run_folder import WEIGHTS as RUN_WEIGHTS
from scalearn.composing.hub import CONFIG, CONVERT, PICKLE, WEIGHTS, fetch_adapter, is_identifier
from scalearn.errors import UserError
from scalearn.methods.layers.sources import TENSORS, Sources
from scalearn.storage.files import altered, read_json
from scalearn.training.runs.stacking import adapter_tensors

EXPORT, FUSION = "export.json", "adapter_fusion_config.json"
# scalearn composes bottlenecks after each layer's FFN.
PLACEMENT: Mapping[str, Any] = {
    "mh_adapter": False,
    "output_adapter": True,
    "is_parallel": False,
    "original_ln_before": True,
    "original_ln_after": True,
    "residual_before_ln": True,
    "ln_before": False,
    "ln_after": False,
    "leave_out": [],
    "inv_adapter": None,
}
FORM: Mapping[str, Any] = {"non_linearity": "relu", "phm_layer": False, "scaling": 1.0, "use_gating": False}
_OLD_KEYS = ("architecture", "type")  # the library reads them, but they are no fields of its configuration
_LAYER = re.compile(r"^(.*)\.adapters\.([^.]+)\.(?:adapter_)(down\.0|up)\.(weight|bias)$")


@dataclass(frozen=True)
class SourceAdapter:
    """A source adapter and what is known of the encoder that it was trained on.

    where: the folder or id that the user named. name: its own.
    layers: per layer the tensors `down.weight` (b, d), `down.bias` (b), `up.weight` (d, b) and `up.bias` (d).
    encoder, model_type, sha256: the encoder's name, its architecture and the checksum of its weights' file; "" where
    the source does not say it.
    """

    where: str
    name: str
    layers: list[dict[str, Tensor]]
    encoder: str = ""
    model_type: str = ""
    sha256: str = ""

    @property
    def bottleneck(self) -> int:
        """The inner width b."""
        return self.layers[0]["down.bias"].numel()

    @property
    def hidden(self) -> int:
        """The hidden size d of the encoder."""
        return self.layers[0]["up.bias"].numel()


def read_sources(places: Sequence[str | PathLike[str]]) -> list[SourceAdapter]:
    """Return the adapters at these places, in this order, with different names.

    Raises: UserError if there is none, or if one cannot be read or composed.
    """
    if isinstance(places, str | PathLike):
        raise UserError(f"sources: a list of folders or ids is expected, for example [{str(places)!r}]")
    found: list[SourceAdapter] = []
    for place in places:
        source, names = read_source(place), {other.name for other in found}
        number = next(number for number in range(1, len(found) + 2) if _numbered(source.name, number) not in names)
        found.append(replace(source, name=_numbered(source.name, number)))
    if not found:
        raise UserError("sources: the list is empty; name at least one adapter")
    return found


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}_{number}"


def read_source(place: str | PathLike[str]) -> SourceAdapter:
    """Return the adapter in a folder, or of an id of the hub.

    Raises: UserError if it is missing, damaged, a pickle, or no bottleneck adapter after each layer's FFN.
    """
    where, folder = str(place), Path(place).expanduser()
    if not folder.exists() and isinstance(place, str) and is_identifier(place):
        folder = fetch_adapter(place)
    if not folder.is_dir():
        raise UserError(f"{where}: no such folder; name the folder of a run or of a saved adapter, or an id of the hub")
    if (folder / RECORD).is_file():
        return _of_run(where, folder)
    if (folder / CONFIG).is_file():
        return _of_library(where, folder)
    if (folder / FUSION).is_file():
        raise UserError(f"{where}: an AdapterFusion is no single adapter; name one of the folders of its adapters")
    raise UserError(f"{where}: neither {RECORD} of a finished run nor {CONFIG} of a saved adapter is there")


def stacked(sources: Sequence[SourceAdapter]) -> Sources:
    """Return the sources as methods take them."""
    depth = range(len(sources[0].layers))
    layers = tuple(
        {key: torch.stack([source.layers[layer][key] for source in sources]) for key in TENSORS} for layer in depth
    )
    return Sources(tuple(source.name for source in sources), layers)


# ---------------------------------------------------------------------- runs


def _of_run(where: str, folder: Path) -> SourceAdapter:
    record = read_json(folder / RECORD)
    try:
        (task,), (encoder,) = record["tasks"], record["inputs"]["model"]
        spec, checksum = record["spec"], record["sha256"][RUN_WEIGHTS]
        name, method = str(task["name"]), str(spec["method"])
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{where}: its {RECORD} is no record of a run on one task; name a run of stage 1") from None
    if method != "adapter":
        raise UserError(
            f"{where}: a run of '{method}', and sources are runs of 'adapter'; export the run and name that"
        )
    if altered(folder, {RUN_WEIGHTS: checksum}):
        raise UserError(f"{where}: {RUN_WEIGHTS} is not as it was written; train the run again")
    layers = adapter_tensors(folder / RUN_WEIGHTS)
    return SourceAdapter(where, _plain(name), layers, sha256=str(encoder))


# ---------------------------------------------------------------------- adapters that the library saved


def _of_library(where: str, folder: Path) -> SourceAdapter:
    content = read_json(folder / CONFIG)
    if "peft_type" in content:
        raise UserError(f"{where}: an adapter of PEFT ({content['peft_type']}), and not one of `adapters`")
    if not (folder / WEIGHTS).is_file():
        what = f"only {PICKLE}" if (folder / PICKLE).exists() else "no weights"
        raise UserError(f"{where}: {what}, no {WEIGHTS}; {CONVERT}")
    _check_config(where, content.get("config"))
    name = str(content.get("name") or folder.resolve().name)
    base = _base_model(folder)
    return SourceAdapter(
        where,
        _plain(name),
        _layers(where, folder / WEIGHTS),
        str(base.get("name") or content.get("model_name") or ""),
        str(content.get("model_type") or ""),
        str(base.get("sha256") or ""),
    )


def _base_model(folder: Path) -> Mapping[str, Any]:
    """Return what an export says of its encoder; empty for other folders."""
    found = read_json(folder / EXPORT).get("base_model") if (folder / EXPORT).is_file() else None
    return found if isinstance(found, dict) else {}


def _check_config(where: str, config: Any) -> None:
    """Refuse an adapter that computes something else than a plain bottleneck after each layer's FFN."""
    try:
        if not isinstance(config, dict):
            raise ValueError
        loaded = AdapterConfig.load(config)
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{where}: `config` in its {CONFIG} describes no adapter; save the adapter again") from None
    if not isinstance(loaded, BnConfig):
        raise UserError(
            f"{where}: its architecture is '{config.get('architecture')}', and scalearn composes bottleneck adapters"
        )
    for key, expected in {**PLACEMENT, **FORM}.items():
        value = getattr(loaded, key)
        if (value or None) != (expected or None):
            what = "placed otherwise" if key in PLACEMENT else "of another form"
            raise UserError(
                f"{where}: the adapter is {what}: {key} is {value!r} in its {CONFIG}, and scalearn composes adapters "
                f"with {expected!r}, as SeqBnConfig has it"
            )
    for key, value in config.items():
        if value and key not in _OLD_KEYS and key not in BnConfig.__dataclass_fields__:
            raise UserError(f"{where}: {key} in its {CONFIG} is nothing that `adapters` knows of a bottleneck adapter")


def _layers(where: str, weights: Path) -> list[dict[str, Tensor]]:
    """Return the tensors of the one adapter in a file, per layer."""
    try:
        tensors = load_file(weights)
    except (OSError, SafetensorError) as error:
        raise UserError(f"{where}: {weights.name} is not readable ({error}); save the adapter again") from None
    # By all numbers in the layer's name: ALBERT has groups of layers.
    layers: dict[tuple[int, ...], dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        match = _LAYER.match(name)
        if match is None:
            raise UserError(f"{where}: tensor '{name}' belongs to no plain bottleneck adapter")
        numbers = tuple(map(int, re.findall(r"\d+", match[1])))
        layers.setdefault(numbers, {})[f"{match[3].removesuffix('.0')}.{match[4]}"] = tensor.float()
    found = [layers[numbers] for numbers in sorted(layers)]
    if not found or any(set(layer) != set(TENSORS) for layer in found):
        raise UserError(f"{where}: {weights.name} holds no complete bottleneck adapter; save the adapter again")
    if len({tuple(tuple(layer[key].shape) for key in TENSORS) for layer in found}) > 1:
        raise UserError(
            f"{where}: its layers have different widths; scalearn composes adapters of one reduction factor"
        )
    if not all(tensor.isfinite().all() for layer in found for tensor in layer.values()):
        raise UserError(f"{where}: {weights.name} holds NaN or infinite weights; train the adapter again")
    return found


def _plain(name: str) -> str:
    """Return the name with nothing in it that the name of a module cannot have."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)
