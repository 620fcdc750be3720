"""Reads a campaign file as a mapping. YAML that runs code, repeats a key or expands without bound is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from scalearn.errors import UserError

VARIABLE = "SCALEARN_CAMPAIGN"  # an environment variable


class _Loader(yaml.SafeLoader):
    """A YAML loader that builds plain values only, refuses repeated keys, and merges (`<<`) each key once."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        seen = set()
        for key, _ in node.value:
            if _identity(key) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key.value}' is written more than once", key.start_mark
                )
            seen.add(_identity(key))
        super().flatten_mapping(node)
        # Nested merges would double the number of keys at each level: thirty short lines would fill the memory.
        node.value = list({_identity(key): (key, value) for key, value in node.value}.values())


def _identity(key: yaml.Node) -> object:
    return (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else id(key)


def hand_down(content: Mapping[str, Any]) -> None:
    """Pass the campaign to the commands that this process starts, in an environment variable.

    content: the campaign file's, with all overrides.
    """
    os.environ[VARIABLE] = json.dumps(content)


def read_campaign_file(path: Path) -> dict[str, Any]:
    """Return the content of a campaign file.

    Raises: UserError if the file cannot be read, or is not a mapping in YAML.
    """
    try:
        content = _Loader(path.read_text(encoding="utf-8-sig")).get_single_data()
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise UserError(f"{path}: {line}not readable as YAML ({error.problem}); mend the file") from None
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; name a campaign file, or change to the folder that holds it") from None
    except IsADirectoryError:
        raise UserError(f"{path}: a folder; name the campaign file in it") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 (byte {error.start}); save the file as UTF-8") from None
    except RecursionError:
        raise UserError(f"{path}: not readable as YAML (nested too deeply); mend the file") from None
    except (OSError, ValueError, yaml.YAMLError) as error:  # a date such as 2020-13-01 is a ValueError
        raise UserError(f"{path}: not readable as YAML ({' '.join(str(error).split())}); mend the file") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: a campaign file consists of lines `key: value`; see config.yaml for all keys")
    return content
