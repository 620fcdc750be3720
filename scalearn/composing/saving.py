"""`scalearn.save_adapter`: what `compose` put into a model, as a folder that stock `adapters` loads."""

from __future__ import annotations

from copy import deepcopy
from os import PathLike
from pathlib import Path
from typing import Any

from scalearn.composing.compose import ATTRIBUTE, Composition
from scalearn.errors import UserError, as_argument_error
from scalearn.export.heads import write_head
from scalearn.export.written import write_model
from scalearn.methods import METHODS
from scalearn.storage.files import check_new, whole_folder


@as_argument_error()
def save_adapter(model: Any, save_directory: str | PathLike[str]) -> None:
    """Write a composed model's adapter and its head to a new folder, as safetensors files that `adapters` loads.

    ScaLearn and its forms become one bottleneck adapter of width S·b with omega in its up-projection. AdapterSoup
    becomes the average adapter. `model.load_adapter(folder, use_safetensors=True, set_active=True)` loads them.
    AdapterFusion becomes the library's fusion, with its source adapters in `sources/`. The model stays as it is.

    Args:
        model: A model that `compose` changed, trained or not.
        save_directory: A folder that is not there yet. It appears only when it is complete.

    Raises:
        ValueError: If the folder is there already, if `compose` did not change this model, or if the folder cannot be
            written.
    """
    composition, folder = getattr(model, ATTRIBUTE, None), Path(save_directory).expanduser()
    if not isinstance(composition, Composition):
        raise UserError(f"model: {type(model).__name__} holds no composition; call scalearn.compose on it first")
    if set(model.adapters_config.adapters) != set(composition.adapters) or composition.head not in model.heads:
        raise UserError("model: its adapters or its head are not those of scalearn.compose; add and delete none")
    check_new(folder)
    with whole_folder(folder, new=True) as temporary:
        folded = _folded(model, composition)
        base = str(model.config.name_or_path)
        write_model(folded, composition.head, base, Path(base), temporary)


def _folded(model: Any, composition: Composition) -> Any:
    """Return a copy of the model with the library's modules in place of ours. It shares the encoder's tensors."""
    shared = [*model.parameters(), *model.buffers(), composition]
    copy = deepcopy(model, {id(part): part for part in shared})
    METHODS[composition.method].fold(copy, composition.hyperparameters, composition.given)
    write_head(copy, composition.head, composition.head, None)
    return copy
