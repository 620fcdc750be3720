"""The device of this machine, and how a run computes on it: the values that `auto` stands for."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import torch
from transformers.utils import is_torch_tf32_available

from scalearn.campaign.compute import Compute
from scalearn.errors import UserError
from scalearn.training.engine.transformers_internals import attention_of

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
OPTIMIZERS = {"fused": "adamw_torch_fused", "plain": "adamw_torch"}  # our names: those of TrainingArguments


@dataclass(frozen=True)
class Device:
    """A device. bf16, tf32: whether its hardware has them. compiler: whether torch.compile finds its compiler."""

    kind: Literal["cpu", "cuda"]
    bf16: bool = False
    tf32: bool = False
    compiler: bool = False


def this_device() -> Device:
    """Return the device on which a run on this machine trains."""
    if not torch.cuda.is_available():
        # bf16 stays off by default though some CPUs have it: many emulate it, and a step then takes far longer.
        compilers = (os.environ.get("CXX", "g++"), "clang++")
        return Device("cpu", compiler=any(map(shutil.which, compilers)))
    bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    return Device("cuda", bf16, is_torch_tf32_available(), find_spec("triton") is not None)


@dataclass(frozen=True)
class ResolvedCompute:
    """How a run computes, without `auto`. `attention` is None for the encoder's own default."""

    device: str
    precision: str
    tf32: bool
    attention: str | None
    compile: bool
    optimizer: str

    @property
    def half(self) -> torch.dtype | None:
        """The dtype of autocast, None without autocast."""
        return HALF.get(self.precision)

    @property
    def padding(self) -> int:
        """The numbers of tokens to which training batches are padded are multiples of this.

        On a GPU there are then few shapes, each of which can be captured and replayed.
        """
        return 16 if self.device == "cuda" else 1

    @property
    def arguments(self) -> dict[str, Any]:
        """The matching arguments of transformers' TrainingArguments."""
        return {
            "bf16": self.precision == "bf16",
            "fp16": self.precision == "fp16",
            "tf32": self.tf32,
            "torch_compile": self.compile,
            "optim": OPTIMIZERS[self.optimizer],
        }

    def record(self, model: Any) -> dict[str, str | bool]:
        """Return the entry for run.json. `model` is the encoder as it was loaded."""
        return {
            "device": self.device,
            "precision": self.precision,
            "tf32": self.tf32,
            "attention": attention_of(model),
            "compile": self.compile,
            "optimizer": self.optimizer,
        }


def resolve_compute(compute: Compute, device: Device) -> ResolvedCompute:
    """Return how a run with these settings computes on this device.

    Raises: UserError if the settings ask for something that the device lacks.
    """
    if compute.precision == "fp16" and device.kind == "cpu":
        raise UserError("compute.precision: fp16 needs a GPU, and there is none here; set it to auto, float32 or bf16")
    if compute.tf32 is True and not device.tf32:
        raise UserError("compute.tf32: this device has no tf32; set it to auto or off")
    if compute.compile is True and not device.compiler:
        need = "a C++ compiler, such as g++" if device.kind == "cpu" else "the package triton"
        raise UserError(f"compute.compile: it needs {need}, and there is none here; set it to auto or off")
    precision: str = compute.precision
    if precision == "auto":
        precision = "float32" if device.kind == "cpu" else "bf16" if device.bf16 else "fp16"
    tf32 = device.tf32 and precision == "float32" if compute.tf32 == "auto" else compute.tf32
    attention = None if compute.attention == "auto" else compute.attention
    optimizer = "fused" if compute.optimizer == "auto" else compute.optimizer
    return ResolvedCompute(device.kind, precision, tf32, attention, compute.compile is True, optimizer)
