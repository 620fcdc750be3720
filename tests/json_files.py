"""Changes to JSON files that a test has: a model's config, a task's record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def change(path: Path, **changes: Any) -> None:
    """Change these keys of a JSON object in a file; None removes a key."""
    content = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
