"""Files appear whole or not at all, also where the disk is full or closed, and show it if they are altered."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from scalearn.cli.commands import app
from scalearn.errors import UserError
from scalearn.storage.files import (
    MAKERS,
    altered,
    check_replaced,
    read_json,
    sha256,
    sweep,
    whole_file,
    whole_folder,
    write_json,
)


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", MAKERS)
def test_a_file_that_is_not_there_is_told_with_the_command_that_makes_it(name: str, tmp_path: Path) -> None:
    path = tmp_path / "{a}" / name
    with pytest.raises(UserError) as refused:
        read_json(path)
    assert str(refused.value).startswith(f"{path}: no such file; `scalearn ")
    assert str(path.parent) in str(refused.value).partition(";")[2]
    command = re.findall(r"`scalearn (\S+?)[ `]", str(refused.value))
    assert command and set(command) <= {
        known.name or str(known.callback.__name__).replace("_", "-")
        for known in app.registered_commands
        if known.callback
    }


def test_any_other_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"pair\.json: no such file; mend the path"):
        read_json(tmp_path / "pair.json")


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"old": 1})
    before = content(tmp_path)
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "a.json") as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), whole_folder(tmp_path / "folder") as temporary:
        (temporary / "half").write_text("half")
        raise ZeroDivisionError
    assert content(tmp_path) == before


def test_what_a_killed_writer_left_is_removed_by_the_next_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    for name in (".a.json.scalearn-aaaaaaaa", ".b.json.scalearn-aaaaaaaa", ".a.json.original"):
        (tmp_path / name).write_text("half")
    (tmp_path / ".a.json.scalearn-folder_8").mkdir()
    with whole_file(tmp_path / "a.json") as mine:
        write_json(tmp_path / "a.json", {"by": "another"})
        mine.write_text("{}")
    left = {".b.json.scalearn-aaaaaaaa": b"half", ".a.json.original": b"half"}  # another file's, and nobody of ours
    assert content(tmp_path) == {"a.json": b"{}", **left}
    assert not (tmp_path / ".a.json.scalearn-folder_8").exists()
    with whole_folder(tmp_path / "folder") as mine, whole_folder(tmp_path / "folder") as other:
        assert mine != other and mine.is_dir()


def test_only_a_file_of_the_same_sort_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    check_replaced(path, b"mark", "file of marks")
    for content in (b"", b"a mark", b"mark" + bytes(10**6), bytes(10**6) + b"mark"):
        path.write_bytes(content)
        check_replaced(path, b"mark", "file of marks")
    path.write_bytes(bytes(10**6))
    with pytest.raises(UserError, match="file: it exists already and is no file of marks; name another file, or"):
        check_replaced(path, b"mark", "file of marks")


def test_a_sweep_takes_only_what_is_ours_and_dead(tmp_path: Path) -> None:
    for name in (".git/HEAD", ".lock", ".env", ".a.original", ".scalearn-aaaaaaaa", ".b.scalearn-aaaaaaaa/half"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    before = content(tmp_path)
    with whole_file(tmp_path / "c"):
        sweep(tmp_path)
    assert content(tmp_path).keys() == before.keys() - {".b.scalearn-aaaaaaaa/half"} | {"c"}
    assert not (tmp_path / ".b.scalearn-aaaaaaaa").exists()


def test_an_altered_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "score.json"
    write_json(path, {"score": 0.25, "rows": {"2": [1, None, "é"]}})
    assert read_json(path) == {"score": 0.25, "rows": {"2": [1, None, "é"]}}
    path.write_text(path.read_text().replace("0.25", "0.95"))
    with pytest.raises(UserError, match=r"score\.json: not as it was written.*delete it and run again"):
        read_json(path)
    path.write_text(path.read_text()[:20])
    with pytest.raises(UserError, match=r"score\.json: not readable as JSON"):
        read_json(path)


def test_a_json_of_somebody_else_has_no_checksum_and_is_taken(tmp_path: Path) -> None:
    (tmp_path / "task.json").write_text(json.dumps({"name": "mine"}))
    assert read_json(tmp_path / "task.json") == {"name": "mine"}


def test_altered_and_missing_files_are_told(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    checksums = {name: sha256(tmp_path / name) for name in ("a", "b", "c")}
    assert altered(tmp_path, checksums) == []
    (tmp_path / "a").write_text("b")
    (tmp_path / "b").unlink()
    assert altered(tmp_path, checksums) == ["a", "b"]


@pytest.mark.parametrize(
    ("code", "mend"),
    [(errno.ENOSPC, "free some space"), (errno.EDQUOT, "quota"), (errno.EROFS, "somewhere else")],
)
def test_what_the_system_says_of_a_disk_is_told_with_the_path(code: int, mend: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"weights: cannot be written \({os.strerror(code)}\); .*{mend}"):  # noqa: SIM117
        with whole_file(tmp_path / "weights"):
            raise OSError(code, os.strerror(code))
    assert content(tmp_path) == {}


SMALL = 4096  # bytes that a file may have in the next test


def limited(write: Callable[[Path], None], path: Path) -> str:
    """Return what `write` says under a real limit of file sizes, in a process of its own."""
    read, into = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # else the system kills; ignored, it says EFBIG
        resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL))
        try:
            write(path)
            said = "nothing"
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(into, said.encode())
        os._exit(0)
    os.close(into)
    os.waitpid(child, 0)
    with os.fdopen(read) as stream:
        return stream.read()


def write_weights(path: Path) -> None:
    with whole_file(path) as temporary:
        save_file({"w": torch.zeros(9999)}, temporary)


def write_long_json(path: Path) -> None:
    write_json(path, {"w": "x" * 9999})


@pytest.mark.parametrize("write", [write_weights, write_long_json])
def test_a_file_that_does_not_fit_leaves_the_old_one(write: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    said = limited(write, tmp_path / "file")
    assert said.startswith(f"UserError: {tmp_path / 'file'}: cannot be written (File too large);"), said
    assert content(tmp_path) == {"file": b"old"}


TRAIN = "import sys; from scalearn.__main__ import main; sys.exit(main(sys.argv[1:]))"


def test_a_full_disk_ends_a_command_in_one_sentence(tmp_path: Path) -> None:
    """On a real, small file system, if this user may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        table = tmp_path / "rows.csv"
        table.write_text("text,label\n" + "".join(f"text {os.urandom(300).hex()},{row % 2}\n" for row in range(400)))
        definition = json.dumps({"source": {"kind": "files", "train": str(table), "test": str(table)}})
        command = ["prepare-task", "mine", "--definition", definition, "--output", str(disk / "mine")]
        done = subprocess.run([sys.executable, "-c", TRAIN, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "cannot be written (No space left on device); free some space and run again" in done.stderr
        assert "Traceback" not in done.stderr
        assert content(disk) == {}
    finally:
        subprocess.run(["umount", disk], check=True)
