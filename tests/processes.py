"""Code in a process of its own, and the libraries that light commands must not import."""

from __future__ import annotations

import subprocess
import sys

from tests.places import ROOT

HEAVY = (
    "torch",
    "transformers",
    "adapters",
    "numpy",
    "pandas",
    "pyarrow",
    "scipy",
    "sklearn",
    "matplotlib",
    "altair",
    "vl_convert",
    "datasets",
)


def python(code: str) -> str:
    """Run the code in a process of its own and return the last line that it prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]
