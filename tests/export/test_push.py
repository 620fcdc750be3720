"""`scalearn export --push-to-hub`, against a stand-in of the hub; no token leaves the process but in its header."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.utils import reset_sessions

from scalearn.errors import UserError
from scalearn.export.push import OFFLINE, check_push, push
from tests.export.hub import Hub, hub
from tests.export.making import make_folder, make_run

TOKEN = "hf_secretsecretsecret"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(make_folder(tmp_path_factory.mktemp("push")), "adapter")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub, which this process takes for the real one, with our token."""
    reset_sessions()  # one that was made with the hub switched off stays so
    with hub() as running:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", running.address)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        for name in OFFLINE:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield running
    reset_sessions()


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A folder that stands for an export."""
    folder = tmp_path / "out"
    folder.mkdir()
    for name in ("export.json", "README.md", "adapter.safetensors"):
        (folder / name).write_text("{}")
    return folder


def export(run: Path, out: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Export and push in a process of its own, which sees no other token than ours."""
    given = {"HF_TOKEN": TOKEN, "HF_HOME": str(out.parent / "home"), **environment}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    command = [sys.executable, "-m", "scalearn", "export", str(run), str(out), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=clean | given)
    assert TOKEN not in done.stdout + done.stderr and "Traceback" not in done.stderr
    for path in out.rglob("*"):
        assert path.is_dir() or TOKEN.encode() not in path.read_bytes()
    return done


def test_an_export_is_pushed_whole(run: Path, server: Hub, tmp_path: Path) -> None:
    options = ("--push-to-hub", "me/mine", "--private")
    done = export(run, tmp_path / "out", *options, HF_ENDPOINT=server.address)
    assert done.returncode == 0, done.stderr
    assert f"pushed: {server.address}/me/mine" in done.stdout
    local = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert server.files == local and {"export.json", "README.md", "adapter.safetensors"} <= local.keys()
    assert server.private is True
    assert {header for _, _, header in server.requests} <= {f"Bearer {TOKEN}", ""}


def test_a_hub_that_refuses_leaves_the_export_and_the_token_unsaid(run: Path, server: Hub, tmp_path: Path) -> None:
    server.refuses = 403
    done = export(run, tmp_path / "out", "--push-to-hub", "me/mine", HF_ENDPOINT=server.address)
    assert done.returncode == 1 and "the hub does not let this token write there (403)" in done.stderr
    assert f"push it with `hf upload me/mine {tmp_path / 'out'}`" in done.stderr
    assert (tmp_path / "out" / "export.json").exists()


def test_an_export_may_replace_an_earlier_one(exported: Path, server: Hub) -> None:
    server.files = {"export.json": b"old", "README.md": b"old"}
    assert push(exported, "me/mine") == f"{server.address}/me/mine"
    assert server.files["README.md"] == b"{}" and server.private is not True


def test_a_repository_with_other_files_is_left_alone(exported: Path, server: Hub) -> None:
    server.files = {"pytorch_model.bin": b"mine", "README.md": b"mine"}
    with pytest.raises(UserError, match=r"the repository holds other files \(pytorch_model\.bin\); name another"):
        push(exported, "me/mine")
    assert server.files["README.md"] == b"mine"


@pytest.mark.parametrize(("status", "says"), [(401, "does not let this token write there"), (400, "answered 400")])
def test_what_the_hub_answers_is_said(status: int, says: str, exported: Path, server: Hub) -> None:
    server.refuses = status
    with pytest.raises(UserError, match=f"{says}.*; the export is in .*; push it with `hf upload me/mine"):
        push(exported, "me/mine")


def test_a_hub_that_is_not_there(exported: Path, server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match="the hub cannot be reached"):
        push(exported, "me/mine")


@pytest.mark.parametrize("name", ["me/mine/more", "me mine", "", "/mine", "me/"])
def test_a_wrong_name_is_refused(name: str, server: Hub) -> None:
    with pytest.raises(UserError, match="this is no name of a repository; write OWNER/NAME"):
        check_push(name)


def test_what_cannot_be_pushed_is_refused_before_anything_is_written(
    server: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    check_push("me/mine")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match="HF_HUB_OFFLINE switches the hub off; unset it"):
        check_push("me/mine")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(UserError, match="no token of the hub; type `hf auth login`"):
        check_push("me/mine")
    assert server.requests == []
