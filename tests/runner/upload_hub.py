"""A hub on the loopback address that takes uploads: repositories, and commits with their files in base64."""

from __future__ import annotations

import base64
import json
from contextlib import AbstractContextManager
from typing import Any

from tests.runner.loopback_hub import COMMIT, HubHandler, LoopbackHub, running


class UploadHub(LoopbackHub):
    """Keeps what is uploaded; every request must have the token."""

    def __init__(self, token: str) -> None:
        super().__init__(_Handler)
        self.token = token
        self.private: dict[str, bool] = {}
        """Repository -> whether it is private."""
        self.files: dict[str, dict[str, bytes]] = {}
        self.messages: list[str] = []
        self.full = False
        """Whether commits are refused."""


class _Handler(HubHandler):
    server: UploadHub

    def do_GET(self) -> None:
        if not self._allowed():
            return None
        name = self.path.partition("?")[0].removeprefix("/api/models/").partition("/revision/")[0]
        if name not in self.server.private:
            return self._send(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        return self._send(200, {"id": name, "modelId": name, "sha": COMMIT, "private": self.server.private[name],
                                "tags": [], "downloads": 0, "likes": 0, "siblings": [
                                    {"rfilename": file} for file in (".gitattributes", *self.server.files[name])]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self._allowed():
            return None
        path = self.path.partition("?")[0]
        if path == "/api/validate-yaml":
            return self._send(200, {"errors": [], "warnings": []})
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        name = path.removeprefix("/api/models/").rpartition("/")[0].rpartition("/")[0]
        if "/preupload/" in path:
            return self._send(200, {"files": [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                                              for file in json.loads(body)["files"]]})
        return self._commit(name, [json.loads(line) for line in body.splitlines() if line])

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        if name in self.server.private:
            return self._send(409, {"error": "You already created this model repo",
                                    "url": f"{self.server.address}/{name}"})
        self.server.private[name], self.server.files[name] = asked.get("private") is True or \
            asked.get("visibility") == "private", {}
        return self._send(200, {"url": f"{self.server.address}/{name}", "id": "1", "name": name})

    def _commit(self, name: str, lines: list[dict[str, Any]]) -> None:
        if self.server.full:
            return self._send(403, {"error": "the storage of this account is full"})
        for line in lines:
            if line["key"] == "header":
                self.server.messages.append(line["value"]["summary"])
            else:
                self.server.files[name][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
        return self._send(200, {"commitUrl": f"{self.server.address}/{name}/commit/{COMMIT}", "commitOid": COMMIT,
                                "success": True})

    def _allowed(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {self.server.token}":
            return True
        self._send(401, {"error": "Invalid credentials in Authorization header"})
        return False

    def _send(self, status: int, told: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        data = json.dumps(told).encode()
        self.send_response(status)
        own = {"Content-Type": "application/json", "Content-Length": str(len(data))}
        for key, value in (own | (headers or {})).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(data)


def serving(token: str) -> AbstractContextManager[UploadHub]:
    return running(UploadHub(token))
