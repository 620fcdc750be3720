"""The settings of `compute` in a campaign file. Pure data: the device at run time decides what `auto` means."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from scalearn.fields import Strict

_TRUTH = {"on": True, "true": True, "off": False, "false": False}  # a command line gives text; YAML gives booleans


def _auto_or_truth(value: Any) -> Any:
    parsed = _TRUTH.get(value, value) if isinstance(value, str) else value
    if parsed != "auto" and not isinstance(parsed, bool):
        raise ValueError("auto, on or off is expected")
    return parsed


Switch = Annotated[Literal["auto"] | bool, BeforeValidator(_auto_or_truth)]


class Compute(Strict):
    """How trainings compute. `auto`, each key's default, is no part of what identifies a run; any other value is."""

    precision: Literal["auto", "float32", "bf16", "fp16"] = Field(
        "auto",
        description="of products; auto: float32 on a CPU, on a GPU bf16, or fp16 if it has no bf16",
    )
    tf32: Switch = Field("auto", description="products of float32 in tf32; auto: on a GPU that has it, under float32")
    attention: Literal["auto", "sdpa", "eager"] = Field(
        "auto", description="auto: torch's fused attention (sdpa) where the encoder has it"
    )
    compile: Switch = Field("auto", description="torch.compile; auto: off")
    optimizer: Literal["auto", "fused", "plain"] = Field(
        "auto", description="AdamW in one kernel, or in torch's own choice of several; auto: fused"
    )

    @property
    def explicit(self) -> dict[str, str | bool]:
        """What is not left to the device, by key in the order of the alphabet."""
        return {key: value for key, value in sorted(self.model_dump().items()) if value != "auto"}
