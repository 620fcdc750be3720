"""A project folder with the real workflow and, in place of the real commands, a stub that just writes files."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from scalearn.campaign.places import RUNS, TABLES
from scalearn.campaign.plan import Campaign
from tests.bad_input.case import make_folder
from tests.places import ROOT, run_path

# Writes what the real command would, with content that follows from the arguments. Fails and waits on request.
STUB = """#!{python} -IS
import json, os, sys, time
command, *arguments = sys.argv[1:]
with open("calls.txt", "a") as calls:
    found = ["--campaign", os.environ["SCALEARN_CAMPAIGN"]] if command in ("collect", *{tables}) else []
    calls.write(" ".join([*sys.argv[1:], *found]) + "\\n")
options = dict(zip(arguments, arguments[1:]))
output = options.get("--output") or arguments[0]
names = {{
    "fetch-model": ["config.json", "model.safetensors", "tokenizer.json", "model.json"],
    "fetch-adapter": ["adapter_config.json", "adapter.safetensors", "adapter.json"],
    "prepare-task": ["train.parquet", "validation.parquet", "test.parquet", "task.json"],
    "encode": ["train.arrow", "validation.arrow", "test.arrow", "encoding.json"],
    "train": ["weights.safetensors", "run.json"],
}}
tasks = json.loads(options["--spec"])["tasks"] if "/joint/" in output and command == "train" else []
names["train"] += [os.path.join("tasks", task, "predictions.parquet") for task in tasks] or ["predictions.parquet"]
paths = [os.path.join(output, name) for name in names.get(command, [])]
paths = paths or [output + end for end in {tables}.get(command, [""])]
while command == "train" and os.path.exists("wait"):
    time.sleep(0.05)
for path in paths:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as file:
        file.write(" ".join(sys.argv[1:]))
"""

CAMPAIGN: dict[str, Any] = {
    "model": "tiny",
    "models": {"tiny": {"kind": "folder", "path": "tiny model"}},
    "benchmarks": {"pair": ["one", "two"]},
    "tasks": {
        name: {"source": {"kind": "files", "train": f"{name}.csv", "test": f"{name}.csv"}}
        for name in ("one", "two", "three")
    },
    "methods": ["adapter", "adapter_fusion", "scalearn"],
    "seeds": [0, 1],
}


# Jobs that show the scores of CAMPAIGN and train nothing.
VIEWS = dict.fromkeys(("collect_scores", "table", "comparisons", "cost", "figures", "report_page"), 1)


class Planned(NamedTuple):
    """The trainings that a dry run announces, as `short` tells them, and its other jobs by rule."""

    runs: set[str]
    jobs: dict[str, int]


def short(path: str) -> str:
    """Return a run's path as method/benchmark/task/seed, without model, settings and digests."""
    _, *parts = path.removeprefix(f"{RUNS}/").split("/")
    return "/".join(part.partition("@")[0] for part in parts if "=" not in part and part != "full")


def spec_of(call: str) -> dict[str, Any]:
    """Return the specification in a call of `scalearn train`."""
    content: dict[str, Any] = json.loads(call.partition("--spec ")[2].partition(" --")[0])
    return content


def campaign_of(call: str) -> Campaign:
    """Return the campaign that a call of `scalearn table` or `scalearn collect` found in its environment."""
    return Campaign.parse(json.loads(call.partition("--campaign ")[2]))


@dataclass
class Project:
    """A folder in which `snakemake` runs."""

    path: Path

    @classmethod
    def make(cls, path: Path) -> Project:
        """Return a new project: workflow, profiles and package copied, since tests edit them."""
        path.mkdir()
        for name in ("workflow", "profiles", "scalearn"):
            shutil.copytree(ROOT / name, path / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "Snakefile", path)
        for name in ("local", "slurm", "demo", "showcase"):
            (path / name).symlink_to(f"profiles/{name}")
        (path / "bin").mkdir()
        (path / "bin" / "scalearn").write_text(STUB.format(python=Path(sys.executable).resolve(), tables=dict(TABLES)))
        (path / "bin" / "scalearn").chmod(0o755)
        make_folder(path / "tiny model")
        for name in ("one.csv", "two.csv", "three.csv"):
            (path / name).write_text("text,label\n" + "a,yes\nb,no\n" * 2)
        project = cls(path)
        project.configure()
        return project

    def configure(self, **changes: Any) -> None:
        """Write config.yaml: the campaign above with these keys changed."""
        (self.path / "config.yaml").write_text(yaml.safe_dump({**CAMPAIGN, **changes}))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start snakemake here, with the stub first on the path."""
        environment = {**os.environ, "PATH": f"{self.path / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(self.path)}
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *arguments],
            cwd=self.path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def snakemake(self, *arguments: str, status: int = 0) -> str:
        """Run snakemake here and return what it says, having asserted its exit status."""
        process = self.start(*arguments)
        said, _ = process.communicate(timeout=300)
        assert process.returncode == status, said
        return said

    def run(self, *targets: str) -> str:
        """Make these targets (by default all)."""
        return self.snakemake(*targets, "--profile", "local", "--cores", "2", "--resources", "gpu=2")

    def copy(self, path: Path) -> Project:
        """Return a copy of this project with its outputs and Snakemake's memory of them, times included."""
        shutil.copytree(self.path, path, symlinks=True)
        return Project(path)

    def planned(self, *arguments: str) -> Planned:
        """Return what a dry run announces."""
        said = self.snakemake("--profile", "local", "-n", *arguments)
        rules = Counter(re.findall(r"^(?:local)?rule (\w+):$", said, re.MULTILINE))
        trained = re.findall(
            r"^    output: results/trained/(\S+?)/(?:weights.safetensors|run.json)", said, re.MULTILINE
        )
        assert len(trained) == sum(rules.pop(f"train_{what}", 0) for what in ("adapter", "composition", "joint"))
        rules.pop("all", None)
        return Planned(set(map(short, trained)), dict(rules))

    def calls(self) -> list[str]:
        """Return the commands that ran so far, in order."""
        return (self.path / "calls.txt").read_text().splitlines()

    def trained(self, since: int = 0) -> list[dict[str, Any]]:
        """Return the specifications of the trainings that ran, leaving out so many calls, in order."""
        return [spec_of(call) for call in self.calls()[since:] if call.startswith("train ")]

    def campaign(self, file: str = "config.yaml") -> Campaign:
        """Return the campaign of a file here."""
        return Campaign.read(self.path / file)

    def run_path(self, method: str, benchmark: str, task: str, seed: int, file: str = "config.yaml") -> str:
        """Return the folder of a run of the campaign file's first variant of this method, below the project."""
        return run_path(self.path / file, method, benchmark, task, seed)

    def files(self, *folders: str) -> dict[str, tuple[bytes, int]]:
        """Return what every file below these folders holds, and since when."""
        paths = (path for folder in folders for path in (self.path / folder).rglob("*") if path.is_file())
        paths = (path for path in paths if path.name not in (".lock", ".snakemake_timestamp"))
        return {str(path.relative_to(self.path)): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}
