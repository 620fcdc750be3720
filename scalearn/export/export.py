"""`scalearn export`: from finished runs to folders that stock `adapters` loads, each proved before it appears."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from scalearn.campaign.input_files import EXPORT_RECORD
from scalearn.export import card
from scalearn.export.about import about, base_model
from scalearn.export.finished import FinishedRun
from scalearn.export.heads import write_head
from scalearn.export.proof import Claim, chosen_rows, prove
from scalearn.export.rebuild import logits, rebuild, split_of
from scalearn.export.written import SOURCES, write_model
from scalearn.storage.files import check_new, whole_folder, write_json
from scalearn.training.engine.model import head_name


def export(
    wanted: Mapping[Path, FinishedRun], *, all_rows: bool = False, from_user: card.FromUser | None = None
) -> dict[Path, dict[str, Any]]:
    """Write each run to its folder, and return what the exports say of their proofs; one process proves them all.

    wanted: the runs, by the folders, which must not be there. from_user: licence and languages for the model cards.

    Raises: UserError if a folder is there already, if a method cannot be written so, or if one export does not give
    what its run gives; then no folder is written.
    """
    for folder in wanted:
        check_new(folder)
    with ExitStack() as all_or_none:
        written = []
        for folder, run in wanted.items():
            temporary = all_or_none.enter_context(whole_folder(folder, new=True))
            written.append(write(run, temporary, all_rows=all_rows))
        proofs = prove([claim for claim, _ in written])
        for (claim, content), proof in zip(written, proofs, strict=True):
            write_json(claim.folder / EXPORT_RECORD, content | {"proof": proof})
            sources = sorted(path.name for path in (claim.folder / SOURCES).glob("*"))
            text = card.card(claim.run, content, sources, from_user or card.FromUser())
            (claim.folder / card.FILE).write_text(text, encoding="utf-8")
    return dict(zip(wanted, proofs, strict=True))


def write(run: FinishedRun, folder: Path, *, all_rows: bool = False) -> tuple[Claim, dict[str, Any]]:
    """Write the run to the empty `folder`; return what the export must give, and what export.json says of it."""
    model, given, head = rebuild(run)
    split = split_of(run)
    rows = chosen_rows(len(split), all_rows)
    claim = Claim(run, folder, rows, logits(model, head, split, rows))
    method, values = run.planned.spec.learner
    method.fold(model, values, given)
    name = head_name(run.task)
    write_head(model, head, name, run.info.labels)
    form = write_model(model, name, base_model(run)["name"], run.planned.model, folder)
    content = about(run, name, type(model).__name__) | {"form": form}
    write_json(folder / EXPORT_RECORD, content)
    return claim, content
