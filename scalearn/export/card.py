"""The model card of an export, README.md, which the run itself fills; its front matter is the hub's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from safetensors.torch import load_file

from scalearn.campaign.run_folder import WEIGHTS
from scalearn.export.finished import FinishedRun
from scalearn.methods import METHODS
from scalearn.methods.layers.stack_facts import StackFacts
from scalearn.results.layout import Scoring
from scalearn.results.records import ScoreRecord
from scalearn.results.scores import score

FILE = "README.md"
LIBRARY = "adapter-transformers"  # the hub's key for `adapters`
OMEGA = ".omega.weight"

LOAD = {
    "adapter": """model = adapters.{kind}.from_pretrained("{base}")
model.load_adapter(folder, use_safetensors=True, set_active=True)""",
    "fusion": """model = adapters.{kind}.from_pretrained("{base}")
for source in {sources}:
    model.load_adapter(f"{{folder}}/sources/{{source}}", use_safetensors=True)
model.load_adapter_fusion(folder, use_safetensors=True, set_active=True)""",
    "model": "model = adapters.{kind}.from_pretrained(folder)",
}


def card(run: FinishedRun, content: Mapping[str, Any], sources: list[str]) -> str:
    """Return the card's text.

    content: what export.json says; sources: the names of a fusion's source adapters.
    """
    found = score(run.folder, Scoring((), None))
    parts = (_title(run, content), _load(content, sources), _data(run), _training(run), _omega(run), _scores(found))
    return f"---\n{_front_matter(run, content, found)}\n---\n\n" + "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(run: FinishedRun, content: Mapping[str, Any], found: ScoreRecord) -> str:
    source, base = run.info.source, run.encoder["source"].get("repository")
    data = ModelCardData(
        base_model=base,
        base_model_relation=None if base is None else "finetune" if content["form"] == "model" else "adapter",
        library_name=LIBRARY,
        pipeline_tag=_pipeline(run),
        datasets=[source["repository"]] if "repository" in source else None,
        metrics=sorted({metric for metric, _ in map(_metric, found.scores)}),
        tags=["adapters", run.encoder["model_type"], "scalearn"],
        model_name=f"{content['name']}-{content['method']}",
        eval_results=list(_results(run, found)),
    )
    return str(data.to_yaml())


def _pipeline(run: FinishedRun) -> str:
    return "multiple-choice" if run.info.kind == "multiple_choice" else "text-classification"


def _results(run: FinishedRun, found: ScoreRecord) -> Iterator[EvalResult]:
    source = run.info.source
    for name, value in found.scores.items():
        metric, part = _metric(name)
        yield EvalResult(
            task_type=_pipeline(run),
            dataset_type=source.get("repository", run.task),
            dataset_name=run.task,
            dataset_config=source.get("config"),
            dataset_split=(source.get("parts") or {}).get(part) or source.get("test") or "test",
            dataset_revision=source.get("revision"),
            metric_type=metric,
            metric_name=name,
            metric_value=round(value, 6),
        )


def _metric(name: str) -> tuple[str, str]:
    """Return the metric and the part of the test rows in a score's name: accuracy_mm is of the part mm."""
    from scalearn.tasks.definition import METRICS

    known = {metric for metrics in METRICS.values() for metric in metrics}
    metric = max((metric for metric in known if name == metric or name.startswith(f"{metric}_")), key=len)
    return metric, name.removeprefix(metric).removeprefix("_")


def _title(run: FinishedRun, content: Mapping[str, Any]) -> str:
    method, base = METHODS[run.planned.spec.method], content["base_model"]
    revision = f" at revision `{base['revision']}`" if base["revision"] else ""
    return (
        f"# {method.title} on {run.task}\n\n"
        f"{method.title} for `{base['name']}`{revision} (sha256 of its weights: `{base['sha256']}`).\n\n"
        f"Method: {method.citation}."
    )


def _load(content: Mapping[str, Any], sources: list[str]) -> str:
    how, kind = content["input"], content["model_class"]
    lines = LOAD[content["form"]].format(kind=kind, base=content["base_model"]["name"], sources=sources)
    tokenizer = "folder" if content["form"] == "model" else f'"{content["tokenizer"]}"'
    if how["choices"]:
        use = "# a row is a text with each of its choices as a pair: inputs are (rows, choices, tokens)"
    else:
        texts = ", ".join(['"A first text."', '"A second text."'][: how["texts"]])
        options = f'truncation="{how["truncation"]}", max_length={how["max_length"]}, return_tensors="pt"'
        use = f"logits = model.eval()(**tokenizer({texts}, {options})).logits"
    return (
        "## Load it\n\n```python\nimport adapters\nfrom transformers import AutoTokenizer\n\n"
        f'folder = "."  # where this file lies\n{lines}\n'
        f"tokenizer = AutoTokenizer.from_pretrained({tokenizer})\n{use}\n```\n\n"
        "Without `use_safetensors=True` the library looks for a file that is not here."
    )


def _data(run: FinishedRun) -> str:
    info = run.info
    rows = ", ".join(f"{count:,} {split}" for split, count in info.sizes.items())
    labels = f" Labels: {', '.join(info.labels)}." if info.labels else ""
    return f"## Data\n\nTask `{info.name}`, {info.kind}, from {', '.join(info.texts)}; rows: {rows}.{labels}"


def _training(run: FinishedRun) -> str:
    spec, trained = run.planned.spec, run.record["training"]
    values = "\n".join(f"| {key} | {value} |" for key, value in sorted(spec.values.model_dump().items()))
    switches = f"Differences of the reference protocol: {', '.join(spec.switches)}.\n\n" if spec.switches else ""
    return (
        f"## Training\n\nSeed {spec.seed}; the best of {trained['epochs']} epochs is epoch {trained['best_epoch']}. "
        f"{run.record['parameters']['trainable']:,} parameters trained beside the head.\n\n{switches}"
        f"| hyper-parameter | value |\n| --- | --- |\n{values}"
    )


def _omega(run: FinishedRun) -> str:
    """Return the sources, and of free scales the mean of each source's over layers and dimensions."""
    spec = run.planned.spec
    if run.planned.sources is None:
        return ""
    names = list(StackFacts.read(run.planned.sources).names)
    if not getattr(spec.values, "include_target", True) and len(names) > 1:
        names = [name for name in names if name != run.task]
    scales = [tensor for name, tensor in load_file(run.planned.output / WEIGHTS).items() if name.endswith(OMEGA)]
    if not scales or getattr(spec.values, "omega_constraint", "none") != "none":
        return f"## Sources\n\n{', '.join(names)}"
    means = [float(sum(scale[index].mean() for scale in scales) / len(scales)) for index in range(len(names))]
    rows = "\n".join(f"| {name} | {mean:.3f} |" for name, mean in zip(names, means, strict=True))
    return f"## Sources\n\n| source | mean of its scales ω |\n| --- | --- |\n{rows}"


def _scores(found: ScoreRecord) -> str:
    rows = "\n".join(f"| {name} | {value:.4f} | {found.baseline[name]:.4f} |" for name, value in found.scores.items())
    return f"## Scores of this run\n\nOne seed.\n\n| metric | test | constant answer |\n| --- | --- | --- |\n{rows}"
