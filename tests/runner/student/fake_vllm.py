"""A server in vLLM's form of `/v1/completions` and adapters, on loopback; a tiny student's real weights answer."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

from runner.student.local_student import LocalStudent

Reply = tuple[int, dict[str, Any]]


class FakeVllm:
    """Serves one student; with `ignores_adapters` it takes them and answers without, as some servers did."""

    def __init__(self, student: LocalStudent, ignores_adapters: bool = False, scores: bool = True,
                 loads_adapters: bool = True) -> None:
        self.student, self.ignores_adapters, self.scores = student, ignores_adapters, scores
        self.loads_adapters = loads_adapters
        self.adapters: dict[str, Path] = {}
        self.requests: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.fake = self  # type: ignore[attr-defined]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> FakeVllm:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def models(self) -> Reply:
        rows = [{"id": "student", "root": "/models/student", "parent": None}]
        return 200, {"data": rows + [{"id": name, "root": str(path), "parent": "student"}
                                     for name, path in self.adapters.items()]}

    def load(self, body: dict[str, Any]) -> Reply:
        if not self.loads_adapters:
            return 404, {"error": {"message": "Not Found"}}
        self.adapters[body["lora_name"]] = Path(body["lora_path"])
        return 200, {}

    def complete(self, body: dict[str, Any]) -> Reply:
        """Greedy, as the request's stop tokens and length say; the log-probabilities are those of the real weights."""
        with self._lock, torch.inference_mode():
            self.requests.append(body)
            folder = self.adapters.get(body["model"])
            model = self.student._model(None if self.ignores_adapters else folder)
            ids = list(body["prompt"])
            scores = torch.log_softmax(model(torch.tensor([ids])).logits[0].float(), -1)
            told = [None, *({str(token): {"logprob": float(row[token])}}
                            for token, row in zip(ids[1:], scores, strict=False))]
            new: list[int] = []
            while len(new) < body["max_tokens"]:
                following = int(model(torch.tensor([ids + new])).logits[0, -1].argmax())
                if following in body.get("stop_token_ids", ()):
                    break
                new.append(following)
        ended = len(new) < body["max_tokens"]
        choice = {"index": 0, "text": self.student.loaded.tokenizer.decode(new, skip_special_tokens=True),
                  "finish_reason": "stop" if ended else "length"}
        if self.scores and "prompt_logprobs" in body:
            choice["prompt_logprobs"] = told
        return 200, {"choices": [choice], "usage": {"completion_tokens": len(new), "prompt_tokens": len(ids)}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two packets, of which the second would wait 40 ms

    def do_GET(self) -> None:
        self._reply(*self.server.fake.models())  # type: ignore[attr-defined]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        fake: FakeVllm = self.server.fake  # type: ignore[attr-defined]
        self._reply(*(fake.load if self.path.endswith("/load_lora_adapter") else fake.complete)(body))

    def _reply(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""
