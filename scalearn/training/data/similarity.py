"""Task similarities: the mean cosine between the sentence embeddings of two tasks' training texts.

The mean over all pairs of unit vectors of two sets is the dot product of the sets' means. A task therefore needs one
vector per sentence encoder. Source: Chronopoulou et al. 2023, AdapterSoup.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from scalearn.encoders.architectures import most_tokens
from scalearn.errors import UserError
from scalearn.storage.files import check_replaced, read_json, whole_file, write_json
from scalearn.tasks.store import TaskInfo

ROWS = 10_000  # the paper's
SEED = 42
FIRST = 3  # rows of a target in the reference implementation, which counts a dataset's splits instead of its rows
BATCH = 64


def embed(task: Path, model: Path, output: Path) -> None:
    """Write the mean embedding of up to ROWS train texts of a task, which a fixed seed draws.

    task: the folder of the prepared task. model: the folder of the sentence encoder.
    output: a safetensors file with `all` and `first_three`, shape (d,): the means over all drawn rows and over the
    first three of them.
    """
    from sentence_transformers import SentenceTransformer

    check_replaced(output, b'"__metadata__":{"embedding"', "embedding of a task")
    info, encoder_name = TaskInfo.read(task), read_json(model / "model.json")["name"]
    if (model / "modules.json").exists():  # sentence-transformers would run the code that it names
        raise UserError(f"{model}: it has modules.json, which may name code; fetch the model, which leaves that out")
    texts = drawn_texts(task / "train.parquet", info.sizes["train"])
    encoder: Any = SentenceTransformer(
        str(model), local_files_only=True, trust_remote_code=False, model_kwargs={"use_safetensors": True}
    )
    # The library uses every position, but a few kinds of encoder reserve some of them.
    if (most := most_tokens(encoder[0].auto_model.config.to_dict())) is not None:
        encoder.max_seq_length = min(encoder.max_seq_length or most, most)
    embeddings = encoder.encode(
        texts, batch_size=BATCH, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
    )
    tensors = {"all": embeddings.mean(axis=0), "first_three": embeddings[:FIRST].mean(axis=0)}
    content = {"task": info.name, "encoder": encoder_name, "rows": len(texts), "data": info.sha256["train"]}
    with whole_file(output) as temporary:
        save_file(tensors, temporary, {"embedding": json.dumps(content, sort_keys=True)})
    print(f"embedded {info.name}: {len(texts):,} texts")


def drawn_texts(path: Path, size: int) -> list[str]:
    """Return up to ROWS texts of a split, in random order. A text joins text1 with text2 or the first choice.

    size: the rows of the split.
    """
    order = np.random.default_rng(SEED).permutation(size)[:ROWS]
    position = {int(row): index for index, row in enumerate(order)}
    texts = [""] * len(order)
    for row, text in enumerate(_texts(path)):
        if (index := position.get(row)) is not None:
            texts[index] = text
    return texts


def _texts(path: Path) -> Iterator[str]:
    file = pq.ParquetFile(path)
    names = [name for name in ("text1", "text2", "choices") if name in file.schema_arrow.names]
    for batch in file.iter_batches(columns=names):
        columns = [batch["text1"].to_pylist()]
        if "text2" in names:
            columns.append(batch["text2"].to_pylist())
        if "choices" in names:
            columns.append([row[0] for row in batch["choices"].to_pylist()])
        yield from (" ".join(texts) for texts in zip(*columns, strict=True))


def similarities(embeddings: Sequence[Path], output: Path) -> None:
    """Write the similarity of every two tasks to a JSON file: {"all": {target: {source: value}}}.

    Negative values become 0. `first_three`, beside `all`, takes the target's mean over three rows, as the reference
    implementation does.
    """
    check_replaced(output, b'{\n "all": {', "similarities of tasks")
    means = dict(_read(path) for path in embeddings)
    tables = {
        rows: {
            target: {source: max(0.0, float(mine[rows] @ other["all"])) for source, other in means.items()}
            for target, mine in means.items()
        }
        for rows in ("all", "first_three")
    }
    write_json(output, tables)


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        with safe_open(path, framework="numpy") as stream:
            name = json.loads(stream.metadata()["embedding"])["task"]
        return name, load_file(path)
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise UserError(f"{path}: no readable embedding of a task ({error}); delete it and run again") from None
