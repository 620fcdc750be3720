"""What the device at hand can do, and how a training computes on it: what `auto` comes to here."""

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

HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}
OPTIMIZERS = {"fused": "adamw_torch_fused", "plain": "adamw_torch"}  # by transformers' names


@dataclass(frozen=True)
class Device:
    """A device: whether it has bf16 and tf32 in hardware, and whether torch.compile finds what it needs."""

    kind: Literal["cpu", "cuda"]
    bf16: bool = False
    tf32: bool = False
    compiler: bool = False


def here() -> Device:
    """Return the device that a training on this machine takes."""
    if not torch.cuda.is_available():
        # That some CPUs have bf16 does not count: many emulate it, and there a step takes many times as long.
        compilers = (os.environ.get("CXX", "g++"), "clang++")
        return Device("cpu", compiler=any(map(shutil.which, compilers)))
    bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
    return Device("cuda", bf16, is_torch_tf32_available(), find_spec("triton") is not None)


@dataclass(frozen=True)
class Chosen:
    """How a training computes. `attention` is None where the encoder's own default counts."""

    device: str
    precision: str
    tf32: bool
    attention: str | None
    compile: bool
    optimizer: str

    @property
    def half(self) -> torch.dtype | None:
        """The type in which autocast multiplies, None without autocast."""
        return HALF.get(self.precision)

    @property
    def arguments(self) -> dict[str, Any]:
        """What transformers' TrainingArguments are told of it."""
        return {
            "bf16": self.precision == "bf16",
            "fp16": self.precision == "fp16",
            "tf32": self.tf32,
            "torch_compile": self.compile,
            "optim": OPTIMIZERS[self.optimizer],
        }

    def record(self, model: Any) -> dict[str, str | bool]:
        """Return what a run's record says of it, `model` being the encoder that was loaded so."""
        return {
            "device": self.device,
            "precision": self.precision,
            "tf32": self.tf32,
            "attention": str(model.config._attn_implementation),
            "compile": self.compile,
            "optimizer": self.optimizer,
        }


def choose(asked: Compute, device: Device) -> Chosen:
    """Return how to compute on this device; a UserError names what it was asked for and cannot do."""
    if asked.precision == "fp16" and device.kind == "cpu":
        raise UserError("compute.precision: fp16 needs a GPU, and there is none here; set it to auto, float32 or bf16")
    if asked.tf32 is True and not device.tf32:
        raise UserError("compute.tf32: this device has no tf32; set it to auto or off")
    if asked.compile is True and not device.compiler:
        need = "a C++ compiler, such as g++" if device.kind == "cpu" else "the package triton"
        raise UserError(f"compute.compile: it needs {need}, and there is none here; set it to auto or off")
    precision: str = asked.precision
    if precision == "auto":
        precision = "float32" if device.kind == "cpu" else "bf16" if device.bf16 else "fp16"
    tf32 = device.tf32 and precision == "float32" if asked.tf32 == "auto" else asked.tf32
    attention = None if asked.attention == "auto" else asked.attention
    optimizer = "fused" if asked.optimizer == "auto" else asked.optimizer
    return Chosen(device.kind, precision, tf32, attention, asked.compile is True, optimizer)
