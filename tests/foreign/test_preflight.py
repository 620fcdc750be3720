"""Adapters from elsewhere that do not fit a campaign: `scalearn check` refuses them with the reason."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from adapters import DoubleSeqBnConfig, SeqBnConfig
from safetensors.torch import load_file, save_file

from scalearn.__main__ import main
from scalearn.campaign.places import ADAPTERS
from scalearn.campaign.plan import Campaign
from scalearn.cli.method_list import sizes
from scalearn.foreign.fetching import fetch
from scalearn.preflight.inputs import check_campaign
from scalearn.storage.files import sha256
from scalearn.workspace.pack import pack
from scalearn.workspace.prune import needed_paths
from tests.bad_input.case import configure, make_project
from tests.composing.making import save_new
from tests.processes import python

SQUAD = {"adapter": "squad", "name": "squad"}
REVISION = "0123456789" * 4


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a campaign that composes the adapter in the folder `squad`."""
    monkeypatch.chdir(tmp_path)
    make_project()
    save_new(tmp_path, "squad")
    compose(SQUAD)
    return tmp_path


def compose(*sources: Any, **changes: Any) -> None:
    """Write a campaign with these sources beside those of its task."""
    benchmarks = {"pair": {"tasks": ["mine"], "sources": ["mine", *sources]}}
    configure(**{"benchmarks": benchmarks, "methods": ["adapter", "scalearn"], **changes})


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line in which `scalearn check` refuses the campaign."""
    assert main(["check", "config.yaml"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_an_adapter_that_fits_is_accepted_without_torch(project: Path) -> None:
    assert main(["check", "config.yaml"]) == 0
    code = f"import os; os.chdir({str(project)!r}); from scalearn.__main__ import main; main(['check', 'config.yaml'])"
    assert python(f"import sys; {code}; print({{'torch', 'transformers', 'adapters'}} & set(sys.modules))") == "set()"


def test_weights_of_another_encoder_are_told_by_their_checksum(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = {"base_model": {"name": "model", "sha256": sha256(Path("model/model.safetensors"))}}
    (project / "squad/export.json").write_text(json.dumps(about))
    assert main(["check", "config.yaml"]) == 0
    about["base_model"]["sha256"] = "0" * 64
    (project / "squad/export.json").write_text(json.dumps(about))
    capsys.readouterr()
    assert "(squad): its encoder has other weights than '" in refusal(capsys)


def only_a_pickle(place: Path) -> None:
    (place / "adapter.safetensors").rename(place / "pytorch_adapter.bin")


@pytest.mark.parametrize(("spoil", "saved", "says"), [
    (only_a_pickle, {}, "squad: only pytorch_adapter.bin, no adapter.safetensors; only safetensors files are loaded"),
    (shutil.rmtree, {}, "source 'squad': no folder squad; name the folder of a saved adapter, or an id"),
    (None, {"config": DoubleSeqBnConfig()}, "squad: the adapter is placed otherwise: mh_adapter is True"),
    (None, {"config": SeqBnConfig(reduction_factor=16, non_linearity="gelu")}, "of another form: non_linearity is"),
    (None, {"config": SeqBnConfig(reduction_factor=16, ln_after=True)}, "placed otherwise: ln_after is True"),
    (None, {"config": SeqBnConfig(reduction_factor=8)}, r"its bottlenecks are 4 wide, and those of the adapters that"),
    (None, {"num_hidden_layers": 3}, r"an adapter for 3 layers of width 32, and '.*model' has 2 layers of width 32"),
    (None, {"hidden_size": 64}, r"an adapter for 2 layers of width 64, and '.*model' has 2 layers of width 32"),
    (None, {"kind": "roberta"}, r"an adapter for a 'roberta' encoder, and '.*model' is a 'bert'"),
])  # fmt: skip
def test_what_does_not_fit_is_refused_before_the_first_job(
    spoil: Callable[[Path], Any] | None, saved: dict[str, Any], says: str, project: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    if saved:
        shutil.rmtree(project / "squad")
        save_new(project, "squad", **saved)
    if spoil is not None:
        spoil(project / "squad")
    line = refusal(capsys)
    assert line.startswith("error: config.yaml: ") and re.search(says, line)
    compose(SQUAD, methods=["adapter"])  # nothing composes it
    assert main(["check", "config.yaml"]) == 0


@pytest.mark.parametrize(("sources", "changes", "says"), [
    ([{"adapter": "some/squad", "name": "q"}], {}, r"no folder some/squad; .* add `revision` with the full commit hash "
     r"that `python -c \"from huggingface_hub import model_info; print\(model_info\('some/squad'\).sha\)\"` prints"),
    ([{"adapter": "squad", "revision": REVISION, "name": "q"}], {}, r"sources\[1\]: adapter: 'squad' has a revision"),
    ([{"adapter": "a/b", "revision": "main", "name": "q"}], {}, r"sources\[1\]\.revision: a full commit hash of 40"),
    ([{"adapter": "https://a/b", "name": "q"}], {}, r"sources\[1\]\.adapter: a path on this machine is expected"),
    ([{"adapter": "squad"}], {}, r"sources\[1\]: `name` is missing; add it, for example `name: squad`"),
    ([{"adapter": "squad", "name": "mine"}], {}, "sources: 'mine' is a task of this benchmark; give the adapter squad"),
    ([SQUAD, SQUAD], {}, "sources: 'squad' is listed more than once"),
    ([SQUAD], {"methods": ["adapter_soup"], "sentence_encoder": "tiny"},
     "sources: 'adapter_soup' compares the texts of the source tasks, and there are none of the adapter 'squad'"),
    ([{"adapter": "sq{u}ad", "name": "q"}], {}, "Snakemake would read the brace in sq{u}ad/adapter_config.json"),
])  # fmt: skip
def test_entries_that_are_refused(
    sources: list[Any], changes: dict[str, Any], says: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree("squad", "sq{u}ad")
    compose(*sources, **changes)
    line = refusal(capsys)
    assert line.startswith("error: config.yaml: ") and re.search(says, line)


def test_two_adapters_of_different_widths_are_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_new(project, "wide", config=SeqBnConfig(reduction_factor=8))
    benchmarks = {"pair": {"tasks": ["mine"], "sources": [SQUAD, {"adapter": "wide", "name": "wide"}]}}
    configure(benchmarks=benchmarks, methods=["scalearn"])
    assert re.search(r"\(squad\) \(width 2\) and .*\(wide\) \(width 4\) cannot be composed", refusal(capsys))


def test_an_adapter_of_the_hub_is_checked_once_it_is_fetched(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compose({"adapter": "some/squad", "revision": REVISION, "name": "squad"})
    ((key, source),) = check_campaign(Path("config.yaml")).adapters.items()
    shutil.rmtree(project / "squad")
    save_new(project, "squad", num_hidden_layers=3)
    fetch(source.model_copy(update={"adapter": "squad", "revision": None}), project / "fetched")
    shutil.copytree(project / "fetched", ADAPTERS / key)
    capsys.readouterr()
    assert "source 'squad' (some/squad): an adapter for 3 layers of width 32" in refusal(capsys)
    (ADAPTERS / key / "adapter.safetensors").unlink()  # Snakemake fetches it again
    assert main(["check", "config.yaml"]) == 0


def test_the_key_of_a_local_adapter_follows_its_content_and_not_its_place(project: Path) -> None:
    def key() -> str:
        (found,) = Campaign.read(Path("config.yaml")).adapters
        return found

    first = key()
    (project / "squad").rename("moved")
    compose({**SQUAD, "adapter": "moved"})
    assert key() == first
    file = Path("moved/adapter.safetensors")
    tensors = load_file(file)
    save_file({name: tensor + 1 for name, tensor in tensors.items()}, file)
    assert key() != first
    save_file(tensors, file, {"format": "pt"})
    (again,) = Campaign.read(Path("config.yaml")).adapters
    config = Path("moved/adapter_config.json")
    config.write_text(config.read_text() + "\n")
    assert key() != again


def test_prune_keeps_what_was_fetched_and_pack_takes_the_local_folder_along(project: Path) -> None:
    campaign = Campaign.read(Path("config.yaml"))
    (adapter,) = campaign.adapters
    assert ADAPTERS / adapter in needed_paths(campaign)
    (project / ".snakemake/metadata").mkdir(parents=True)
    (project / "squad/export.json").write_text("{}")
    away = project.parent / f"{project.name} away"
    (project / "squad").rename(away)
    (project / "squad").symlink_to(away)
    packed = pack(project, project.parent / f"{project.name}.tar.gz")
    names = {path.name for path in packed.entries if path.parts[0] == "squad"}
    assert names == {"adapter_config.json", "adapter.safetensors", "export.json"}


def test_the_name_of_an_encoder_of_the_hub_is_compared_before_it_is_fetched(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def on(repository: str) -> None:
        hub = {"kind": "hub", "repository": repository, "revision": REVISION}
        compose(SQUAD, models={"tiny": hub})

    on("somebody/bert")  # the adapter says tiny/bert
    assert main(["check", "config.yaml"]) == 0
    on("somebody/roberta")
    capsys.readouterr()
    assert "trained on 'tiny/bert', and the model is 'somebody/roberta'; use the encoder of this adapter" in refusal(
        capsys
    )


def test_it_counts_as_a_source(project: Path) -> None:
    alone = {"adapter": {"reduction_factor": 16}, "scalearn": {"include_target": False}}
    compose(SQUAD, hyperparameters=alone)
    campaign = check_campaign(Path("config.yaml"))  # with the target's own adapter alone this is refused
    assert sizes(campaign, "pair", {"intermediate": 64, "embeddings": 100}).sources == 2
