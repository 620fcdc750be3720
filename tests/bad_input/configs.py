"""Keys of a campaign file that are refused, by `scalearn check` as by Snakemake; entries.py has tasks and models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.bad_input.case import CAMPAIGN, Case, configure

SEED = "a whole number from 0 to 4294967295 is expected, found"


def changed(name: str, says: str, **changes: Any) -> Case:
    return Case(name, rf"^error: config\.yaml: {says}", lambda: configure(**changes))


def written(name: str, says: str, content: bytes | str) -> Case:
    def spoil() -> list[str]:
        Path("config.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
        return ["check", "config.yaml"]

    return Case(name, rf"^error: config\.yaml: {says}", spoil)


def encoder(name: str, says: str, config: dict[str, Any], **changes: Any) -> Case:
    """The model's config.json with these keys changed, beside the campaign's."""

    def spoil() -> list[str]:
        path = Path("model/config.json")
        path.write_text(json.dumps({**json.loads(path.read_text()), **config}))
        return configure(**changes)

    return Case(name, rf"^error: config\.yaml: {says}", spoil)


CASES = [
    # wrong types and values
    changed(
        "seeds that are text", rf"seeds\[0\]: {SEED} the text 'zero'; for example `seeds: \[0, 1, 2\]`", seeds=["zero"]
    ),
    changed("a seed that is true", rf"seeds\[0\]: {SEED} true; for example `seeds: \[0, 1, 2\]`", seeds=[True]),
    changed("a negative seed", rf"seeds\[0\]: {SEED} the number -1", seeds=[-1]),
    changed("a seed without end", rf"seeds\[0\]: {SEED} a number of more than 40 digits", seeds=[10**400]),
    changed("no seeds", r"seeds: at least 1 entry is expected, found an empty list", seeds=[]),
    changed("seeds twice", r"seeds: 3 is listed more than once; keep one", seeds=[3, 3]),
    changed(
        "methods as text",
        r"methods: a list is expected, found the text 'adapter'; write `methods: \[adapter\]`",
        methods="adapter",
    ),
    changed("a method that is null", r"methods\[0\]: a name .* is expected, found nothing", methods=[None]),
    changed("a method with a typo", r"methods: unknown name 'adaptr', did you mean 'adapter'\?", methods=["adaptr"]),
    changed("a key with a typo", r"seed: unknown key, did you mean 'seeds'\?", seed=[0]),
    changed("a model that is a number", r"model: a name .* is expected, found the number 7; put it in quotes", model=7),
    changed("a model that there is not", r"model: unknown name 'tin', did you mean 'tiny'\?", model="tin"),
    changed(
        "a benchmark of a number",
        r"benchmarks\.pair: a list or a mapping .* is expected, found the number 5",
        benchmarks={"pair": 5},
    ),
    changed(
        "a benchmark of nothing",
        r"benchmarks\.pair: at least 1 entry is expected, found an empty",
        benchmarks={"pair": []},
    ),
    changed(
        "a long name",
        r"methods\[0\]: a name \(at most 64 .* found a text of 1000000 characters",
        methods=["x" * 1_000_000],
    ),
    changed(
        "an ablation among hyper-parameters",
        r"hyperparameters\.scalearn_c1: 'scalearn_c1' is a row of 'scalearn' with settings; put the values into the "
        r"row: `methods: \[\{method: scalearn_c1, \.\.\.\}\]`$",
        hyperparameters={"scalearn_c1": {"epochs": 3}},
    ),
    changed(
        "an ablation among a task's hyper-parameters",
        r"task_hyperparameters\.mine\.scalearn_uniform_d0: .* is a row of 'scalearn_uniform' with settings",
        task_hyperparameters={"mine": {"scalearn_uniform_d0": {"epochs": 3}}},
    ),
    *(
        written(
            f"a row's name {name!r}",
            r"methods\[0\]\.name: a text of at most 80 characters, with single blanks between its words and without "
            r"line ends and '\|' is expected, found",
            json.dumps({**CAMPAIGN, "methods": [{"method": "adapter", "name": name}]}),
        )
        for name in (
            *("", " ", "\u00a0", "Adapter ", " Adapter", "My  adapter", "My\tadapter", "My\nadapter", "a|b"),
            *("a\u2028b", "a\u2029b", "a\u0085b", "a\u007fb", "a\u009bb", "x" * 81),
        )
    ),
    changed("epochs NaN", r"hyperparameters\.all\.epochs: ", hyperparameters={"all": {"epochs": float("nan")}}),
    changed("epochs inf", r"hyperparameters\.all\.epochs: ", hyperparameters={"all": {"epochs": float("inf")}}),
    changed(
        "epochs true",
        r".*all\.epochs: a whole .* found true",
        hyperparameters={"all": {"epochs": True}},
    ),
    changed(
        "epochs 2.5",
        r".*epochs: a whole number .* number 2\.5",
        hyperparameters={"all": {"epochs": 2.5}},
    ),
    changed(
        "batches of none",
        r".*batch_size: a whole .* at least 1 is",
        hyperparameters={"all": {"batch_size": 0}},
    ),
    changed(
        "division by zero",
        r".*reduction_factor: a whole number of at least 1 is expected, found the number 0",
        hyperparameters={"adapter": {"reduction_factor": 0}},
    ),
    changed(
        "dropout 2",
        r".*omega_dropout: a number from 0 to 1 is expected, found the number 2",
        hyperparameters={"scalearn": {"omega_dropout": 2}},
    ),
    changed(
        "a rate in words",
        r".*learning_rate: a number of at least 0 is expected, found the text 'low'",
        hyperparameters={"all": {"learning_rate": "low"}},
    ),
    changed("rows of a task there is not", r"train_rows: unknown name 'your'", train_rows={"your": 9}),
    # how to compute
    changed(
        "a precision of another name",
        r"compute\.precision: one of auto, float32, .* found the text 'half'$",
        compute={"precision": "half"},
    ),
    changed(
        "a precision that is off",
        r"compute\.precision: one of auto, float32, .* found false$",
        compute={"precision": False},
    ),
    changed("a switch that is a number", r"compute\.tf32: auto, on or off is expected", compute={"tf32": 1}),
    changed("a switch in words", r"compute\.compile: auto, on or off is expected", compute={"compile": "maybe"}),
    changed(
        "an attention that is null",
        r"compute\.attention: one of auto, sdpa, eager is expected, found nothing$",
        compute={"attention": None},
    ),
    changed(
        "an optimizer of a list",
        r"compute\.optimizer: one of auto, fused, plain is expected, found a list of 1$",
        compute={"optimizer": ["fused"]},
    ),
    changed(
        "a way with a typo", r"compute\.precison: unknown key, did you mean 'precision'\?", compute={"precison": 1}
    ),
    changed(
        "a way in one word",
        r"compute: a mapping \(`key: value`\) is expected, found the text 'bf16'; for example",
        compute="bf16",
    ),
    # what cannot be together
    changed(
        "sources of different widths",
        r"benchmarks\.pair: source adapters of 'mine' \(reduction_factor 16\) and 'rte' \(reduction_factor 8\) cannot "
        "be composed: set the same reduction_factor for both",
        benchmarks={"pair": ["mine", "rte"]},
        methods=["adapter", "scalearn"],
        task_hyperparameters={"rte": {"adapter": {"reduction_factor": 8}}},
    ),
    changed(
        "no source but the target",
        r"benchmarks\.pair: the target 'mine' is the only source; set include_target to true, or add sources",
        methods=["adapter", "scalearn"],
        hyperparameters={"scalearn": {"include_target": 0}},
    ),
    changed(
        "scales that may all be dropped",
        r"hyperparameters\.scalearn: omega_dropout is 0\.3; set it to 0",
        methods=["adapter", {"method": "scalearn", "omega_constraint": "mean"}],
    ),
    changed(
        "an adapter without width",
        r"hyperparameters: reduction_factor is 33; give a number from 1 to 32",
        hyperparameters={"adapter": {"reduction_factor": 33}},
    ),
    changed(
        "products that do not divide the encoder",
        r"hyperparameters\.compacter: reduction_factor 16 makes 2 of the hidden size 32, and both must be multiples",
        methods=["compacter"],
    ),
    encoder(
        "a head on a pooler that the encoder has not",
        r"protocol: the reference protocol needs the encoder's pooler for multiple choice, but 'tiny' has none",
        {"model_type": "electra"},
        protocol="reference",
        methods=["full_finetuning"],
        benchmarks={"pair": ["copa"]},
        tasks={},
    ),
    encoder(
        "an encoder that cannot be trained",
        r"models\.tiny\.path: model: config\.json has model_type 'mpnet', which cannot be trained here; choose",
        {"model_type": "mpnet"},
    ),
    encoder(
        "an encoder of more layers than its weights have",
        r"models\.tiny\.path: model: model\.safetensors does not fit config\.json: 2 layers, but num_hidden_la",
        {"num_hidden_layers": 12},
    ),
    Case(
        "an encoder without a tokenizer",
        r"^error: config\.yaml: models\.tiny\.path: model: no tokenizer\.json; save the model's fast tokenizer there",
        lambda: (Path("model/tokenizer.json").unlink(), configure())[1],
    ),
]
