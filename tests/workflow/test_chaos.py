"""A handful of random kills; `benchmarks/chaos.py --kills 50` is the long form, reported in docs/reliability.md."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.places import ROOT

SCRIPT = ROOT / "benchmarks" / "chaos.py"


def test_random_kills_change_no_byte_of_the_results() -> None:
    options = ["--kills", "5", "--mean", "4", "--seeds", "1", "--rows", "120", "--seed", "1"]
    done = subprocess.run([sys.executable, SCRIPT, *options], capture_output=True, text=True, timeout=900, check=False)
    found = json.loads(done.stdout[done.stdout.index("{\n") : done.stdout.rindex("}") + 1])
    assert found["kills"] >= 1, done.stdout
    assert found["differing_files"] == []
    assert found["files_compared"] == 71
    assert found["epochs_seen_twice"] <= found["kills"]
