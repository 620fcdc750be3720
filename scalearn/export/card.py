"""The model card of an export, README.md, which the run itself fills; its front matter is the hub's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import mean
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from scalearn.campaign.run_folder import WEIGHTS
from scalearn.export.bibtex import ENTRIES
from scalearn.export.finished import FinishedRun
from scalearn.export.seeds import scores_by_seed, spread
from scalearn.methods import METHODS
from scalearn.methods.layers.stack_facts import StackFacts
from scalearn.results.layout import Scoring
from scalearn.results.omega import learned_scales
from scalearn.results.records import ScoreRecord
from scalearn.results.scores import score

FILE = "README.md"
LIBRARY = "adapter-transformers"  # the hub's key for `adapters`

LOAD = {
    "adapter": """model = adapters.{kind}.from_pretrained("{base}")
model.load_adapter(folder, use_safetensors=True, set_active=True)""",
    "fusion": """model = adapters.{kind}.from_pretrained("{base}")
for source in {sources}:
    model.load_adapter(f"{{folder}}/sources/{{source}}", use_safetensors=True)
model.load_adapter_fusion(folder, use_safetensors=True, set_active=True)""",
    "model": "model = adapters.{kind}.from_pretrained(folder)",
}


@dataclass(frozen=True)
class FromUser:
    """What only the user can say of a model: its licence and its languages, as the hub names them."""

    license: str | None = None
    languages: tuple[str, ...] = ()


def card(run: FinishedRun, content: Mapping[str, Any], sources: list[str], from_user: FromUser) -> str:
    """Return the card's text.

    content: what export.json says; sources: the names of a fusion's source adapters.
    """
    record = score(run.folder, Scoring((), None))
    parts = (
        _title(run, content),
        _load(content, sources),
        _data(run),
        _training(run),
        _sources(run),
        _scores(run, record),
        _provenance(run, content),
        _citation(run),
    )
    front = _front_matter(run, content, record, from_user)
    return f"---\n{front}\n---\n\n" + "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(run: FinishedRun, content: Mapping[str, Any], record: ScoreRecord, from_user: FromUser) -> str:
    source, base = run.info.source, run.encoder["source"].get("repository")
    data = ModelCardData(
        base_model=base,
        base_model_relation=None if base is None else "finetune" if content["form"] == "model" else "adapter",
        library_name=LIBRARY,
        pipeline_tag=_pipeline(run),
        datasets=[source["repository"]] if "repository" in source else None,
        metrics=sorted({metric for metric, _ in map(_metric, record.scores)}),
        license=from_user.license,
        language=list(from_user.languages) or None,
        tags=["adapters", run.encoder["model_type"], "scalearn"],
        model_name=f"{content['name']}-{content['method']}",
        eval_results=list(_results(run, record)),
    )
    return str(data.to_yaml())


def _pipeline(run: FinishedRun) -> str:
    return "multiple-choice" if run.info.kind == "multiple_choice" else "text-classification"


def _results(run: FinishedRun, record: ScoreRecord) -> Iterator[EvalResult]:
    source = run.info.source
    for name, value in record.scores.items():
        metric, part = _metric(name)
        yield EvalResult(
            task_type=_pipeline(run),
            dataset_type=source.get("repository", run.task),
            dataset_name=run.task,
            dataset_config=source.get("config"),
            dataset_split=_split(source, part),
            dataset_revision=source.get("revision"),
            metric_type=metric,
            metric_name=name,
            metric_value=round(value, 6),
        )


def _split(source: Mapping[str, Any], part: str) -> str:
    """Return the split of the hub's dataset that was tested on; else `test`, because paths of files are private."""
    if source.get("kind") != "hub":
        return "test"
    return str((source.get("parts") or {}).get(part) or source.get("test") or "test")


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
        f"# {method.title} on {run.task}\n\n{method.title} for `{base['name']}`{revision}. Method: {method.citation}."
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


def _sources(run: FinishedRun) -> str:
    """Return the source adapters, and for methods with ω the mean of each source's scales, by layer."""
    if run.planned.sources is None:
        return ""
    names = StackFacts.read(run.planned.sources).names
    scales = learned_scales(run.planned.output / WEIGHTS, run.planned.spec, names, run.task)
    if not scales:
        return f"## Sources\n\n{', '.join(names)}"
    used = list(dict.fromkeys(entry.source for entry in scales))
    rows = []
    for name in used:
        means = [float(entry.values.mean()) for entry in scales if entry.source == name]
        rows.append(f"| {name} | {mean(means):.3f} | {min(means):.3f} | {max(means):.3f} |")
    return (
        "## Sources\n\nThe scaling coefficients ω of each source adapter, averaged over its dimensions:\n\n"
        "| source | mean over layers | least layer | greatest layer |\n| --- | --- | --- | --- |\n" + "\n".join(rows)
    )


def _scores(run: FinishedRun, record: ScoreRecord) -> str:
    """Return the test scores of this run, and their spread over its seeds where several are finished."""
    by_seed = scores_by_seed(run.folder)
    several = len(by_seed) > 1
    head = "| metric | this run | constant answer |" + (" mean ± std | 95 % interval |" if several else "")
    rows = []
    for name, value in record.scores.items():
        row = f"| {name} | {value:.4f} | {record.baseline[name]:.4f} |"
        if several:
            over = spread([scores[name] for scores in by_seed.values()], tuple(by_seed))
            row += f" {over.mean:.4f} ± {over.std:.4f} | {over.low:.4f} to {over.high:.4f} |"
        rows.append(row)
    columns = "| --- " * (5 if several else 3) + "|"
    seeds = ", ".join(map(str, sorted(by_seed)))
    note = (
        f"Mean, standard deviation and t-interval are over {len(by_seed)} seeds ({seeds}), on these test rows."
        if several
        else "One seed, so that nothing is known of how scores vary between seeds."
    )
    return f"## Scores on the test split\n\n{head}\n{columns}\n" + "\n".join(rows) + f"\n\n{note}"


def _provenance(run: FinishedRun, content: Mapping[str, Any]) -> str:
    spec, versions = run.planned.spec, run.record["versions"]
    rows = {
        "run": f"`{spec.path}`",
        "encoder (sha256 of its weights)": f"`{content['base_model']['sha256']}`",
        "run's weights (sha256)": f"`{content['weights']}`",
        "versions of the code": ", ".join(f"{part} {number}" for part, number in spec.versions.items()),
        "libraries": ", ".join(f"{name} {version}" for name, version in sorted(versions.items())),
        "computed with": ", ".join(f"{key} {value}" for key, value in sorted(run.record["computed"][-1].items())),
    }
    lines = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    more = "`export.json` has the run's whole description."
    return f"## Provenance\n\n| what | value |\n| --- | --- |\n{lines}\n\n{more}"


def _citation(run: FinishedRun) -> str:
    method = METHODS[run.planned.spec.method]
    return f"## Citation\n\nThe method: {method.citation}.\n\n```bibtex\n" + "\n\n".join(ENTRIES) + "\n```"
