"""What may be a source adapter, and what is refused, with the reason and before the model changes."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from adapters import AdapterConfig, AutoAdapterModel, DoubleSeqBnConfig, LoRAConfig, ParBnConfig, SeqBnConfig
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError, RepositoryNotFoundError
from requests import Response
from safetensors.torch import load_file, save_file

import scalearn
from scalearn.campaign.places import MODELS
from scalearn.composing.sources import read_source
from scalearn.export import proof
from scalearn.export.export import export
from scalearn.export.finished import read_run
from scalearn.methods.layers.sources import TENSORS
from scalearn.training.runs.stacking import adapter_tensors
from tests.composing.making import encoder, logits, refused, save_new
from tests.export.making import TWO, make_folder, make_run, make_sources

WARNING = "cannot check that its encoder"


# ---------------------------------------------------------------------- runs and exports


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign's folder with two runs of stage 1, one of stage 2, and the exports of all three."""
    root = make_folder(tmp_path_factory.mktemp("campaign"))
    make_sources(root)
    runs = {name: make_run(root, "adapter", task=name) for name in TWO} | {"composed": make_run(root, "scalearn")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proof, "_in_a_fresh_process", lambda claims: [claim.logits for claim in claims])
        export({root / "exports" / name: read_run(run) for name, run in runs.items()})
    return root


def of_the_campaign(root: Path) -> Any:
    return AutoAdapterModel.from_pretrained(root / MODELS / "bert")


@pytest.mark.filterwarnings("error")
def test_runs_and_their_exports_are_the_same_sources(campaign: Path) -> None:
    runs = [make_run(campaign, "adapter", task=name) for name in TWO]
    found = []
    for places in (runs, [campaign / "exports" / name for name in TWO]):
        model = of_the_campaign(campaign)
        assert scalearn.compose(model, places, seed=1).sources == TWO
        found.append(logits(model))
        for place, run in zip(places, runs, strict=True):
            for layer, expected in zip(
                read_source(place).layers, adapter_tensors(run / "weights.safetensors"), strict=True
            ):
                assert all(torch.equal(layer[key], expected[key]) for key in TENSORS)
    assert torch.equal(*found)


def test_an_exported_composition_is_a_source(campaign: Path) -> None:
    model = of_the_campaign(campaign)
    scalearn.compose(model, [campaign / "exports" / "composed"] * 2)
    assert model.state_dict()["bert.encoder.layer.0.output.adapters.scalearn.adapter_down.0.weight"].shape == (8, 32)


def test_a_run_of_another_method_is_refused(campaign: Path) -> None:
    run = make_run(campaign, "scalearn")
    refused("a run of 'scalearn', and sources are runs of 'adapter'; export the run", [run], of_the_campaign(campaign))


def test_a_damaged_run_is_refused(campaign: Path, tmp_path: Path) -> None:
    run = shutil.copytree(make_run(campaign, "adapter"), tmp_path / "run")
    (run / "weights.safetensors").write_bytes(b"")
    refused(r"run: weights.safetensors is not as it was written", [run], of_the_campaign(campaign))
    (run / "run.json").write_text('{"tasks": []}')
    refused(r"run: its run.json is no record of a run on one task", [run], of_the_campaign(campaign))
    (run / "run.json").unlink()
    refused(r"run: neither run.json of a finished run nor adapter_config.json", [run], of_the_campaign(campaign))


def test_other_weights_of_the_encoder_are_refused(campaign: Path, tmp_path: Path) -> None:
    """Encoders of one shape, and even of one name, that are not the same."""
    folder = shutil.copytree(campaign / MODELS / "bert", tmp_path / "bert")
    tensors = load_file(folder / "model.safetensors")
    tensors["embeddings.word_embeddings.weight"] += 1
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    model = AutoAdapterModel.from_pretrained(folder)
    for source in (make_run(campaign, "adapter"), campaign / "exports" / "first"):
        refused(r"its encoder has other weights than '.*bert' \(sha256 \w{12} and \w{12}\)", [source], model)


def test_weights_in_the_cache_of_the_hub_are_compared(campaign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, asked = campaign / MODELS / "bert" / "model.safetensors", []

    def cached(*arguments: str, revision: str | None) -> str:
        asked.append((*arguments, revision))
        return str(file)

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", cached)
    model = of_the_campaign(campaign)
    model.config.name_or_path, model.config._commit_hash = "some/mirror", "abc"
    scalearn.compose(model, [make_run(campaign, "adapter")])
    assert asked == [("some/mirror", "model.safetensors", "abc")]
    file, model = campaign / MODELS / "bert" / "config.json", of_the_campaign(campaign)
    model.config.name_or_path = "some/mirror"
    refused("its encoder has other weights than 'some/mirror'", [make_run(campaign, "adapter")], model)


@pytest.mark.parametrize(("trained_on", "model", "outcome"), [
    ("tiny/bert", "tiny/bert", "same"),
    ("bert", "tiny/BERT", "same"),  # the hub knows both
    ("tiny/bert", "/mirror/of/bert/", "same"),
    ("/models/1", "/models/1", "same"),
    ("tiny/bert", "tiny/other", "refused"),
    ("/models/1", "/other/1", "unknown"),
    ("tiny/bert", "./checkpoint-500", "unknown"),
    ("", "tiny/bert", "unknown"),
    ("tiny/bert", "", "unknown"),
    ("", "", "unknown"),
])  # fmt: skip
def test_names_of_encoders(trained_on: str, model: str, outcome: str, tmp_path: Path) -> None:
    made, sources = encoder(), save_new(tmp_path, "a")
    made.config.name_or_path = model
    change(sources[0], model_name=trained_on)
    if outcome == "refused":
        refused(f"trained on '{trained_on}', and the model is '{model}'", sources, made)
    elif outcome == "unknown":
        with pytest.warns(UserWarning, match=WARNING) as caught:
            scalearn.compose(made, sources)
        assert caught[0].filename == __file__
    else:
        with warnings.catch_warnings(action="error"):
            scalearn.compose(made, sources)


# ---------------------------------------------------------------------- folders of `adapters`


def change(place: str | Path, **changes: Any) -> None:
    """Change entries of a saved adapter's configuration."""
    path = Path(place) / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_adapters_of_other_encoders_are_refused(tmp_path: Path) -> None:
    deeper = save_new(tmp_path, "deeper", num_hidden_layers=3)
    refused(r"deeper: an adapter for 3 layers of width 32, and 'tiny/bert' has 2 layers of width 32", deeper)
    wider = save_new(tmp_path, "wider", hidden_size=64)
    refused(r"wider: an adapter for 2 layers of width 64, and 'tiny/bert' has 2 layers of width 32", wider)
    roberta = save_new(tmp_path, "roberta", kind="roberta")
    refused("an adapter for a 'roberta' encoder, and 'tiny/bert' is a 'bert'", roberta)


def test_adapters_of_different_widths_are_refused(tmp_path: Path) -> None:
    places = save_new(tmp_path, "a") + save_new(tmp_path, "b", config=SeqBnConfig(reduction_factor=8))
    refused(r"a \(width 2\) and .*b \(width 4\) cannot be composed: train both with the same reduction_factor", places)
    uneven = save_new(tmp_path, "c", config=SeqBnConfig(reduction_factor={"0": 8, "default": 16}))
    refused("its layers have different widths", uneven)


def test_a_configuration_of_an_earlier_version_of_the_library(tmp_path: Path) -> None:
    """It names fewer keys; the library's defaults stand for the others."""
    places = save_new(tmp_path, "a")
    expected = read_source(places[0])
    config = json.loads((Path(places[0]) / "adapter_config.json").read_text())["config"]
    later = [key for key in config if key.startswith(("phm", "init", "stochastic")) or key in ("scaling", "dropout")]
    change(places[0], config={key: value for key, value in config.items() if key not in later})
    assert read_source(places[0]).bottleneck == expected.bottleneck
    change(places[0], config={key: value for key, value in config.items() if key != "original_ln_before"})
    refused("placed otherwise: original_ln_before is False", places)


@pytest.mark.parametrize(("config", "words"), [
    (DoubleSeqBnConfig(), "placed otherwise: mh_adapter is True"),
    (ParBnConfig(reduction_factor=16), "placed otherwise: is_parallel is True"),
    (SeqBnConfig(reduction_factor=16, leave_out=[1]), r"placed otherwise: leave_out is \[1\]"),
    (SeqBnConfig(reduction_factor=16, ln_after=True), "placed otherwise: ln_after is True"),
    (SeqBnConfig(reduction_factor=16, residual_before_ln=False), "placed otherwise: residual_before_ln is False"),
    (SeqBnConfig(reduction_factor=16, inv_adapter="nice", inv_adapter_reduction_factor=2), "inv_adapter is 'nice'"),
    (SeqBnConfig(reduction_factor=16, non_linearity="gelu"), "of another form: non_linearity is 'gelu'"),
    (SeqBnConfig(reduction_factor=16, scaling=2.0), r"of another form: scaling is 2\.0"),
    (SeqBnConfig(reduction_factor=16, use_gating=True), "of another form: use_gating is True"),
    (SeqBnConfig(reduction_factor=8, phm_layer=True), "of another form: phm_layer is True"),
    (LoRAConfig(), "its architecture is 'lora', and scalearn composes bottleneck adapters"),
])  # fmt: skip
def test_adapters_of_another_placement_or_form_are_refused(config: AdapterConfig, words: str, tmp_path: Path) -> None:
    refused(words, save_new(tmp_path, "a", config=config))


def only_a_pickle(place: Path) -> None:
    torch.save(load_file(place / "adapter.safetensors"), place / "pytorch_adapter.bin")
    (place / "adapter.safetensors").unlink()


def another_tensor(place: Path) -> None:
    tensors = load_file(place / "adapter.safetensors")
    save_file(
        tensors | {"bert.encoder.layer.0.output.adapters.a.gate.weight": torch.ones(1)}, place / "adapter.safetensors"
    )


def a_layer_less(place: Path) -> None:
    tensors = load_file(place / "adapter.safetensors")
    tensors.pop("bert.encoder.layer.1.output.adapters.a.adapter_up.bias")
    save_file(tensors, place / "adapter.safetensors")


def not_finite(place: Path) -> None:
    tensors = load_file(place / "adapter.safetensors")
    tensors["bert.encoder.layer.1.output.adapters.a.adapter_up.bias"][3] = torch.nan
    save_file(tensors, place / "adapter.safetensors")


def of_peft(place: Path) -> None:
    (place / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 8}')


def a_fusion(place: Path) -> None:
    (place / "adapter_config.json").rename(place / "adapter_fusion_config.json")


@pytest.mark.parametrize(("damage", "words"), [
    (only_a_pickle, "only pytorch_adapter.bin, no adapter.safetensors; only safetensors files are loaded"),
    (lambda place: (place / "adapter.safetensors").unlink(), "no weights, no adapter.safetensors"),
    (lambda place: (place / "adapter.safetensors").write_bytes(b"{}"), "adapter.safetensors is not readable"),
    (another_tensor, r"tensor 'bert.encoder.layer.0.output.adapters.a.gate.weight' belongs to no plain bottleneck"),
    (a_layer_less, "holds no complete bottleneck adapter"),
    (not_finite, "holds NaN or infinite weights"),
    (of_peft, r"an adapter of PEFT \(LORA\)"),
    (a_fusion, "an AdapterFusion is no single adapter; name one of the folders of its adapters"),
    (lambda place: change(place, config=None), "`config` in its adapter_config.json describes no adapter"),
    (lambda place: change(place, config={"a": 1}), "`config` in its adapter_config.json describes no adapter"),
    (lambda place: change(place, config={**SeqBnConfig().to_dict(), "twist": 2}), "twist in its adapter_config.json"),
    (lambda place: (place / "adapter_config.json").write_text("{"), "adapter_config.json: not readable as JSON"),
    (shutil.rmtree, "no such folder; name the folder of a run or of a saved adapter"),
])  # fmt: skip
def test_damaged_folders_are_refused(damage: Callable[[Path], None], words: str, tmp_path: Path) -> None:
    places = save_new(tmp_path, "a")
    damage(Path(places[0]))
    refused(words, places)


def test_no_pickle_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = save_new(tmp_path, "a")
    only_a_pickle(Path(places[0]))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("a pickle was opened"))
    refused("if you trust the adapter, load it with load_adapter", places)


def test_two_adapters_of_one_name_get_two(tmp_path: Path) -> None:
    places = [save_new(tmp_path / str(number), "same")[0] for number in range(3)]
    change(places[0], name="same/2 .")
    model = encoder()
    names = ("same_2__", "same", "same_2")
    assert scalearn.compose(model, places, "adapter_fusion").sources == names
    assert logits(model).shape == (8, 2)


# ---------------------------------------------------------------------- the hub


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose folders owner/name/revision are the hub's repositories."""
    (tmp_path / "owner" / "name").mkdir(parents=True)

    def download(repository: str, file: str, revision: str | None = None) -> str:
        if not (tmp_path / repository).exists():
            raise RepositoryNotFoundError("no such repository", response=Response())
        path = tmp_path / repository / (revision or "main") / file
        if not path.exists():
            raise EntryNotFoundError("no such file")
        return str(path)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    return tmp_path / "owner" / "name"


def test_ids_of_the_hub_are_sources(hub: Path) -> None:
    save_new(hub, "main", "v2")
    model = encoder()
    assert scalearn.compose(model, ["owner/name", "owner/name@v2"]).sources == ("main", "v2")


def test_ids_that_are_refused(hub: Path) -> None:
    refused("someone/none: no such folder, and the hub has no such repository", ["someone/none"])
    refused("owner/name: the hub has no adapter_config.json there; it holds no adapter of `adapters`", ["owner/name"])
    only_a_pickle(Path(save_new(hub, "main")[0]))
    refused("owner/name: the hub has no adapter.safetensors there; only safetensors files are loaded", ["owner/name"])


@pytest.mark.parametrize(("error", "words"), [
    (LocalEntryNotFoundError("offline"), "adapter_config.json is not in the hub's cache, and the hub cannot be"),
    (OSError("broken"), r"the hub did not answer \(OSError\); try again, or name a local folder"),
])  # fmt: skip
def test_a_hub_that_cannot_be_reached(error: Exception, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> str:
        raise error

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fails)
    refused(f"owner/name: no such folder.*{words}", ["owner/name"])
