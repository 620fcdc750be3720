"""Sets LaTeX tables with Debian's pdflatex."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path


def set_by_pdflatex(tables: Sequence[Path]) -> None:
    """Assert that pdfLaTeX sets these tables in one document, with booktabs alone and without a missing character."""
    folder = tables[0].parent
    lines = [r"\documentclass{article}", r"\usepackage{booktabs}", r"\begin{document}"]
    lines += [rf"\input{{{table.name}}}" for table in tables]
    (folder / "all.tex").write_text("\n".join([*lines, r"\end{document}", ""]))
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "all.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    log = (folder / "all.log").read_text(errors="replace")
    assert "Missing character" not in log
    assert (folder / "all.pdf").stat().st_size > 0
