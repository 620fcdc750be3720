"""What the files of a saved adapter say, read without torch, is what the library would say."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from adapters import BnConfig
from safetensors.torch import load_file, save_file

from scalearn.errors import UserError
from scalearn.foreign.facts import DEFAULTS, FORM, PLACEMENT, REQUIRED, UNCHECKED, read_facts
from tests.composing.making import save_new
from tests.processes import python


def test_the_keys_and_defaults_are_those_of_the_library() -> None:
    fields = {field.name: field for field in dataclasses.fields(BnConfig)}
    missing = dataclasses.MISSING
    assert fields.keys() == (DEFAULTS.keys() | UNCHECKED) - {"type", "architecture"}
    without = {name for name, field in fields.items() if missing is field.default is field.default_factory}
    assert without == REQUIRED
    for name in {*PLACEMENT, *FORM} - REQUIRED:
        field = fields[name]
        default = field.default if field.default_factory is missing else field.default_factory()
        assert DEFAULTS[name] == default, name


def test_the_sizes_are_read_from_the_header_without_torch(tmp_path: Path) -> None:
    (place,) = save_new(tmp_path, "squad")
    facts = read_facts("somewhere", Path(place))
    assert (facts.name, facts.depth, facts.hidden, facts.bottleneck) == ("squad", 2, 32, 2)
    assert (facts.encoder, facts.model_type, facts.sha256) == ("tiny/bert", "bert", "")
    code = f"from pathlib import Path; from scalearn.foreign.facts import read_facts; read_facts('', Path({place!r}))"
    assert python(f"import sys; {code}; print({{'torch', 'transformers', 'adapters'}} & set(sys.modules))") == "set()"


@pytest.mark.parametrize(("change", "words"), [
    (lambda tensor: tensor.to(torch.int8), "holds I8 numbers, and weights are one of BF16, F16, F32, F64"),
    (lambda tensor: tensor.reshape(-1), "holds tensors of shapes that do not fit together"),
])  # fmt: skip
def test_tensors_that_are_no_weights_are_refused(change: object, words: str, tmp_path: Path) -> None:
    (place,) = save_new(tmp_path, "squad")
    file = Path(place) / "adapter.safetensors"
    assert callable(change)
    save_file({name: change(tensor) for name, tensor in load_file(file).items()}, file)
    with pytest.raises(UserError, match=words):
        read_facts("somewhere", Path(place))
