"""Messages for pydantic's validation errors: where the error is, what is expected, what was found, and an example.

The words come from the model's JSON schema: types, bounds, choices, `expected` (a pattern in words) and `examples`.
pydantic's own sentences are not shown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from scalearn.errors import nearest
from scalearn.fields import Name

Node = Mapping[str, Any]  # a part of a JSON schema
Path = tuple[str | int, ...]  # to a value in the content: keys of mappings and indices of lists

_TYPES: dict[str, Any] = {
    "array": (list, tuple),
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "object": Mapping,
    "string": str,
}
_LONG = 60  # characters; longer texts are not quoted
_LARGE = 10**40  # larger numbers are not quoted


def complaint(error: ValidationError, kind: Any, content: Any) -> str:
    """Return a message about the first error, in the form `key: what is wrong; mend`.

    Args:
        error: what pydantic raised.
        kind: the type that was validated.
        content: the content that was validated as `kind`.
    """
    schema = _Schema(kind)
    # A misspelt key is both unknown and missing. Only "unknown" tells the user what happened.
    first = min(error.errors(include_url=False), key=lambda entry: entry["type"] != "extra_forbidden")
    reason, value = first["type"], first["input"]
    path = schema.path(first["loc"], content, reason)
    where = _written(path)
    if reason in ("value_error", "assertion_error"):  # one of our own sentences
        return _joined(where, first["msg"].partition(", ")[2])
    if reason in ("extra_forbidden", "invalid_key"):  # YAML allows numbers as keys
        return f"{where}: unknown key{schema.hint(path, content)}"
    if reason == "union_tag_not_found":
        kinds = " or ".join(f"`kind: {tag}`" for tag in schema.kinds(schema.at(path, content)))
        return _joined(where, f"`kind` is missing; add {kinds}")
    if reason == "union_tag_invalid":
        return f"{where}.kind: {_expected([{'enum': schema.kinds(schema.at(path, content))}], value['kind'])}"
    if reason == "missing":
        parent, key = _written(path[:-1]), path[-1]
        return _joined(
            parent, f"`{key}` is missing{schema.example(path, content, '; add it, for example', around=True)}"
        )
    if first["loc"] and first["loc"][-1] == "[key]":
        return f"{where}: {_expected([schema.name], value)}{_mend(path, [schema.name], value)}"
    variants = schema.variants(schema.at(path, content))
    mend = _mend(path, variants, value) or schema.example(path, content, "; for example")
    if reason in ("too_short", "too_long"):
        return _joined(where, f"{_sizes(first['ctx'])} expected, found {_found(value)}{mend}")
    return _joined(where, _expected(variants, value) + mend)


class _Schema:
    """The JSON schema of a type, with the words for each place in it."""

    def __init__(self, kind: Any) -> None:
        self.root, self.name = _schema(kind), _schema(Name)

    def resolved(self, node: Node) -> Node:
        """Return the node with its `$ref` replaced by the definition."""
        while "$ref" in node:
            target = self.root["$defs"][node["$ref"].rpartition("/")[2]]
            node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
        return node

    def variants(self, node: Node, value: Any = None) -> list[Node]:
        """Return the schemas that a node allows, without null. If `value` names its `kind`, only that one."""
        node = self.resolved(node)
        mapping = node.get("discriminator", {}).get("mapping", {})
        if isinstance(value, Mapping) and isinstance(tag := value.get("kind"), str) and tag in mapping:
            return [self.resolved({"$ref": mapping[tag]})]
        choices = node.get("anyOf") or node.get("oneOf")
        if choices is None:
            return [node] if node.get("type") != "null" else []
        return [variant for choice in choices for variant in self.variants(choice)]

    def kinds(self, node: Node) -> list[str]:
        """Return the values of `kind` that a node allows."""
        return [*self.resolved(node).get("discriminator", {}).get("mapping", {})]

    def keys(self, node: Node, value: Any) -> dict[str, Node]:
        """Return key -> schema for the keys that a mapping at this node may have."""
        return {
            key: inner for variant in self.variants(node, value) for key, inner in variant.get("properties", {}).items()
        }

    def path(self, location: Sequence[str | int], content: Any, reason: str) -> Path:
        """Return pydantic's location of an error without its additions: the names of a union's variants and `[key]`."""
        path: list[str | int] = []
        node, kinds = self.root, self.kinds(self.root)
        for number, part in enumerate(location):
            if part in kinds:
                kinds = []
                continue
            inside = isinstance(content, Mapping) and part in content
            inside |= isinstance(content, list | tuple) and isinstance(part, int) and part < len(content)
            if inside or (reason == "missing" and number == len(location) - 1):
                node = self._step(node, part, content)
                kinds = self.kinds(node)
                path.append(str(part) if isinstance(content, Mapping) else part)  # YAML allows numbers as keys
                content = _inner(content, part)
        return tuple(path)

    def at(self, path: Path, content: Any) -> Node:
        """Return the schema node for the value at `path`."""
        node: Node = self.root
        for part in path:
            node = self._step(node, part, content)
            content = _inner(content, part)
        return node

    def _step(self, node: Node, part: str | int, content: Any) -> Node:
        for variant in self.variants(node, content):
            names = [*variant.get("patternProperties", {}).values(), variant.get("additionalProperties")]
            candidates = (
                [variant.get("properties", {}).get(part), *names] if isinstance(part, str) else [variant.get("items")]
            )
            for candidate in candidates:
                if isinstance(candidate, Mapping):
                    return candidate
        return {}

    def example(self, path: Path, content: Any, before: str, around: bool = False) -> str:
        """Return a phrase with an example for the key at `path`, or "" if there is none.

        Args:
            before: the words before the example.
            around: accept the example of an enclosing key.
        """
        for length in range(len(path), 0, -1):
            parent, key = path[: length - 1], path[length - 1]
            examples = self.at(path[:length], content).get("examples")
            if isinstance(key, str) and examples:
                return f"{before} `{key}: {_yaml(examples[0])}`"
            if not around and key in self.keys(self.at(parent, content), _value(content, parent)):
                break
        return ""

    def hint(self, path: Path, content: Any) -> str:
        """Return a hint on the unknown key at the end of `path`: a similar key, or the place where the key belongs."""
        around, key = path[:-1], path[-1]
        value, node = _value(content, around), self.at(around, content)
        keys = self.keys(node, value)
        for name, inner in keys.items():
            if key in self.keys(inner, _inner(value, name)):
                return f" here; it belongs in `{name}`"
        if around and key in self.keys(self.at(around[:-1], content), _value(content, around[:-1])):
            return f" here; it belongs beside `{around[-1]}`, not in it"
        kind = f" of `kind: {value['kind']}`" if self.kinds(node) else ""
        return f"{kind}{nearest(str(key), keys)}"


@lru_cache
def _schema(kind: Any) -> Node:
    return TypeAdapter(kind).json_schema()


def _value(content: Any, path: Path) -> Any:
    for part in path:
        content = _inner(content, part)
    return content


def _inner(content: Any, part: str | int) -> Any:
    if isinstance(content, Mapping):
        return content.get(part)
    return content[part] if isinstance(content, list | tuple) and isinstance(part, int) else None


def _written(path: Iterable[str | int]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _joined(where: str, sentence: str) -> str:
    return f"{where}: {sentence}" if where else sentence


# ---------------------------------------------------------------------- what is expected, what was found


def _expected(variants: Sequence[Node], value: Any) -> str:
    fitting = _fitting(variants, value) or variants
    if len(fitting) == 1 and (choices := fitting[0].get("enum")):
        close = nearest(value, choices) if isinstance(value, str) else ""
        hint = close if "did you mean" in close else ""
        return f"one of {', '.join(map(str, choices))} is expected, found {_found(value)}{hint}"
    words = " or ".join(dict.fromkeys(_words(variant, value) for variant in fitting)) or "something else"
    return f"{words} is expected, found {_found(value)}"


def _fitting(variants: Sequence[Node], value: Any) -> list[Node]:
    """Return the variants with the value's type, for which something else than the type is wrong."""
    kinds = {kind for kind, types in _TYPES.items() if isinstance(value, types)}
    kinds = {"boolean"} if isinstance(value, bool) else kinds
    return [variant for variant in variants if variant.get("type") in kinds and "const" not in variant]


def _words(node: Node, value: Any) -> str:
    if "expected" in node:
        return str(node["expected"])
    if "enum" in node:
        return "one of " + ", ".join(map(str, node["enum"]))
    if "const" in node:
        return f"'{node['const']}'"
    match node.get("type"):
        case "integer":
            return "a whole number" + _bounds(node)
        case "number":
            return "a number" + _bounds(node)
        case "array":
            return "a list"
        case "boolean":
            return "true or false"
        case "string":
            return "a text" if value != "" else "a text that is not empty"
    return "a mapping (`key: value`)"


def _bounds(node: Node) -> str:
    least = node.get("minimum", node.get("exclusiveMinimum"))
    most = node.get("maximum", node["exclusiveMaximum"] - 1 if "exclusiveMaximum" in node else None)
    if most is not None:
        return f" from {least} to {most}"
    return "" if least is None else f" of at least {least}"


def _sizes(bounds: Mapping[str, int]) -> str:
    number = bounds.get("max_length", bounds.get("min_length", 0))
    entries = "entry is" if number == 1 else "entries are"
    return f"{'at most' if 'max_length' in bounds else 'at least'} {number} {entries}"


def _found(value: Any) -> str:
    """Return a few words on the value that was found. Long texts, and URLs that may hold a password, are not quoted."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        if isinstance(value, int) and abs(value) > _LARGE:
            return "a number of more than 40 digits"  # Python refuses to print very long ones
        return f"the number {value}" if math.isfinite(value) else str(value)
    if isinstance(value, str):
        if not value:
            return "an empty text"
        if "://" in value:
            return "a URL"
        return f"the text '{value}'" if len(value) < _LONG else f"a text of {len(value)} characters"
    if isinstance(value, date):
        return f"the date {value}"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    return f"a value of type {type(value).__name__}"


def _mend(path: Path, variants: Sequence[Node], value: Any) -> str:
    """Return how to write a value of the wrong type that was probably meant otherwise, or ""."""
    if _fitting(variants, value) or (isinstance(value, int) and abs(value) > _LARGE):
        return ""
    kinds = {variant.get("type") for variant in variants}
    texts = [variant for variant in variants if variant.get("type") == "string" and not {"enum", "const"} & {*variant}]
    if isinstance(value, bool):
        return "; YAML reads yes, no, on and off as true and false; put the word in quotes" if texts else ""
    if isinstance(value, int | float | date) and any(re.search(text.get("pattern", ""), str(value)) for text in texts):
        return "; put it in quotes"
    if (
        isinstance(value, str)
        and kinds & {"integer", "number"}
        and re.fullmatch(r"\d+(\.\d*)?e[+-]?\d{1,2}", value, re.I)
    ):
        return f"; this is read as text: write {float(value):g}"
    if isinstance(value, str | int | float) and "array" in kinds and path and isinstance(path[-1], str):
        return f"; write `{path[-1]}: [{value}]`" if 0 < len(str(value)) < _LONG else ""
    return ""


def _yaml(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000)
    return text.removesuffix("\n").removesuffix("\n...")
