"""Models, adapters and run records that are refused. No weights are ever loaded but safetensors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from tests.bad_input.case import Case, make_folder
from tests.bad_input.commands import FOLDER

TENSOR = "roberta.encoder.layer.0.output.adapters.task.adapter_{}"
RTE, COLA, NO_NAME = (
    {
        "spec": {"method": "adapter", "model": "m", "tasks": ["t"]},
        "tasks": [{"name": task}],
        "inputs": {"model": ["0" * 64]},
    }
    for task in ("rte", "cola", "../x")
)
PICKLE = b"\x80\x04cos\nsystem\n"


def model(name: str, says: str, spoil: Callable[[Path], object]) -> Case:
    """A model folder, good to look at but for what `spoil` does to it."""

    def prepared() -> list[str]:
        folder = Path("m")
        make_folder(folder)
        spoil(folder)
        return ["fetch-model", "tiny", "--source", FOLDER, "--output", "out"]

    return Case(name, rf"^error: model 'tiny' \(m\): {says}|^error: m/{says}|^error: {says}", prepared)


def run_folder(name: str, weights: dict[str, np.ndarray] | bytes | None, record: object) -> None:
    """Write what `scalearn stack` reads of a stage-1 run."""
    folder = Path(name)
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps(record))
    if isinstance(weights, bytes):
        (folder / "weights.safetensors").write_bytes(weights)
    elif weights is not None:
        save_file(weights, folder / "weights.safetensors")


def adapter(hidden: int = 2, fill: float = 0.5, inner: int = 1) -> dict[str, np.ndarray]:
    shapes = {
        "down.0.weight": (inner, hidden),
        "down.0.bias": (inner,),
        "up.weight": (hidden, inner),
        "up.bias": (hidden,),
    }
    return {TENSOR.format(part): np.full(shape, fill, np.float32) for part, shape in shapes.items()}


def adapters(name: str, says: str, weights: dict[str, np.ndarray] | bytes | None, record: object) -> Case:
    """A stage-1 run that is stacked with a good one."""

    def spoil() -> list[str]:
        run_folder("good", adapter(), RTE)
        run_folder("bad", weights, record)
        return ["stack", "good", "bad", "--output", "stacked.safetensors"]

    return Case(name, rf"^error: {says}", spoil)


def scored(name: str, says: str, record: object) -> Case:
    def spoil() -> list[str]:
        run_folder("run", None, record)
        return ["score", "run"]

    return Case(name, rf"^error: run/run\.json: {says}", spoil)


CASES = [
    # models
    model(
        "a model without weights",
        r"no model\.safetensors; .*AutoModel\.from_pretrained.*save_pretrained",
        lambda m: (m / "model.safetensors").unlink(),
    ),
    *(
        model(
            f"a {name} for weights",
            r"no model\.safetensors; .*save_pretrained",
            lambda m, name=name: (m / "model.safetensors").rename(m / name),
        )  # type: ignore[misc]
        for name in ("pytorch_model.bin", "model.pt", "model.ckpt")
    ),
    model(
        "a pickle by another name",
        r"model\.safetensors is not readable \(.*\); fetch or save it again",
        lambda m: (m / "model.safetensors").write_bytes(PICKLE),
    ),
    model(
        "weights cut short",
        r"model\.safetensors is not readable",
        lambda m: (m / "model.safetensors").write_bytes((m / "model.safetensors").read_bytes()[:-4]),
    ),
    model(
        "a pointer for weights",
        r"model\.safetensors is a Git LFS pointer, not the weights; run `git lfs pull` in its repository",
        lambda m: (m / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
    ),
    model(
        "weights of no tensor", r"model\.safetensors holds no tensor", lambda m: save_file({}, m / "model.safetensors")
    ),
    model(
        "a config of its own code",
        r"config\.json has 'auto_map': the model needs code of its own, which is never run",
        lambda m: (m / "config.json").write_text('{"auto_map": {"AutoModel": "modeling_x.X"}}'),
    ),
    model(
        "a config that is a list",
        r"config\.json: a JSON object is expected",
        lambda m: (m / "config.json").write_text("[]"),
    ),
    model(
        "a config in Latin-1",
        r"config\.json: not readable as JSON",
        lambda m: (m / "config.json").write_bytes(b'{"a": "\xfc"}'),
    ),
    model(
        "a config without end",
        r"config\.json: not readable as JSON",
        lambda m: (m / "config.json").write_text('{"a":' * 100_000),
    ),
    model(
        "a config of another kind",
        r"config\.json has model_type 'nonesuch', which cannot be trained here; choose a model of one of: albert, ",
        lambda m: (m / "config.json").write_text('{"model_type": "nonesuch"}'),
    ),
    # adapters
    adapters(
        "an adapter of NaN",
        r"bad/weights\.safetensors: holds NaN or infinite weights; train it again",
        adapter(fill=float("nan")),
        COLA,
    ),
    adapters(
        "an adapter of another encoder",
        r"source adapters 'rte' and 'cola' belong to different encoders; train both on the same",
        adapter(3),
        COLA,
    ),
    adapters(
        "an adapter of another width",
        r"source adapters of 'rte' \(width 1\) and 'cola' \(width 2\) cannot be composed: set the same reduction_",
        adapter(inner=2),
        COLA,
    ),
    adapters(
        "half an adapter",
        r"bad/weights\.safetensors: holds no complete bottleneck adapter; train it",
        dict(list(adapter().items())[:2]),
        COLA,
    ),
    adapters(
        "an adapter that is a pickle",
        r"bad/weights\.safetensors: no readable adapter .*safetensors\.torch\.save_file",
        PICKLE,
        COLA,
    ),
    adapters("an adapter that is not there", r"bad/weights\.safetensors: no readable adapter", None, COLA),
    adapters(
        "a run without a specification",
        r"bad/run\.json: no record of a stage-1 run; name the folder of one",
        adapter(),
        {},
    ),
    adapters(
        "a run with a path for a task",
        r"bad/run\.json: '\.\./x' is no task's name",
        adapter(),
        NO_NAME,
    ),
    adapters(
        "a task twice",
        r"source adapters of one task twice: rte, rte; name each run once",
        adapter(),
        RTE,
    ),
    scored("a record of nothing", r"`spec` is missing; delete it and run again", {}),
    scored(
        "a record of NaN",
        r".*seed: ",
        {
            "spec": {"model": "m", "method": "adapter", "tasks": ["t"], "seed": float("nan")},
            "tasks": [
                {
                    "name": "t",
                    "kind": "classification",
                    "labels": ["a"],
                    "metrics": ["accuracy"],
                    "version": 1,
                    "sha256": {},
                }
            ],
            "baseline": {"prediction": 0},
            "parameters": {"trainable": 1, "head": 1, "total": 2},
            "training": {"epochs": 1, "best_epoch": 1, "steps": 1, "examples": 1},
            "sha256": {},
            "versions": {},
        },
    ),
]
