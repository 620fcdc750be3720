"""Stock `adapters` loads what `scalearn.save_adapter` wrote, and computes the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from adapters import SeqBnConfig

import scalearn
from scalearn.errors import ArgumentError, UserError
from scalearn.training.engine.checkpoints import trainable
from tests.composing.composed import CASES, composed, train
from tests.composing.making import TWO_STAGE, encoder, logits, options, save_new


def loaded(folder: Path, kind: str) -> Any:
    """Return the encoder with what the folder holds, as a stranger to scalearn loads it."""
    model = encoder(kind)
    for source in sorted(folder.glob("sources/*")):
        model.load_adapter(str(source), use_safetensors=True)
    if (folder / "sources").exists():
        model.load_adapter_fusion(str(folder), use_safetensors=True, set_active=True)
    else:
        model.load_adapter(str(folder), use_safetensors=True, set_active=True)
    return model


def disturb(model: Any) -> None:
    """Move what trains, as a training would."""
    torch.manual_seed(11)
    with torch.no_grad():
        for tensor in trainable(model).values():
            tensor.add_(0.3 * torch.randn_like(tensor))


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_stock_adapters_loads_it_and_gives_the_same_logits(name: str, kind: str, tmp_path: Path) -> None:
    model, _ = composed(name, kind, tmp_path)
    untrained = logits(model)
    disturb(model)
    expected = logits(model)
    scalearn.save_adapter(model, tmp_path / "out")
    found = logits(loaded(tmp_path / "out", kind))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5 * max(1.0, float(expected.abs().max())))
    assert not torch.allclose(found, untrained, atol=1e-3)
    assert {path.suffix for path in (tmp_path / "out").rglob("*") if path.is_file()} == {".json", ".safetensors"}


@pytest.mark.parametrize("name", TWO_STAGE)
def test_a_saved_model_stays_as_it_was_and_trains_on(name: str, tmp_path: Path) -> None:
    model, _ = composed(name, "bert", tmp_path)
    names, before = list(model.state_dict()), logits(model)
    scalearn.save_adapter(model, tmp_path / "out")
    assert list(model.state_dict()) == names
    assert torch.equal(logits(model), before)
    train(model, tmp_path / "trained", learning_rate=0.1, save_strategy="no")
    assert not torch.allclose(logits(model), before, atol=1e-3)


def test_what_was_saved_is_a_source_again(tmp_path: Path) -> None:
    """A composition of three adapters of width 2 is an adapter of width 6."""
    for number in (1, 2):
        model, _ = composed("scalearn", "bert", tmp_path / str(number))
        scalearn.save_adapter(model, tmp_path / "saved" / str(number))
    model = encoder()
    composition = scalearn.compose(model, [tmp_path / "saved" / "1", tmp_path / "saved" / "2"], "adapter_fusion")
    assert composition.sources == ("scalearn", "scalearn_2")
    assert logits(model).shape == (8, 2)


@pytest.mark.parametrize("name", ["scalearn", "adapter_fusion", "adapter_soup"])
@pytest.mark.parametrize("width", [12, 32, 48])
def test_widths_that_no_whole_reduction_factor_gives(width: int, name: str, tmp_path: Path) -> None:
    sources = save_new(tmp_path, "t0", "t1", config=SeqBnConfig(reduction_factor=32 / (width + 0.5)))
    model = encoder()
    scalearn.compose(model, sources, name, **options(name, sources))
    scalearn.save_adapter(model, tmp_path / "out")
    torch.testing.assert_close(logits(loaded(tmp_path / "out", "bert")), logits(model), rtol=0, atol=1e-5)


# ---------------------------------------------------------------------- what is refused


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    model, _ = composed("scalearn", "bert", tmp_path)
    (tmp_path / "out").mkdir()
    with pytest.raises(ValueError, match=r"out: it is there already; name another folder"):
        scalearn.save_adapter(model, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("file/out", "file/out: .*/file is a file, not a folder; name another path"),
        ("file/in/it/out", "file/in/it/out: .*/file is a file, not a folder"),
        ("link/out", "link: File exists; mend the path"),
        (f"{'n' * 300}/out", "File name too long; mend the path"),
    ],
)
def test_a_place_where_no_folder_can_be_is_refused(place: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    model, _ = composed("scalearn", "bert", tmp_path / "made")
    with pytest.raises(ArgumentError, match=says):
        scalearn.save_adapter(model, tmp_path / place)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_model_that_was_not_composed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"BertAdapterModel holds no composition; call scalearn.compose"):
        scalearn.save_adapter(encoder(), tmp_path / "out")


@pytest.mark.parametrize("change", [
    lambda model: model.add_adapter("other"),
    lambda model: model.delete_head("scalearn"),
])  # fmt: skip
def test_a_model_with_other_adapters_or_another_head_is_refused(change: Callable[[Any], None], tmp_path: Path) -> None:
    model, _ = composed("scalearn", "bert", tmp_path)
    change(model)
    with pytest.raises(UserError, match=r"its adapters or its head are not those of scalearn\.compose"):
        scalearn.save_adapter(model, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scalearn.composing import saving

    model, _ = composed("scalearn", "bert", tmp_path)
    written = saving.write_model

    def fails_at_the_end(*arguments: Any) -> None:
        written(*arguments)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saving, "write_model", fails_at_the_end)
    with pytest.raises(ValueError, match="free some space"):
        scalearn.save_adapter(model, tmp_path / "new" / "out")
    assert not list((tmp_path / "new").iterdir())
