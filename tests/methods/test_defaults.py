"""Every method's default hyper-parameters, written down: a change of them needs a new version of the method."""

from __future__ import annotations

from scalearn.campaign.keys import normal
from scalearn.methods import METHODS


def test_defaults_change_only_with_a_version() -> None:
    """Defaults are no part of what identifies a run, a method's version is: when one changes here, raise the other."""
    for name, (version, values) in DEFAULTS.items():
        assert (METHODS[name].version, normal(METHODS[name].defaults.model_dump())) == (version, normal(values))


EVERY = {
    "batch_size": 32,
    "epochs": 30,
    "learning_rate": 3e-4,
    "max_grad_norm": 1.0,
    "patience": 5,
    "schedule": "linear",
    "warmup_ratio": 0.0,
    "weight_decay": 0.0,
}
COMMON = {**EVERY, "length_buckets": False}
PROPETL = {
    **COMMON,
    "learning_rate": 1e-3,
    "mask_learning_rate": 5e-3,
    "weight_decay": 0.1,
    "reduction_factor": 16,
    "kept_fraction": 0.5,
}
OMEGA = {
    **COMMON,
    "learning_rate": 6e-3,
    "patience": 30,
    "omega_scale": 2.0,
    "omega_std": 1e-3,
    "omega_dropout": 0.3,
    "omega_penalty": 0.0,
    "omega_constraint": "none",
    "include_target": True,
    "train_sources": False,
}
JOINT = {
    **EVERY,
    "epochs": 100,
    "eval_steps": 7500,
    "max_steps": 375_000,
    "patience": 10,
    "record_rows": 100_730,
    "temperature": 1.0,
    "warmup_ratio": 0.1,
}
DEFAULTS: dict[str, tuple[int, dict[str, bool | int | float]]] = {
    "full_finetuning": (3, {**COMMON, "learning_rate": 2e-5}),
    "adapter": (3, {**COMMON, "reduction_factor": 16}),
    "compacter": (3, {**COMMON, "learning_rate": 3e-3, "reduction_factor": 16}),
    "propetl": (3, PROPETL),
    "ia3": (3, {**COMMON, "learning_rate": 5e-3}),
    "full_finetuning_m": (3, {**JOINT, "learning_rate": 2e-5}),
    "adapter_m": (3, {**JOINT, "reduction_factor": 16}),
    "propetl_m": (3, {**JOINT, "mask_learning_rate": 3e-3, "reduction_factor": 16, "kept_fraction": 0.3}),
    "hyperformer": (4, {**JOINT, "reduction_factor": 16}),
    "hyperformer_pp": (4, {**JOINT, "reduction_factor": 16}),
    "adapter_fusion": (3, {**COMMON, "learning_rate": 5e-5, "include_target": True}),
    "adapter_soup": (3, {**COMMON, "top_k": 5, "include_target": True}),
    "scalearn": (3, OMEGA),
    "scalearn_uniform": (3, OMEGA),
    "scalearn_pp": (3, OMEGA),
    "scalearn_uniform_pp": (3, {**OMEGA, "omega_dropout": 0.0}),
}
