"""A model hub on the loopback address: one repository, as huggingface_hub asks for it; can hang up halfway."""

from __future__ import annotations

import hashlib
import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from tests.runner.loopback_hub import COMMIT, HubHandler, LoopbackHub, running


class FakeHub(LoopbackHub):
    """Serves the files of a folder as repository `name`."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(_Handler)
        self.files = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.name = name
        self.hangs_up_after: int | None = None
        """No byte of a weights file beyond this one is sent: the connection breaks, however often it is tried."""
        self.hang_ups = 99
        """So many times it does that."""
        self.asked: list[tuple[str, str | None]] = []
        """(file, Range header) of each GET of content."""


class _Handler(HubHandler):
    server: FakeHub

    def do_HEAD(self) -> None:
        self._content(body=False)

    def do_GET(self) -> None:
        if self.path.startswith("/api/models/"):
            self._api()
        else:
            self._content(body=True)

    def _api(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/api/models/")
        if not path.startswith(self.server.name):
            return self._send(404, b"{}", {"X-Error-Code": "RepoNotFound"})
        listed = [{"rfilename": name, "size": len(data), "blobId": _sha(data)} for name, data in
                  sorted(self.server.files.items())]
        told: Any = {"id": self.server.name, "modelId": self.server.name, "sha": COMMIT, "siblings": listed,
                     "private": False, "tags": [], "downloads": 0, "likes": 0}
        if "/tree/" in path:
            told = [{"type": "file", "path": name, "size": len(data), "oid": _sha(data)} for name, data in
                    sorted(self.server.files.items())]
        return self._send(200, json.dumps(told).encode(), {"Content-Type": "application/json"})

    def _content(self, body: bool) -> None:
        name = self.path.partition("?")[0].rpartition("/")[2]
        data = self.server.files.get(name)
        if data is None:
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
        asked = self.headers.get("Range")
        first = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        headers = {"ETag": f'"{_sha(data)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes",
                   "Content-Range": f"bytes {first}-{len(data) - 1}/{len(data)}"}
        if body:
            self.server.asked.append((name, asked))
        return self._send(206 if first else 200, data[first:], headers, body,
                          self._only(first) if name.endswith(".safetensors") else None)

    def _only(self, first: int) -> int | None:
        if self.server.hangs_up_after is None or not self.server.hang_ups or self.command == "HEAD":
            return None
        self.server.hang_ups -= 1
        return max(0, self.server.hangs_up_after - first)

    def _send(self, status: int, data: bytes, headers: dict[str, str], body: bool = True,
              only: int | None = None) -> None:
        self.send_response(status)
        for key, value in ({"Content-Length": str(len(data))} | headers).items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(data[:only])
            if only is not None:
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(2)


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def serving(folder: Path, name: str) -> AbstractContextManager[FakeHub]:
    return running(FakeHub(folder, name))
