"""What kind of test a test is, and what it needs that a machine may lack. pyproject.toml describes the markers."""

from __future__ import annotations

import shutil

import pytest

from tests.places import DATA, ROOT

KINDS = frozenset({"unit", "campaign", "slurm"})
FOLDERS = {"workflow": "campaign", "slurm": "slurm"}  # whose tests are of one kind; elsewhere a marker says it


def kinds(item: pytest.Item) -> set[str]:
    """Return the kinds that a test is marked with."""
    return {marker.name for marker in item.iter_markers()} & KINDS


def add_kind(item: pytest.Item) -> None:
    """Mark a test that says nothing of its kind as its folder's tests are, or as `unit`."""
    if not kinds(item):
        room, *_ = item.path.relative_to(ROOT / "tests").parts
        item.add_marker(FOLDERS.get(room, "unit"))


def lacking(item: pytest.Item) -> str:
    """Return what a test needs and this machine does not have, or nothing."""
    for folder in (folder for marker in item.iter_markers("data") for folder in marker.args):
        if not (DATA / folder).is_dir():
            return f"no rows in {DATA.name}/{folder}; set SCALEARN_TEST_DATA to a folder that has them"
    if item.get_closest_marker("browser") and not (shutil.which("chromium") and shutil.which("chromedriver")):
        return "no chromium with chromedriver; tests/report/install_chromium.sh installs Debian's"
    if item.get_closest_marker("latex") and shutil.which("pdflatex") is None:
        return "no pdflatex; tests/results/install_latex.sh installs Debian's"
    if item.get_closest_marker("gpu"):
        import torch

        return "" if torch.cuda.is_available() else "no CUDA device"
    return ""
