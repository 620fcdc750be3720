"""Fetching source adapters from elsewhere and stacking them, by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from adapters import DoubleSeqBnConfig, SeqBnConfig
from safetensors.torch import load_file, save_file

from scalearn.__main__ import main
from scalearn.cli.by_hand import planned_by_hand
from scalearn.errors import UserError
from scalearn.foreign.fetching import read_record
from scalearn.methods.layers.sources import Sources
from scalearn.storage.files import sha256
from tests.composing.making import save_new
from tests.tiny import make_model
from tests.training.single import make_inputs

REVISION = "0123456789" * 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an encoder, two runs of stage 1, and an adapter of the same encoder."""
    root = tmp_path_factory.mktemp("single")
    make_inputs(root)
    save_new(root / "elsewhere", "mine", config=SeqBnConfig(reduction_factor=16))
    return root


def fetch(place: Path, output: Path, *options: str, **more: str) -> int:
    """Run fetch-adapter on a folder."""
    source = json.dumps({"adapter": str(place), **more})
    return main(["fetch-adapter", "squad", "--source", source, "--output", str(output), *options])


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that a command has printed as it failed."""
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_what_is_fetched_is_stacked_between_runs(folder: Path, tmp_path: Path) -> None:
    place, fetched = folder / "elsewhere/mine", tmp_path / "squad"
    (place / "README.md").write_text("no file of the adapter")
    options = [f"--model={folder / 'model'}", "--reduction-factor=16"]
    assert fetch(place, fetched, *options) == 0 and fetch(place, fetched, *options) == 0
    names = {"adapter_config.json", "adapter.safetensors", "adapter.json"}
    assert {path.name for path in fetched.iterdir()} == names
    record = read_record(fetched)
    assert record["sha256"] == {name: sha256(place / name) for name in names - {"adapter.json"}}
    stack = tmp_path / "stack.safetensors"
    runs = [str(folder / "first"), str(fetched), str(folder / "second")]
    assert main(["stack", *runs, "--model", str(folder / "model"), "--output", str(stack)]) == 0
    sources = Sources.read(stack)
    assert sources.names == ("first", "squad", "second")
    saved = load_file(place / "adapter.safetensors")
    for index, layer in enumerate(sources.layers):
        name = f"bert.encoder.layer.{index}.output.adapters.mine.adapter_"
        assert torch.equal(layer["down.weight"][1], saved[f"{name}down.0.weight"])
        assert torch.equal(layer["up.bias"][1], saved[f"{name}up.bias"])
    data = [folder / "encoded/first"]
    planned = planned_by_hand("scalearn", folder / "model", data, tmp_path / "out", benchmark="both", sources=stack)
    assert planned.spec.sources[1] == f"adapters/{record['key']}" and planned.record()["inputs"]["sources"]
    with pytest.raises(UserError, match="'adapter_soup' compares the texts of the source tasks, and there are none of"):
        planned_by_hand("adapter_soup", folder / "model", data, tmp_path / "out", benchmark="both", sources=stack)


def only_a_pickle(place: Path) -> None:
    (place / "adapter.safetensors").rename(place / "pytorch_adapter.bin")


def not_finite(place: Path) -> None:
    tensors = load_file(place / "adapter.safetensors")
    save_file({name: tensor * torch.nan for name, tensor in tensors.items()}, place / "adapter.safetensors")


def a_fusion(place: Path) -> None:
    (place / "adapter_config.json").rename(place / "adapter_fusion_config.json")


def a_run(place: Path) -> None:
    (place / "adapter_config.json").rename(place / "run.json")


def of_another_encoder(place: Path) -> None:
    (place / "export.json").write_text(json.dumps({"base_model": {"name": "bert", "sha256": "0" * 64}}))


@pytest.mark.parametrize(("spoil", "config", "says"), [
    (only_a_pickle, None, r"only pytorch_adapter.bin, no adapter.safetensors; only safetensors files are loaded"),
    (not_finite, None, "holds NaN or infinite weights"),
    (a_fusion, None, "an AdapterFusion is no single adapter"),
    (a_run, None, "a run's folder; `scalearn export` writes its adapter"),
    (lambda place: (place / "adapter_config.json").unlink(), None, "no adapter_config.json there; name the folder"),
    (None, DoubleSeqBnConfig(), "the adapter is placed otherwise: mh_adapter is True"),
    (None, SeqBnConfig(reduction_factor=8), r"are 4 wide, and those .* 2 \(reduction_factor 16\); set `hyper.*: 8}}`"),
    (of_another_encoder, None, r"its encoder has other weights than the encoder \(sha256 000000000000 and"),
])  # fmt: skip
def test_what_cannot_be_composed_is_refused_and_nothing_is_written(
    spoil: Callable[[Path], Any] | None, config: Any, says: str, folder: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    place = Path(save_new(tmp_path, "mine", config=config or SeqBnConfig(reduction_factor=16))[0])
    if spoil is not None:
        spoil(place)
    options = [f"--model={folder / 'model'}", "--reduction-factor=16"]
    assert fetch(place, tmp_path / "squad", *options) == 1
    assert re.search(says, refusal(capsys))
    assert not (tmp_path / "squad").exists()


def test_no_other_files_are_lost_and_no_other_content_is_taken(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = folder / "elsewhere/mine"
    (tmp_path / "adapter.safetensors").write_text("mine")
    assert fetch(place, tmp_path) == 1 and "the folder holds other files" in refusal(capsys)
    assert (tmp_path / "adapter.safetensors").read_text() == "mine"
    assert fetch(place, tmp_path / "squad@00000000") == 1
    assert re.search(r"these files are 'squad@\w{8}', and 'squad@00000000' is wanted", refusal(capsys))
    assert not (tmp_path / "squad@00000000").exists()


def test_an_adapter_that_was_changed_or_belongs_to_another_encoder_is_not_stacked(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetched, model, out = tmp_path / "squad", folder / "model", tmp_path / "stack.safetensors"
    assert fetch(folder / "elsewhere/mine", fetched) == 0
    capsys.readouterr()

    def stack(*words: object) -> str:
        assert main(["stack", *map(str, words), "--output", str(out)]) == 1 and not out.exists()
        return refusal(capsys)

    assert "--model: adapters from elsewhere are compared with it" in stack(folder / "first", fetched)
    other = make_model(tmp_path / "other", "roberta")
    assert "belongs to another encoder; name its own" in stack(folder / "first", fetched, "--model", other)
    assert "an adapter for a 'bert' encoder" in stack(fetched, "--model", other)
    assert "a saved adapter that is not fetched; type `scalearn fetch-adapter" in stack(
        folder / "elsewhere/mine", "--model", model
    )
    assert "source adapters of one task twice: squad, squad" in stack(fetched, fetched, "--model", model)
    (fetched / "adapter_config.json").write_text("{}")
    assert "adapter_config.json: not as it was written" in stack(fetched, "--model", model)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose folders owner/name/revision are the hub's repositories."""

    def download(repository: str, file: str, revision: str | None = None) -> str:
        path = tmp_path / repository / str(revision) / file
        if not path.exists():
            raise huggingface_hub.errors.EntryNotFoundError("no such file")
        return str(path)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    return tmp_path / "owner" / "name"


def test_the_pinned_revision_of_the_hub_is_fetched(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (place,) = save_new(hub, REVISION)
    assert fetch(Path("owner/name"), tmp_path / "squad", revision=REVISION) == 0
    record = read_record(tmp_path / "squad")
    assert record["source"] == {"adapter": "owner/name", "revision": REVISION}
    only_a_pickle(Path(place))
    capsys.readouterr()
    assert fetch(Path("owner/name"), tmp_path / "again", revision=REVISION) == 1
    assert "the hub has no adapter.safetensors there; only safetensors files are loaded" in refusal(capsys)
    assert fetch(Path("owner/other"), tmp_path / "again") == 1
    assert "add `revision` with the full commit hash that `python -c" in refusal(capsys)
