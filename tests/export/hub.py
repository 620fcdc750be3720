"""A local stand-in of the hub: the part of its HTTP interface that a push uses, on a free port."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Hub:
    """What was asked of the hub, and what it answers.

    files: the content of the only repository, by path. refuses: a status to answer writes with.
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)  # method, path, authorization
    private: bool | None = None
    refuses: int | None = None


@contextmanager
def hub() -> Iterator[Hub]:
    """Yield a hub that runs in a thread."""
    state = Hub()

    class Handler(BaseHTTPRequestHandler):
        def answer(self, content: Any, status: int = 200) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def note(self) -> None:
            state.requests.append((self.command, self.path, self.headers.get("Authorization", "")))

        def do_GET(self) -> None:
            self.note()
            if "/tree/" in self.path:
                self.answer([{"type": "file", "path": name, "size": 1, "oid": "1"} for name in state.files])
            else:
                self.answer({"id": "me/mine", "modelId": "me/mine", "siblings": [], "sha": "0" * 40, "private": False})

        def do_POST(self) -> None:
            self.note()
            content = self.body()
            if state.refuses:
                self.answer({"error": "no"}, state.refuses)
            elif self.path == "/api/repos/create":
                asked = json.loads(content)
                state.private = asked.get("private")
                name = f"{asked.get('organization') or 'me'}/{asked['name']}"
                self.answer({"url": f"{state.address}/{name}", "name": name})
            elif self.path == "/api/validate-yaml":
                self.answer({"errors": [], "warnings": []})
            elif "/preupload/" in self.path:
                files = [{"path": file["path"], "uploadMode": "regular"} for file in json.loads(content)["files"]]
                self.answer({"files": [file | {"shouldIgnore": False} for file in files]})
            else:
                for line in content.splitlines():
                    entry = json.loads(line)
                    if entry["key"] == "file":
                        state.files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
                self.answer({"commitUrl": f"{state.address}/me/mine/commit/1", "commitOid": "1", "hookOutput": ""})

        def log_message(self, *arguments: Any) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
