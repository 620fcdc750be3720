"""Text as LaTeX, in ASCII, that pdfLaTeX sets with its default fonts and without a package."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

_SPECIAL = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "\\textless{}",
    ">": "\\textgreater{}",
    "|": "\\textbar{}",
    '"': "\\textquotedblright{}",
    "`": "\\textquoteleft{}",
    "'": "\\textquoteright{}",
}
_LETTERS = {
    **{"ß": "\\ss{}", "æ": "\\ae{}", "Æ": "\\AE{}", "œ": "\\oe{}", "Œ": "\\OE{}", "ø": "\\o{}", "Ø": "\\O{}"},
    **{"ł": "\\l{}", "Ł": "\\L{}", "\N{LATIN SMALL LETTER DOTLESS I}": "\\i{}"},
}
_SIGNS = {
    "\N{NO-BREAK SPACE}": "~",
    "\N{EN DASH}": "--",
    "\N{EM DASH}": "---",
    "\N{HYPHEN}": "-",
    "\N{NON-BREAKING HYPHEN}": "-",
    "\N{MINUS SIGN}": "$-$",
    "\N{LEFT SINGLE QUOTATION MARK}": "\\textquoteleft{}",
    "\N{RIGHT SINGLE QUOTATION MARK}": "\\textquoteright{}",
    "\N{LEFT DOUBLE QUOTATION MARK}": "\\textquotedblleft{}",
    "\N{RIGHT DOUBLE QUOTATION MARK}": "\\textquotedblright{}",
    "\N{HORIZONTAL ELLIPSIS}": "\\dots{}",
    "\N{BULLET}": "$\\bullet$",
    "\N{DAGGER}": "$^\\dagger$",
    "\N{DOUBLE DAGGER}": "$^\\ddagger$",
    "\N{SECTION SIGN}": "\\S{}",
    "\N{PILCROW SIGN}": "\\P{}",
    "\N{COPYRIGHT SIGN}": "\\copyright{}",
    "\N{POUND SIGN}": "\\pounds{}",
    "\N{DEGREE SIGN}": "$^\\circ$",
    "\N{PLUS-MINUS SIGN}": "$\\pm$",
    "\N{MULTIPLICATION SIGN}": "$\\times$",
    "\N{DIVISION SIGN}": "$\\div$",
    "\N{MIDDLE DOT}": "$\\cdot$",
    "\N{NOT SIGN}": "$\\neg$",
    "\N{LESS-THAN OR EQUAL TO}": "$\\leq$",
    "\N{GREATER-THAN OR EQUAL TO}": "$\\geq$",
    "\N{NOT EQUAL TO}": "$\\neq$",
    "\N{ALMOST EQUAL TO}": "$\\approx$",
    "\N{INFINITY}": "$\\infty$",
    "\N{RIGHTWARDS ARROW}": "$\\rightarrow$",
    "\N{UPWARDS ARROW}": "$\\uparrow$",
    "\N{DOWNWARDS ARROW}": "$\\downarrow$",
    "\N{LEFTWARDS ARROW}": "$\\leftarrow$",
    "\N{ELEMENT OF}": "$\\in$",
    "\N{N-ARY SUMMATION}": "$\\sum$",
    "\N{MICRO SIGN}": "$\\mu$",
    **{sign: f"$^{{{number}}}$" for number, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{sign: f"$_{{{number}}}$" for number, sign in enumerate("₀₁₂₃₄₅₆₇₈₉")},
}
_ACCENTS = {
    "\N{COMBINING GRAVE ACCENT}": "`",
    "\N{COMBINING ACUTE ACCENT}": "'",
    "\N{COMBINING CIRCUMFLEX ACCENT}": "^",
    "\N{COMBINING TILDE}": "~",
    "\N{COMBINING DIAERESIS}": '"',
    "\N{COMBINING MACRON}": "=",
    "\N{COMBINING DOT ABOVE}": ".",
    "\N{COMBINING BREVE}": "u",
    "\N{COMBINING CARON}": "v",
    "\N{COMBINING DOUBLE ACUTE ACCENT}": "H",
    "\N{COMBINING RING ABOVE}": "r",
    "\N{COMBINING CEDILLA}": "c",
    "\N{COMBINING DOT BELOW}": "d",
}
_GREEK = re.compile("GREEK (SMALL|CAPITAL) LETTER (FINAL SIGMA|[A-Z]+)")
# Capitals that are no Latin letters; and those that look like one, with it.
_GREEK_CAPITALS = ("GAMMA", "DELTA", "THETA", "LAMBDA", "XI", "PI", "SIGMA", "UPSILON", "PHI", "PSI", "OMEGA")
_LIKE_LATIN = {"ALPHA": "A", "BETA": "B", "EPSILON": "E", "ZETA": "Z", "ETA": "H", "IOTA": "I", "KAPPA": "K"}
_LIKE_LATIN |= {"MU": "M", "NU": "N", "OMICRON": "O", "RHO": "P", "TAU": "T", "CHI": "X"}


def escape(text: str) -> str:
    """Return the text as LaTeX: accented Latin letters, Greek letters and common signs as commands.

    A character that pdfLaTeX cannot set without further packages becomes its number: `[U+4E2D]`.
    """
    text = unicodedata.normalize("NFC", text)
    # Two hyphens in a row would become a dash.
    latex = "".join(
        "{}-" if character == before == "-" else _character(character) for before, character in pairwise(f" {text}")
    )
    # The end of the line before would take [ and * at the beginning of a line for its arguments.
    return f"{{}}{latex}" if latex.startswith(("[", "*")) else latex


def comment(text: str) -> str:
    """Return the text as one line of a comment."""
    return "% " + " ".join(text.split())


def _character(character: str) -> str:
    for known in (_SPECIAL, _LETTERS, _SIGNS):
        if character in known:
            return known[character]
    if character.isspace():
        return " "
    if " " < character <= "~":
        return character
    return _accented(character) or _greek(character) or f"[U+{ord(character):04X}]"


def _accented(character: str) -> str:
    """Return a Latin letter with one accent as LaTeX; "" for any other character."""
    letter, *accents = list(unicodedata.normalize("NFD", character))
    if not (letter.isascii() and letter.isalpha()) or len(accents) != 1 or accents[0] not in _ACCENTS:
        return ""
    accent = _ACCENTS[accents[0]]
    if letter in "ij" and accent not in "cd":
        letter = f"\\{letter}"  # without its dot
    return f"\\{accent}{{{letter}}}"


def _greek(character: str) -> str:
    """Return a Greek letter without accents as LaTeX; "" for any other character."""
    match = _GREEK.fullmatch(unicodedata.name(character, ""))
    if match is None:
        return ""
    case, name = match[1], match[2].replace("LAMDA", "LAMBDA").replace("FINAL SIGMA", "VARSIGMA")
    if case == "CAPITAL":
        return f"$\\{name.capitalize()}$" if name in _GREEK_CAPITALS else _LIKE_LATIN.get(name, "")
    if name == "OMICRON":
        return "o"
    return f"$\\{name.lower()}$" if name in (*_GREEK_CAPITALS, *_LIKE_LATIN, "VARSIGMA") else ""
