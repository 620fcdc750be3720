"""Command lines that are refused, and what they name."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

from tests.bad_input.case import CAMPAIGN, Case

FOLDER = '{"kind": "folder", "path": "m"}'
HUB = json.dumps({"kind": "hub", "repository": "some/model", "revision": "0" * 40})
TRAIN = "train --method adapter --model m --data d --output o"
JOINT = "train-joint --method adapter_m --model m --data d --output o"
WITH_SPEC = "train --model m --data d --output o --spec"
SEED = "a whole number from 0 to 4294967295 is expected, found"
CAMPAIGN_TEXT = json.dumps(CAMPAIGN)
SHOWN = ("--benchmark", "pair", "--campaign", CAMPAIGN_TEXT)
DEFINITION = {"source": {"kind": "files", "train": "train.csv"}}


def line(name: str, says: str, command: str, *more: str, make: Callable[[], object] = lambda: None) -> Case:
    """A command line, its last words (JSON, for the most) given one by one; `make` puts there what it meets."""

    def spoil() -> list[str]:
        make()
        return [*shlex.split(command), *more]

    return Case(name, rf"^error: {says}", spoil)


def values(name: str, says: str, text: str) -> Case:
    return line(name, rf"--hyperparameters: {says}", TRAIN, "--hyperparameters", text)


def compute(name: str, says: str, *words: str) -> Case:
    return line(name, rf"--compute: {says}", TRAIN, *[part for word in words for part in ("--compute", word)])


def spec(name: str, says: str, **changes: object) -> Case:
    content = {"method": "adapter", "model": "m", "tasks": ["t"], **changes}
    return line(name, rf"--spec: {says}", WITH_SPEC, json.dumps(content))


def shown(name: str, says: str, **changes: object) -> Case:
    text = json.dumps({**CAMPAIGN, **changes})
    return line(name, rf"--campaign: {says}", "collect --runs r --output o", "--campaign", text)


def definition(name: str, says: str, command: str, **changes: object) -> Case:
    return line(name, says, f"prepare-task {command}", "--definition", json.dumps({**DEFINITION, **changes}))


def task_json(name: str, says: str, content: bytes) -> Case:
    def make() -> None:
        Path("t").mkdir()
        Path("t/task.json").write_bytes(content)

    return line(name, rf"t/task\.json: {says}", "check-task t", make=make)


def letter(name: str = "letter.txt") -> None:
    Path("o").mkdir()
    Path("o", name).write_text("dear")


def empty() -> None:
    Path("r").mkdir()


def taken(name: str, says: str, command: str, *more: str) -> Case:
    """A command whose output would replace a file of somebody else; `command` ends in its path."""
    file = command.rpartition("o/")[2]
    path = rf"o/{file}" + r"(?:\.csv)?"

    def make() -> None:
        letter(file + ".csv" if command.startswith("table") else file)

    return line(
        name,
        rf"{path}: it exists already and is no {says}; name another file, or remove it",
        command,
        *more,
        make=make,
    )


CASES = [
    line("no command", r"scalearn: Missing command; see `scalearn --help`", ""),
    line("an export of nothing", r"r: no such folder; name the folder of a finished run", "export r o"),
    line(
        "an export of a run that trains", r"r: this run is not finished .*train it to its end", "export r o", make=empty
    ),
    line(
        "an export over something",
        r"o: it is there already; name another folder, or remove it",
        "export r o",
        make=letter,
    ),
    line("a command with a typo", r"scalearn: No such command 'chek'\. Did you mean 'check'\?", "chek"),
    line("an unknown option", r"scalearn check: No such option: --verbose; see", "check --verbose"),
    line("an argument too many", r"scalearn check: Got unexpected extra argument", "check a b"),
    line("an option left out", r"scalearn encode: Missing option '--task'", "encode"),
    line("a method without a model", r"--model: --method needs it", "train --method adapter --data d --output o"),
    line("an option without a value", r"scalearn train: Option '--method' requires an argument", "train --method"),
    line("an option with a typo", r"scalearn train: No such option: --methd .*--method", "train --methd adapter"),
    line("a seed in words", rf"scalearn train: Invalid value for '--seed': {SEED} 'one'", f"{TRAIN} --seed one"),
    line("a seed below zero", rf"scalearn train: Invalid value for '--seed': {SEED} '-1'", f"{TRAIN} --seed -1"),
    line("a seed above 2^32", rf".* '--seed': {SEED} '4294967296'", f"{JOINT} --seed 4294967296"),
    line("a seed with a point", rf".* '--seed': {SEED} '1\.5'", f"{TRAIN} --seed 1.5"),
    line("no layers", r".* '--layers': a whole number of at least 1 is expected, found '0'", "methods --layers 0"),
    line("an unknown method", r"--method: unknown method 'adaptr', did you mean", f"{TRAIN} --method adaptr"),
    line("an unknown switch", r"--difference: unknown name 'x'", f"{TRAIN} --difference x"),
    line("a benchmark there is not", r"--benchmark: unknown name 'x'", "methods --benchmark x"),
    values(
        "values that are no JSON", r"not readable as JSON \(.*\); put it in single quotes, for example", "{epochs: 1}"
    ),
    values("values without end", r"not readable as JSON \(.*recursion", '{"a":' * 50_000),
    values("values that are a list", r"a JSON object is expected", "[1]"),
    values("a value that is true", r"epochs: a whole .* found true", '{"epochs": true}'),
    values(
        "a value beyond numbers",
        r"epochs: a whole .* at most 2147483647 ",
        f'{{"epochs": 1{"0" * 400}}}',
    ),
    values("a value that is NaN", r"epochs: a whole .* found nan", '{"epochs": NaN}'),
    # models and tasks by name
    line(
        "a source of no kind",
        r"--source: `kind` is missing; add `kind: folder` or",
        "fetch-model m --output o --source {}",
    ),
    line(
        "a model's name above",
        r"NAME: a name .* is expected, found the text '\.\./m'",
        "fetch-model ../m --output o --source",
        FOLDER,
    ),
    line("a hub out of reach", r"model 'm': .* the hub cannot be reached", "fetch-model m --output o --source", HUB),
    line("an unknown task", r"unknown task 'rtee', did you mean 'rte'\?", "prepare-task rtee --output o"),
    line("a task out of reach", r"task 'rte': .* the hub cannot be reached .*mirror", "prepare-task rte --output o"),
    line("a mirror that is not there", r"mirror x: no folder x/glue", "prepare-task rte --output o --mirror x"),
    definition("a task's name above", r"NAME: a name .* is expected", "../t --output o"),
    definition(
        "a definition with a typo",
        r"--definition: lables: unknown key, did you mean 'labels'\?",
        "t --output o",
        lables=[],
    ),
    definition(
        "a definition of no kind",
        r"--definition: kind: one of classification, .* found a list of 1$",
        "t --output o",
        kind=["a"],
    ),
    compute("a precision alone", r"'bf16' is not KEY=VALUE, .*; give each key once", "bf16"),
    compute("a way twice", r"'tf32=off' is not KEY=VALUE, or gives its key twice", "tf32=on", "tf32=off"),
    compute("a way with a typo", r"unknown key 'optimiser', did you mean 'optimizer'\?", "optimiser=fused"),
    compute(
        "a precision of another name", r"precision: one of auto, float32, .* found the text 'fp32'$", "precision=fp32"
    ),
    compute("a switch that is a number", r"compile: auto, on or off is expected$", "compile=1"),
    compute(
        "a way without a value", r"attention: one of auto, sdpa, eager is expected, found an empty text", "attention="
    ),
    shown("tables of a path", r"benchmarks\.\.\./x: a name ", benchmarks={"../x": ["mine"]}),
    shown("tables of no method", r"methods: unknown name 'x'", methods=["x"]),
    shown("tables with more", r"more: unknown key", more=1),
    line(
        "a table of no benchmark",
        r"--benchmark: unknown name 'pear', did you mean 'pair'\?",
        "table --runs r --output o --benchmark pear --campaign",
        CAMPAIGN_TEXT,
    ),
    line("neither a spec nor a method", r"--spec: give either .*--method", "train --model m --data d --output o"),
    line("a spec and a method", r"--spec: give either .*--method", f"{TRAIN} --spec {{}}"),
    line("a spec and what it says", r"--seed: the --spec says this", WITH_SPEC, "{}", "--seed", "1"),
    line("a spec that is not there", r"--spec nowhere\.json: neither JSON nor a readable", WITH_SPEC, "nowhere.json"),
    line("a spec without end", r"--spec: not readable as JSON", WITH_SPEC, '{"a":'),
    *(
        line(f"a spec that is {text}", r"--spec: a JSON object is expected, for example", WITH_SPEC, text)
        for text in ("null", "[]", '"x"', " 7")
    ),
    line("a spec of nothing", r"--spec: `method` is missing", WITH_SPEC, "{}"),
    spec("a spec of no method", r"method: unknown method 'adaptr', did you mean 'adapter'\?", method="adaptr"),
    spec("a spec with a typo", r"sed: unknown key, did you mean 'seed'\?", sed=1),
    spec("a spec of a path", r"tasks.*: a .* is expected, found the text '\.\./t'", tasks=["../t"]),
    spec(
        "a spec with values that cannot be", r"hyperparameters: epochs: a whole number", hyperparameters={"epochs": 0}
    ),
    spec("a spec of another version", r"versions: .* start the campaign again", versions={"method": 99}),
    # files that are not there, or not what they should be
    line("a campaign that is not there", r"nowhere\.yaml: no such file; name a campaign file", "check nowhere.yaml"),
    line("a folder for a campaign", r"model: a folder; name the campaign file in it", "check model"),
    line(
        "a task that is not there",
        r"nowhere/task\.json: no such file; `scalearn prepare-task NAME --output nowhere` makes it",
        "check-task nowhere",
    ),
    line("a run that is not there", r"nowhere/run\.json: no such file", "score nowhere"),
    line("a name to fool a terminal", r"a\\x1b\[31m\\nb/run\.json: no such file", "score", "a\x1b[31m\nb"),
    task_json(
        "a task with a path for a name", r"name: a name .* is expected, found the text '\.\./up'", b'{"name": "../up"}'
    ),
    task_json("a task.json of NUL", r"not readable as JSON", b"\0"),
    task_json("a task.json without end", r"not readable as JSON \(.*recursion", b"[" * 100_000),
    # places to write
    line(
        "other things",
        r"o: the folder holds other files \(letter",
        "fetch-model m --output o --source",
        FOLDER,
        make=letter,
    ),
    line("here for a model", r"\.: the folder holds other files", "fetch-model m --output . --source", FOLDER),
    line("a file for a model", r"train\.csv: this is a file", "fetch-model m --output train.csv --source", FOLDER),
    line(
        "weights of one's own",
        r"o: the folder holds other files \(model\.saf",
        "fetch-model m --output o --source",
        FOLDER,
        make=lambda: letter("model.safetensors"),
    ),
    line(
        "rows of one's own",
        r"o/test\.parquet: this file exists and does not belong to a prepared task; name another --output",
        "prepare-task t --output o --definition",
        json.dumps(DEFINITION),
        make=lambda: letter("test.parquet"),
    ),
    line(
        "a task of another sort",
        r"o/task\.json: this file exists and does not belong to a prepared task; name another --output",
        "prepare-task t --output o --definition",
        json.dumps(DEFINITION),
        make=lambda: (letter(), Path("o/task.json").write_text('{"name": "build"}')),
    ),
    line(
        "arrows of one's own",
        r"o/train\.arrow: it is there already and of no encoded task; name another --output",
        "encode --task t --model m --output o",
        make=lambda: letter("train.arrow"),
    ),
    taken("a stack over something", "stack of source adapters", "stack a b --output o/weights.safetensors"),
    taken("an embedding over something", "embedding of a task", "embed --task t --model m --output o/e.safetensors"),
    taken("similarities over something", "similarities of tasks", "similarities e --output o/package.json"),
    taken("a score over something", "score record", "score r --output o/package.json"),
    taken("scores over something", "table of scores", "collect --runs r --output o/rows.parquet", *SHOWN[2:]),
    taken("a table over something", "result table", "table --runs r --output o/rows", *SHOWN),
    line(
        "a table over a README",
        r"o/README\.md: it is there already, without the README\.csv of a table; name another --output",
        "table --runs r --output o/README --benchmark pair --campaign",
        CAMPAIGN_TEXT,
        make=lambda: letter("README.md"),
    ),
    definition("a file for a task", r"train\.csv: File exists; mend the path", "t --output train.csv"),
    definition("a place within a file", r"train\.csv: \w.*; mend the path", "t --output train.csv/t"),
]
