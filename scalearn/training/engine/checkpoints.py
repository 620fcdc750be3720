"""Checkpoints in safetensors and JSON, without pickle. A checkpoint's folder appears only when it is complete."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from scalearn.campaign.run_folder import STATE
from scalearn.errors import UserError
from scalearn.storage.files import altered, read_json, sha256, whole_folder, write_json

PREFIX = "checkpoint-"
CURRENT = "current"  # the group of the trainable tensors after the last step
TRAINER_STATE = "trainer_state.json"  # the name that the library reads


class BackgroundWriter:
    """Writes in a thread while training continues, one task at a time. What is written must be a copy.

    An error in the thread is raised by the next `start` or `wait`.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def start(self, write: Callable[[], None]) -> None:
        """Call `write` in the thread, after the previous task has ended."""
        self.wait()
        self._last = self._thread.submit(write)

    def wait(self) -> None:
        """Return when the last task has ended."""
        last, self._last = self._last, None
        if last is not None:
            last.result()


def trainable(model: nn.Module) -> dict[str, Tensor]:
    """Return every trainable parameter by name: those of adapters, omega and heads."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of every trainable parameter, on the CPU."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in trainable(model).items()}


def restore(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Copy `tensors` into the model.

    Raises: ValueError if their names are not those of the trainable parameters.
    """
    targets = trainable(model)
    if targets.keys() != tensors.keys():
        raise ValueError(f"weights of another method: {sorted(targets.keys() ^ tensors.keys())[:3]} differ")
    with torch.no_grad():
        for name, tensor in tensors.items():
            targets[name].copy_(tensor)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """Return an optimizer's state as tensors named `<parameter>.<key>`, copied to the CPU, and its parameter groups."""
    state = optimizer.state_dict()
    tensors = {
        f"{index}.{key}": value.to("cpu", copy=True)
        for index, entry in state["state"].items()
        for key, value in entry.items()
    }
    return tensors, state["param_groups"]


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], groups: list[dict[str, Any]]
) -> None:
    """Undo `optimizer_tensors`."""
    entries: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split(".", 1)
        entries.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": entries, "param_groups": groups})


def random_state() -> dict[str, Tensor]:
    """Return the state of torch's random generators: the CPU's and each GPU's."""
    states = {"cpu": torch.random.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"cuda{index}": state for index, state in enumerate(torch.cuda.get_rng_state_all())}
    return states


def restore_random_state(states: dict[str, Tensor]) -> None:
    """Undo `random_state`. The state of a GPU that this machine lacks is left out."""
    torch.random.set_rng_state(states["cpu"])
    for index in range(torch.cuda.device_count()):
        if (state := states.get(f"cuda{index}")) is not None:
            torch.cuda.set_rng_state(state, index)


def write(
    folder: Path,
    step: int,
    tensors: dict[str, dict[str, Tensor]],
    state: dict[str, Any],
    write_trainer_state: Callable[[str], None],
) -> None:
    """Write folder/checkpoint-<step> with checksums, then remove the older checkpoints.

    tensors: groups of tensors, each of which becomes a safetensors file. state: the content of state.json.
    """
    target = folder / f"{PREFIX}{step}"
    with whole_folder(target) as temporary:
        for name, content in tensors.items():
            save_file(content, temporary / f"{name}.safetensors")
        write_trainer_state(str(temporary / TRAINER_STATE))
        checksums = {path.name: sha256(path) for path in sorted(temporary.iterdir())}
        write_json(temporary / STATE, {**state, "sha256": checksums})
    for other in folder.glob(f"{PREFIX}*"):
        if other != target:
            shutil.rmtree(other, ignore_errors=True)


def latest(folder: Path, identity: str, trained: Collection[str]) -> Path | None:
    """Return the newest intact checkpoint of the run with this identity, or None. Remove all others.

    trained: the names of the trainable tensors. A checkpoint of an earlier version may hold others.
    """
    candidates = sorted(folder.glob(f"{PREFIX}*"), key=lambda path: int(path.name.removeprefix(PREFIX)), reverse=True)
    newest = None
    for path in candidates:
        fault = None if newest else _fault(path, identity, trained)
        if fault is not None:
            print(f"{path}: {fault}; removed; training does not resume from it", flush=True)
        if newest or fault:
            shutil.rmtree(path, ignore_errors=True)
        else:
            newest = path
    return newest


def _fault(path: Path, identity: str, trained: Collection[str]) -> str | None:
    """Return why training cannot resume from this checkpoint, or None if it can."""
    try:
        state = read_json(path / STATE)
        if state["identity"] != identity:
            return "a checkpoint of another configuration"
        damaged = altered(path, state["sha256"])
        if not damaged and set(trained) != set(read_tensors(path, CURRENT)):
            return "a checkpoint of an earlier version, which trained other tensors"
    except (UserError, OSError, KeyError, AttributeError) as error:
        return f"a damaged checkpoint ({error})"
    return f"a damaged checkpoint ({damaged[0]} is not as it was written)" if damaged else None


def read_tensors(path: Path, name: str) -> dict[str, Tensor]:
    """Return one group of a checkpoint's tensors."""
    return load_file(path / f"{name}.safetensors")


def plain(content: Any) -> Any:
    """Return `content` as it is after a round trip through JSON: tuples as lists, NumPy numbers as numbers."""
    return json.loads(json.dumps(content, default=float))
