"""Tasks, models and names in a campaign file that are refused, by `scalearn check` as by Snakemake."""

from __future__ import annotations

from typing import Any

from tests.bad_input.case import CAMPAIGN, Case
from tests.bad_input.configs import changed

SOURCE = {"kind": "files", "train": "train.csv"}
HUB = {"kind": "hub", "repository": "some/thing", "revision": "0" * 40}
PACKAGE = {"kind": "package", "package": "p", "version": "1", "folder": "m", "sha256": "0" * 64}


def task(name: str, says: str, **changes: Any) -> Case:
    return changed(name, rf"tasks\.mine\S*: {says}", tasks={"mine": {"source": SOURCE, **changes}})


def model(name: str, says: str, entry: Any) -> Case:
    return changed(name, rf"models\.tiny\S*: {says}", models={"tiny": entry})


def named(key: str) -> list[Case]:
    """Names that would be more than a name where a path or a shell meets them."""
    bad = (
        "..",
        "../up",
        "/etc/x",
        "a/b",
        "a b",
        "a'b",
        'a"b',
        "a;touch owned",
        "$(touch owned)",
        "-rf",
        "é",
        "",
        "a\n",
    )
    change: dict[str, Any] = {
        "benchmarks": lambda name: {name: ["mine"]},
        "models": lambda name: {**CAMPAIGN["models"], name: CAMPAIGN["models"]["tiny"]},
        "tasks": lambda name: {name: {"source": SOURCE}},
    }
    return [
        changed(
            f"{key} {name!r}",
            rf"{key}\..*: a name \(at most 64 letters, digits, '-' and '_'\) is expected, found",
            **{key: change[key](name)},
        )
        for name in bad
    ]


CASES = [
    # tasks
    task("no text column", r"at least 1 entry is expected, found an empty list", texts=[]),
    task(
        "three text columns",
        r"at most 2 entries are expected, found a list of 3; for example",
        texts=["a", "b", "c"],
    ),
    task(
        "a column twice", r"texts: column 'a' is named twice among texts, choices and label; keep one", texts=["a", "a"]
    ),
    task("the label as a text", r"texts: column 'label' is named twice among texts", texts=["label"]),
    task("a column without a name", r"a text that is not empty is expected", label=""),
    task("labels that are numbers", r"a text is expected, found the number 0; put it in quotes", labels=[0, 1]),
    task("one label", r"labels: give at least two names, each only once", labels=["a"]),
    task(
        "a metric of another kind",
        r"metrics: 'pearson' does not suit kind 'classification'; it has",
        metrics=["pearson"],
    ),
    task(
        "a kind that there is not",
        r"one of classification, multi_label, .* is expected, found the text 'ranking'",
        kind="ranking",
    ),
    task("a length that is true", r"a whole number from 8 to 8192 is expected, found true", max_length=True),
    task("a length of a million", r"a whole number from 8 to 8192 is expected", max_length=1_000_000),
    task("an unknown key", r"unknown key, did you mean 'labels'\?", lables=["a", "b"]),
    task("a file that is not there", r"no file nowhere\.csv; mend the path", source={**SOURCE, "train": "nowhere.csv"}),
    task(
        "a file without a name",
        r"a path on this machine is expected, found an empty text",
        source={**SOURCE, "train": ""},
    ),
    task("a path with a line's end", r"a path must not contain line ends", source={**SOURCE, "train": "a\nb.csv"}),
    task("a path with NUL", r"a path must not contain .*control character", source={**SOURCE, "train": "a\0b.csv"}),
    task(
        "a URL with a token",
        r"a path on this machine is expected",
        source={**SOURCE, "train": "https://u:hf_abcdefgh@h/t.csv"},
    ),
    task(
        "a repository above",
        r"a repository of the hub \(OWNER/NAME\) is expected",
        source={**HUB, "repository": "../.."},
    ),
    task(
        "a split above", r"the name of a folder or split in the repository", source={**HUB, "train": "../../etc/passwd"}
    ),
    task("a part that is a path", r"a name .* is expected", source={**HUB, "parts": {"../x": "test"}}),
    task(
        "files above", r"a path within the repository that holds \{split\}", source={**HUB, "files": "../{split}.csv"}
    ),
    task(
        "a branch for a commit",
        r"a full commit hash of 40 .* found the text 'main'$",
        source={**HUB, "revision": "main"},
    ),
    # models
    model(
        "a model without a kind",
        r"`kind` is missing; add `kind: folder` or `kind: hub` or `kind: package`",
        {"path": "model"},
    ),
    model(
        "a model that is a pickle",
        r"one of folder, hub, package is expected, found the text 'pickle'",
        {"kind": "pickle", "path": "model"},
    ),
    model(
        "a folder that is not there",
        r"no folder nowhere; name a folder with a model",
        {"kind": "folder", "path": "nowhere"},
    ),
    model(
        "a file for a folder",
        r"train\.csv is not a folder, .*safetensors .*save_pretrained",
        {"kind": "folder", "path": "train.csv"},
    ),
    model(
        "a package with an option", r"the name of a Python package is expected", {**PACKAGE, "package": "--index-url=x"}
    ),
    model(
        "a version with a command", r"a version such as 0\.1\.0 is expected", {**PACKAGE, "version": "1; touch owned"}
    ),
    model("a checksum in words", r"the SHA-256 of its model\.safetensors", {**PACKAGE, "sha256": "any"}),
    changed("a mirror that is a URL", r"mirror: a path on this machine is expected, not a URL", mirror="https://h/x"),
    *named("benchmarks"),
    *named("models"),
    *named("tasks"),
]
