"""Kill random processes of a campaign at random instants until it is done, and compare it with an undisturbed one.

    python benchmarks/chaos.py --kills 50 --seed 0

The campaign is small (a tiny encoder, tasks of made-up rows, CPU only); the workflow and the commands are the real
ones. A user's part is played by a loop: whenever Snakemake ends and something is missing, the same command is given
again.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # for the tests' tiny encoder

METHODS = ["adapter", "adapter_m", "adapter_fusion", "scalearn", "scalearn_uniform_pp"]
EPOCHS = 4
RULES = ("train_adapter", "train_composition", "train_joint", "encode")
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
STUCK = 90.0  # seconds after which a Snakemake that was asked to end is killed (its own handler of SIGTERM may hang)


@dataclass
class Chaos:
    """What was done to a campaign."""

    draw: random.Random
    mean: float
    limit: int
    kills: list[tuple[str, str]] = field(default_factory=list)  # signal and victim
    starts: int = 0
    logs: dict[Path, list[str]] = field(default_factory=dict)  # what each log has held, once for each start of its run
    asked: float = 0.0

    @property
    def repeated(self) -> int:
        """How many epochs (in joint training rounds) were seen to end more than once, in another start of their run."""
        lines = [re.findall(r"^(?:epoch|round) \d+/\d+", "\n".join(seen), re.MULTILINE) for seen in self.logs.values()]
        return sum(len(found) - len(set(found)) for found in lines)


def make_campaign(folder: Path, seeds: int, rows: int) -> None:
    """Lay out a project: the workflow, a tiny encoder, two tasks in CSV files, a config."""
    from tests.tiny import make_model
    from tests.workflow.clone import write_rows

    for name in ("workflow", "profiles"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "Snakefile", folder)
    (folder / "local").symlink_to("profiles/local")
    make_model(folder / "model")
    for seed, name in enumerate(("one", "two")):
        write_rows(folder / f"{name}.csv", rows, seed)
    config = {
        "model": "tiny",
        "models": {"tiny": {"kind": "folder", "path": "model"}},
        "tasks": {name: {"source": {"kind": "files", "train": f"{name}.csv"}} for name in ("one", "two")},
        "benchmarks": {"pair": ["one", "two"]},
        "methods": METHODS,
        "seeds": list(range(seeds)),
        "hyperparameters": {"all": {"epochs": EPOCHS, "batch_size": 8}},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def start(folder: Path) -> subprocess.Popen[bytes]:
    """Give the command that a user would."""
    snakemake = ["scalearn", "warm", "snakemake", "--profile", "local", "--cores", "2", "--resources", "gpu=2"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.Popen(
        [*snakemake, "--set-threads", *(f"{rule}=1" for rule in RULES)],
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def processes(folder: Path, snakemake: int) -> dict[int, str]:
    """Return the processes at work in the folder, by number, each with what it is."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == folder:
                words = (process / "cmdline").read_bytes().decode().split("\0")
                parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
                found[int(process.name)] = _kind(int(process.name), parent, words, snakemake)
        except (OSError, UnicodeDecodeError):
            continue
    return found


def _kind(number: int, parent: int, words: list[str], snakemake: int) -> str:
    if number == snakemake:
        return "snakemake"
    if "warm" in words[:4]:  # `scalearn warm`'s server, a child of Snakemake, and its own children, which do the work
        return "server" if parent == snakemake else "work"
    return "client" if any(word.endswith("/scalearn") for word in words[:3]) else "shell"


def kill_one(chaos: Chaos, folder: Path, snakemake: subprocess.Popen[bytes]) -> None:
    """Send a random signal to a random process of the campaign."""
    alive = processes(folder, snakemake.pid)
    if not alive:
        return
    number = chaos.draw.choice(sorted(alive))
    which = chaos.draw.choice(SIGNALS)
    try:
        os.kill(number, which)
    except ProcessLookupError:
        return
    if number == snakemake.pid and which != signal.SIGKILL:
        chaos.asked = time.monotonic()
    chaos.kills.append((which.name, alive[number]))


def read_logs(chaos: Chaos, folder: Path) -> None:
    """Keep what the logs say, also of those that the next start removes."""
    for path in folder.glob("logs/train/**/*.log"):
        try:
            text = path.read_text(errors="replace")
        except OSError:
            continue
        seen = chaos.logs.setdefault(path, [""])
        if text.startswith(seen[-1]):
            seen[-1] = text
        else:  # begun anew
            seen.append(text)


def disturb(chaos: Chaos, folder: Path) -> None:
    """Run the campaign to its end, killing on the way."""
    code: int | None = 1
    while code != 0:
        process, chaos.starts, chaos.asked = start(folder), chaos.starts + 1, 0.0
        due = time.monotonic() + chaos.draw.expovariate(1 / chaos.mean)
        while (code := process.poll()) is None:
            time.sleep(0.05)
            read_logs(chaos, folder)
            if time.monotonic() >= due and len(chaos.kills) < chaos.limit:
                kill_one(chaos, folder, process)
                due = time.monotonic() + chaos.draw.expovariate(1 / chaos.mean)
            if chaos.asked and time.monotonic() > chaos.asked + STUCK:
                process.kill()
        print(f"start {chaos.starts}: ended with {code}, {len(chaos.kills)} kills so far", flush=True)


def report(chaos: Chaos, differing: list[str], seconds: dict[str, float]) -> dict[str, Any]:
    """Return what came of it."""
    return {
        "kills": len(chaos.kills),
        "victims": dict(Counter(victim for _, victim in chaos.kills)),
        "signals": dict(Counter(name for name, _ in chaos.kills)),
        "starts": chaos.starts,
        "epochs_seen_twice": chaos.repeated,
        "differing_files": differing,
        "seconds": {key: round(value, 1) for key, value in seconds.items()},
    }


def main(
    kills: Annotated[int, typer.Option(min=1)] = 50,
    seed: Annotated[int, typer.Option(min=0, help="of who is killed, how, and when")] = 0,
    mean: Annotated[float, typer.Option(help="seconds between two kills, on average")] = 12.0,
    seeds: Annotated[int, typer.Option(min=1, help="of the campaign: the more, the longer it is")] = 6,
    rows: Annotated[int, typer.Option(min=40, help="of each task")] = 400,
    folder: Annotated[Path | None, typer.Option(help="where the temporary folders go")] = None,
) -> None:
    """Run the campaign undisturbed and disturbed, compare, and print what came of it; status 1 if files differ."""
    from tests.workflow.clone import outputs

    with tempfile.TemporaryDirectory(dir=folder) as place:
        whole, mine = Path(place).resolve() / "whole", Path(place).resolve() / "disturbed"
        whole.mkdir()
        make_campaign(whole, seeds, rows)
        shutil.copytree(whole, mine, symlinks=True)
        began = time.monotonic()
        calm = Chaos(random.Random(0), mean, 0)
        disturb(calm, whole)
        between = time.monotonic()
        chaos = Chaos(random.Random(seed), mean, kills)
        disturb(chaos, mine)
        ended = time.monotonic()
        expected, found = outputs(whole), outputs(mine)
        differing = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
        seconds = {"undisturbed": between - began, "disturbed": ended - between}
        print(json.dumps({"files_compared": len(expected), **report(chaos, differing, seconds)}, indent=1))
        if len(chaos.kills) < kills:
            print(f"the campaign ended after {len(chaos.kills)} kills; for more: --seeds {2 * seeds}")
    raise typer.Exit(int(bool(differing) or len(chaos.kills) < kills))


if __name__ == "__main__":
    typer.run(main)
