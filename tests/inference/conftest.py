"""A work directory with finished runs of one task of each kind, and an export."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from scalearn.campaign.places import ENCODED, MODELS, TASKS
from scalearn.export.export import export
from scalearn.export.finished import read_run
from scalearn.training.data.encode import encode
from tests.export.making import in_place, make_folder, make_run, make_sources, planned, train
from tests.tiny import make_task
from tests.training.planning import like

KINDS = ("regression", "multi_label", "multiple_choice")


@pytest.fixture(scope="session")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A work directory; `run_of` has the folders of its runs."""
    root = make_folder(tmp_path_factory.mktemp("inference"))
    make_sources(root)
    for method in ("scalearn", "adapter_m"):
        make_run(root, method)
    for kind in KINDS:
        task = make_task(root / TASKS / kind, kind, rows=32, noise=(4, 2))
        encode(task, root / MODELS / "bert", root / ENCODED / "bert" / kind)
        train(kind_run(root, kind))
    exported = {root / "exports" / method: read_run(make_run(root, method)) for method in ("adapter", "scalearn")}
    exported[root / "exports" / "adapter_fusion"] = read_run(make_run(root, "adapter_fusion"))
    exported[root / "exports" / "full_finetuning"] = read_run(make_run(root, "full_finetuning"))
    exported[root / "exports" / "multiple_choice"] = read_run(kind_run(root, "multiple_choice").output)
    export(exported)
    yield root


def kind_run(root: Path, kind: str):  # type: ignore[no-untyped-def]
    """Return the adapter's run on the task of this kind."""
    run = planned(root, "adapter")
    return in_place(root, like(run, tasks=(kind,), data=(root / ENCODED / "bert" / kind,)))
