"""LaTeX tables: what becomes of each character, and that pdfLaTeX sets them whatever their rows are called."""

# ruff: noqa: RUF001 (letters of many scripts)

from __future__ import annotations

from pathlib import Path

import pytest

from scalearn.results.escaping import comment, escape
from scalearn.results.layout import Layout
from scalearn.results.tables import write_table
from tests.results.latex import set_by_pdflatex
from tests.results.pair_table import COMPLETE, INCOMPLETE, LAYOUT, write_scores

TITLES = (
    r"a & b % c _ # ~ ^ \ { } $ < > | d",
    r"\input{secret} $x$ \\ %",
    "\"quoted\" 'text' `code` – — ± † “curly” ‘too’ a--b ---",
    "Größe äöüÄÖÜß éèêñçåøæœłı ŁÆ ģ ş ķ ǎ ī đ þ ế",
    "ω Ω α Λ Ϊ Σς Α ΑΒΓ µ ² ₃ ° × ≤ ∞ →",
    "😀 smile",
    "漢字 кириллица مرحبا \N{COMBINING ACUTE ACCENT} \N{ZERO WIDTH JOINER} \N{NO-BREAK SPACE}end",
    "[square] *star*",
    "*star",
)


def hostile(layout: Layout) -> Layout:
    """Return the layout with a row per title; each shows the first row's runs."""
    rows = [layout.rows[0].model_copy(update={"name": title, "title": title}) for title in TITLES]
    return layout.model_copy(update={"rows": (*layout.rows, *rows)})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a & b_c", r"a \& b\_c"),
        ("\\", r"\textbackslash{}"),
        ("a < b > c | d", r"a \textless{} b \textgreater{} c \textbar{} d"),
        ("1–3 ± 2†", r"1--3 $\pm$ 2$^\dagger$"),
        ("a--b", r"a-{}-b"),
        ("ü ñ ç ī ş", r"\"{u} \~{n} \c{c} \={\i} \c{s}"),
        ("u\N{COMBINING DIAERESIS}", r"\"{u}"),
        ("ω Σ ς Α ο", r"$\omega$ $\Sigma$ $\varsigma$ A o"),
        ("漢 😀", "{}[U+6F22] [U+1F600]"),
        ("*", "{}*"),
        ("[x] *", "{}[x] *"),
        ("a\tb\N{LINE SEPARATOR}c", "a b c"),
    ],
)
def test_what_becomes_of_each_character(text: str, expected: str) -> None:
    assert escape(text) == expected


@pytest.mark.parametrize("title", TITLES)
def test_what_is_written_is_ascii(title: str) -> None:
    assert escape(title).isascii()


def test_a_comment_is_one_line() -> None:
    assert comment("a\nb\rc\N{LINE SEPARATOR}d") == "% a b c d"


@pytest.mark.latex
def test_tables_with_hostile_titles_compile(tmp_path: Path) -> None:
    tables = []
    for name, scores in (("complete", COMPLETE), ("incomplete", INCOMPLETE)):
        write_scores(tmp_path / name, scores)
        write_table(hostile(LAYOUT), tmp_path / name, tmp_path / name)
        tables.append(tmp_path / f"{name}.tex")
    set_by_pdflatex(tables)
