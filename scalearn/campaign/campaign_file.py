"""A campaign file as a mapping: YAML without code, without keys that stand there twice, without bombs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from scalearn.errors import UserError

VARIABLE = "SCALEARN_CAMPAIGN"  # of the environment


class _Loader(yaml.SafeLoader):
    """Builds plain values only, refuses a key that a mapping has twice, and merges (`<<`) each key once."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        seen = set()
        for key, _ in node.value:
            if _identity(key) in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key.value}' is written more than once", key.start_mark
                )
            seen.add(_identity(key))
        super().flatten_mapping(node)
        # Merges of merges would double what they repeat at each level: thirty short lines would fill the memory.
        node.value = list({_identity(key): (key, value) for key, value in node.value}.values())


def _identity(key: yaml.Node) -> object:
    return (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else id(key)


def hand_down(content: Mapping[str, Any]) -> None:
    """Let commands that this process starts find what the campaign file says, with all that overrides it."""
    os.environ[VARIABLE] = json.dumps(content)


def read_campaign_file(path: Path) -> dict[str, Any]:
    """Return what the file says; a UserError names the file, the line and the mend."""
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
