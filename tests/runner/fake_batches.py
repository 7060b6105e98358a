"""A local server with OpenAI's Batch API that counts files, batches and paid lines, and misbehaves on demand.

A batch is answered when it is looked up for the second time, by the words of a good teacher; `plans` holds how the next
batches end instead, one plan a batch. Chat calls of their own are counted and refused.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.runner.fake_openai import good_words

Words = Callable[[dict[str, Any]], str]


@dataclass(frozen=True)
class Plan:
    """How a batch goes."""

    ends: str = "completed"
    """`completed`, `expired`, or `failed` (the file is rejected)."""
    lines: int | None = None
    """How many lines are done before it ends; None is all."""
    refused: Mapping[int, tuple[int, str, str]] = field(default_factory=dict)
    """Line number to status, message and parameter of a call that fails."""
    lookups: int = 2
    """At which look-up the batch has ended."""
    unlisted: int = 0
    """From how many lists of batches it is missing at first."""


@dataclass
class _Batch:
    id: str
    file: str
    metadata: dict[str, str]
    plan: Plan
    created: int
    state: str = "validating"
    looked_up: int = 0
    lists: int = 0
    output: str | None = None
    errors: str | None = None
    done: int = 0
    failed: int = 0
    total: int = 0
    rejected: str = ""


class FakeBatches:
    """`with FakeBatches() as fake:` then use `fake.url` as base URL."""

    def __init__(self, words: Words = good_words, port: int = 0) -> None:
        self.plans: deque[Plan] = deque()
        self.words = words
        self.files: dict[str, tuple[str, bytes]] = {}
        """Id to name and content, results included."""
        self.batches: list[_Batch] = []
        self.uploads = 0
        self.chat_calls = 0
        self.paid: Counter[str] = Counter()
        """How many lines were answered for each `custom_id`; each is paid."""
        self.bodies: list[dict[str, Any]] = []
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        self._server.daemon_threads = True
        self._server.fake = self  # type: ignore[attr-defined]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def serve(self) -> None:
        self._server.serve_forever(0.02)

    def __enter__(self) -> FakeBatches:
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def upload(self, name: str, content: bytes) -> dict[str, Any]:
        self.uploads += 1
        return self._keep(name, content)

    def _keep(self, name: str, content: bytes) -> dict[str, Any]:
        id = f"file-{len(self.files) + 1}"
        self.files[id] = (name, content)
        return self.file(id)

    def file(self, id: str) -> dict[str, Any]:
        name, content = self.files[id]
        return {"id": id, "object": "file", "bytes": len(content), "created_at": int(time.time()), "filename": name,
                "purpose": "batch", "status": "processed"}

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        assert body["endpoint"] == "/v1/chat/completions" and body["completion_window"] == "24h"
        plan = self.plans.popleft() if self.plans else Plan()
        batch = _Batch(f"batch_{len(self.batches) + 1}", body["input_file_id"], body.get("metadata") or {}, plan,
                       int(time.time()))
        batch.total = len(self.files[batch.file][1].splitlines())
        self.batches.append(batch)
        return self.stated(batch)

    def look_up(self, batch: _Batch) -> dict[str, Any]:
        if batch.state in ("validating", "in_progress", "cancelling"):
            batch.looked_up += 1
            if batch.state == "cancelling":
                self._end(batch, "cancelled")
            elif batch.looked_up >= batch.plan.lookups:
                self._end(batch, batch.plan.ends)
            else:
                batch.state = "in_progress"
        return self.stated(batch)

    def listed(self) -> list[dict[str, Any]]:
        """The batches that are on the list by now, latest first."""
        for batch in self.batches:
            batch.lists += 1
        return [self.stated(batch) for batch in reversed(self.batches) if batch.lists > batch.plan.unlisted]

    def cancel(self, batch: _Batch) -> dict[str, Any]:
        if batch.state in ("validating", "in_progress"):
            batch.state = "cancelling"
        return self.stated(batch)

    def _end(self, batch: _Batch, state: str) -> None:
        """Answer as many lines as the plan allows, and write the output file and the error file."""
        if state == "failed":
            batch.state, batch.rejected = state, "the file is not what was expected"
            return
        done, refused = [], []
        for number, line in enumerate(self.files[batch.file][1].decode().splitlines()):
            request = json.loads(line)
            key, body = request["custom_id"], request["body"]
            if batch.plan.lines is not None and number >= batch.plan.lines:
                refused.append({"custom_id": key, "response": None,
                                "error": {"code": f"batch_{state}", "message": f"the batch was {state}"}})
            elif number in batch.plan.refused:
                status, message, param = batch.plan.refused[number]
                error = {"message": message, "type": "invalid_request_error", "param": param, "code": None}
                refused.append({"custom_id": key, "error": None,
                                "response": {"status_code": status, "body": {"error": error}}})
            else:
                self.paid[key] += 1
                self.bodies.append(body)
                done.append({"custom_id": key, "error": None, "response": {"status_code": 200, "body": {
                    "id": "x", "object": "chat.completion", "created": 0, "model": body["model"],
                    "choices": [{"index": 0, "finish_reason": "stop",
                                 "message": {"role": "assistant", "content": self.words(body)}}],
                    "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}}}})
        batch.output = self._result(batch, "output", done)
        batch.errors = self._result(batch, "error", refused)
        batch.done, batch.failed, batch.state = len(done), len(refused), state

    def _result(self, batch: _Batch, kind: str, lines: list[dict[str, Any]]) -> str | None:
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        return self._keep(f"{batch.id}_{kind}.jsonl", text.encode())["id"] if lines else None

    def stated(self, batch: _Batch) -> dict[str, Any]:
        errors = {"object": "list", "data": [{"code": "invalid_json", "line": 1, "message": batch.rejected,
                                              "param": None}]} if batch.rejected else None
        return {"id": batch.id, "object": "batch", "endpoint": "/v1/chat/completions", "completion_window": "24h",
                "status": batch.state, "input_file_id": batch.file, "output_file_id": batch.output,
                "error_file_id": batch.errors, "created_at": batch.created, "expires_at": batch.created + 86_400,
                "metadata": batch.metadata, "errors": errors,
                "request_counts": {"total": batch.total, "completed": batch.done, "failed": batch.failed}}

    def counts(self) -> dict[str, Any]:
        """What was asked of this server, as JSON values."""
        with self.lock:
            return {"uploads": self.uploads, "batches": len(self.batches), "chat_calls": self.chat_calls,
                    "paid": dict(self.paid), "states": [batch.state for batch in self.batches],
                    "ours": [batch.metadata.get("batch", "") for batch in self.batches]}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two packets, of which the second would wait 40 ms

    def _answer(self) -> None:
        fake: FakeBatches = self.server.fake  # type: ignore[attr-defined]
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        path, query = urlsplit(self.path).path.removeprefix("/v1"), parse_qs(urlsplit(self.path).query)
        with fake.lock:
            status, answer = _route(fake, self.command, path, query, content, dict(self.headers))
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        try:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            self.close_connection = True  # the client was killed

    do_GET = do_POST = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


def _route(fake: FakeBatches, method: str, path: str, query: dict[str, list[str]], content: bytes,
           headers: dict[str, str]) -> tuple[int, Any]:
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    if path == "/counts":
        return 200, fake.counts()
    if path == "/chat/completions":
        fake.chat_calls += 1
        return 500, {"error": {"message": "this server answers batches only"}}
    if (method, path) == ("POST", "/files"):
        return 200, fake.upload(*_file_in(content, kind))
    if path == "/files":
        return 200, _page([fake.file(id) for id in reversed(fake.files)], query)
    if found := re.fullmatch(r"/files/([\w-]+)/content", path):
        return 200, fake.files[found[1]][1]
    if (method, path) == ("POST", "/batches"):
        return 200, fake.create(json.loads(content))
    if path == "/batches":
        return 200, _page(fake.listed(), query)
    if found := re.fullmatch(r"/batches/(\w+)(/cancel)?", path):
        batch = next((batch for batch in fake.batches if batch.id == found[1]), None)
        if batch:
            return 200, fake.cancel(batch) if found[2] else fake.look_up(batch)
    return 404, {"error": {"message": f"nothing at {path}", "code": "not_found"}}


def _page(items: list[dict[str, Any]], query: dict[str, list[str]]) -> dict[str, Any]:
    after, limit = query.get("after", [""])[0], int(query.get("limit", ["20"])[0])
    start = next((at + 1 for at, item in enumerate(items) if item["id"] == after), 0)
    page = items[start:start + limit]
    return {"object": "list", "data": page, "has_more": start + limit < len(items),
            "first_id": page[0]["id"] if page else None, "last_id": page[-1]["id"] if page else None}


def _file_in(content: bytes, kind: str) -> tuple[str, bytes]:
    """Name and content of the file in a multipart body."""
    message = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + content)
    for part in message.get_payload():  # type: ignore[union-attr]
        if part.get_filename():  # type: ignore[union-attr]
            return str(part.get_filename()), part.get_payload(decode=True)  # type: ignore[union-attr, return-value]
    raise AssertionError("no file in the upload")
