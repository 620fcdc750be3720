"""What the files of a saved adapter say of it, without its tensors' values. Imports no torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from scalearn.campaign.input_files import ADAPTER_CONFIG, ADAPTER_WEIGHTS, EXPORT_RECORD
from scalearn.campaign.run_folder import RECORD
from scalearn.errors import UserError
from scalearn.foreign.hub import CONVERT
from scalearn.methods.layers.stack_facts import TENSORS
from scalearn.storage.files import read_json

PICKLE, FUSION = "pytorch_adapter.bin", "adapter_fusion_config.json"
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
# The keys of the library's BnConfig: those without a default, and the defaults of those that are checked.
REQUIRED = {"mh_adapter", "output_adapter", "reduction_factor", "non_linearity"}
DEFAULTS: Mapping[str, Any] = {**PLACEMENT, **FORM, "original_ln_before": False}
UNCHECKED = {
    *(
        "reduction_factor",
        "init_weights",
        "init_weights_seed",
        "adapter_residual_before_ln",
        "cross_adapter",
        "dropout",
    ),
    *("inv_adapter_reduction_factor", "phm_dim", "factorized_phm_W", "shared_W_phm", "shared_phm_rule", "phm_bias"),
    *("factorized_phm_rule", "phm_c_init", "phm_init_range", "learn_phm", "hypercomplex_nonlinearity", "phm_rank"),
    *("stochastic_depth", "dropout"),
    *("architecture", "type"),  # the library writes or wrote them, but they are no fields of its configuration
}
FLOATS = {"F64", "F32", "F16", "BF16"}  # the safetensors names of the types that weights may have
_LAYER = re.compile(r"^(.*)\.adapters\.([^.]+)\.(?:adapter_)(down\.0|up)\.(weight|bias)$")


@dataclass(frozen=True)
class AdapterFacts:
    """A saved adapter, and what is known of the encoder that it was trained on.

    where: the folder or id that the user named. name: its own.
    tensors: per layer the names that the tensors `down.weight` (b, d), `down.bias` (b), `up.weight` (d, b) and
    `up.bias` (d) have in the file of weights.
    hidden: the hidden size d of the encoder. bottleneck: the inner width b.
    encoder, model_type, sha256: the encoder's name, its architecture and the checksum of its weights' file; "" where
    the adapter does not say it.
    """

    where: str
    name: str
    tensors: list[dict[str, str]]
    hidden: int
    bottleneck: int
    encoder: str = ""
    model_type: str = ""
    sha256: str = ""

    @property
    def depth(self) -> int:
        """The number of layers."""
        return len(self.tensors)


def check_folder(where: str, folder: Path) -> None:
    """Refuse a folder that holds no single saved adapter.

    where: begins the message. Raises: UserError that says what the folder holds.
    """
    if (folder / ADAPTER_CONFIG).is_file():
        return
    if (folder / RECORD).is_file():
        raise UserError(f"{where}: a run's folder; `scalearn export` writes its adapter as a folder that is a source")
    if (folder / FUSION).is_file():
        raise UserError(f"{where}: an AdapterFusion is no single adapter; name one of the folders of its adapters")
    raise UserError(f"{where}: no {ADAPTER_CONFIG} there; name the folder of a saved adapter")


def read_facts(where: str, folder: Path) -> AdapterFacts:
    """Return what the files in a folder of a saved adapter say.

    Raises: UserError if one is missing, damaged or a pickle, or if it is no bottleneck adapter after each layer's FFN.
    """
    content = read_json(folder / ADAPTER_CONFIG)
    if "peft_type" in content:
        raise UserError(f"{where}: an adapter of PEFT ({content['peft_type']}), and not one of `adapters`")
    if not (folder / ADAPTER_WEIGHTS).is_file():
        what = f"only {PICKLE}" if (folder / PICKLE).exists() else "no weights"
        raise UserError(f"{where}: {what}, no {ADAPTER_WEIGHTS}; {CONVERT}")
    _check_config(where, content.get("config"))
    tensors, hidden, bottleneck = _header(where, folder / ADAPTER_WEIGHTS)
    name, base = str(content.get("name") or folder.resolve().name), _base_model(folder)
    return AdapterFacts(
        where,
        name,
        tensors,
        hidden,
        bottleneck,
        str(base.get("name") or content.get("model_name") or ""),
        str(content.get("model_type") or ""),
        str(base.get("sha256") or ""),
    )


def _base_model(folder: Path) -> Mapping[str, Any]:
    """Return what an export says of its encoder; empty for other folders."""
    base = read_json(folder / EXPORT_RECORD).get("base_model") if (folder / EXPORT_RECORD).is_file() else None
    return base if isinstance(base, dict) else {}


def _check_config(where: str, config: Any) -> None:
    """Refuse an adapter that computes something else than a plain bottleneck after each layer's FFN."""
    if isinstance(config, dict) and config.get("architecture") is not None:
        raise UserError(
            f"{where}: its architecture is '{config['architecture']}', and scalearn composes bottleneck adapters"
        )
    if not isinstance(config, dict) or not config.keys() >= REQUIRED:
        raise UserError(f"{where}: `config` in its {ADAPTER_CONFIG} describes no adapter; save the adapter again")
    for key, expected in {**PLACEMENT, **FORM}.items():
        value = config.get(key, DEFAULTS[key])
        if (value or None) != (expected or None):
            what = "placed otherwise" if key in PLACEMENT else "of another form"
            raise UserError(
                f"{where}: the adapter is {what}: {key} is {value!r} in its {ADAPTER_CONFIG}, and scalearn composes "
                f"adapters with {expected!r}, as SeqBnConfig has it"
            )
    for key, value in config.items():
        if value and key not in DEFAULTS and key not in UNCHECKED:
            raise UserError(
                f"{where}: {key} in its {ADAPTER_CONFIG} is nothing that `adapters` knows of a bottleneck adapter"
            )


def _header(where: str, weights: Path) -> tuple[list[dict[str, str]], int, int]:
    """Return the names of the adapter's tensors per layer, the hidden size and the inner width."""
    try:
        with safe_open(weights, framework="numpy") as stream:
            slices = {name: stream.get_slice(name) for name in stream.keys()}  # noqa: SIM118
            shapes = {name: tuple(part.get_shape()) for name, part in slices.items()}
            types = {part.get_dtype() for part in slices.values()}
    except (OSError, SafetensorError) as error:
        raise UserError(f"{where}: {weights.name} is not readable ({error}); save the adapter again") from None
    if not types <= FLOATS:
        raise UserError(
            f"{where}: {weights.name} holds {min(types - FLOATS)} numbers, and weights are one of "
            f"{', '.join(sorted(FLOATS))}; save the adapter in float32"
        )
    # By all numbers in the layer's name: ALBERT has groups of layers.
    layers: dict[tuple[int, ...], dict[str, str]] = {}
    for name in shapes:
        match = _LAYER.match(name)
        if match is None:
            raise UserError(f"{where}: tensor '{name}' belongs to no plain bottleneck adapter")
        numbers = tuple(map(int, re.findall(r"\d+", match[1])))
        layers.setdefault(numbers, {})[f"{match[3].removesuffix('.0')}.{match[4]}"] = name
    tensors = [layers[numbers] for numbers in sorted(layers)]
    if not tensors or any(set(layer) != set(TENSORS) for layer in tensors):
        raise UserError(f"{where}: {weights.name} holds no complete bottleneck adapter; save the adapter again")
    different = {tuple(shapes[layer[key]] for key in TENSORS) for layer in tensors}
    if len(different) > 1:
        raise UserError(
            f"{where}: its layers have different widths; scalearn composes adapters of one reduction factor"
        )
    (shape,) = different
    (hidden, bottleneck) = shape[2] if len(shape[2]) == 2 else (0, 0)
    if not bottleneck or shape != ((bottleneck, hidden), (bottleneck,), (hidden, bottleneck), (hidden,)):
        raise UserError(f"{where}: {weights.name} holds tensors of shapes that do not fit together; save it again")
    return tensors, hidden, bottleneck
