"""A local server that talks like the OpenAI API, counts what it is asked, and misbehaves on demand.

By default it plays a good teacher: one fitting question for each passage of the prompt, and the passage as
the reference. `script` holds what it does instead for the next requests, one step a request.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Step = Callable[["_Handler", dict[str, Any]], None]


class FakeOpenAI:
    """`with FakeOpenAI() as fake:` then use `fake.url` as base URL."""

    def __init__(self, models: Sequence[str] = ("gpt-4o-mini",), key: str | None = None,
                 forms: Sequence[str] = ("json_schema", "json_object", "text"),
                 words: Callable[[dict[str, Any]], str] | None = None, seconds: float = 0.0) -> None:
        self.script: deque[Step] = deque()
        self.requests: list[dict[str, Any]] = []
        """The body of every chat request, in the order of arrival, with `_headers`."""
        self.paths: list[str] = []
        """The path of every chat request, with its query."""
        self.listed: list[dict[str, Any]] | None = None
        """What the list of models holds; None serves no list."""
        self.most_at_once = 0
        self.models, self.key, self.forms, self.seconds = models, key, forms, seconds
        self.words = words or good_words
        self.closed = threading.Event()
        self._at_once = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.fake = self  # type: ignore[attr-defined]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> FakeOpenAI:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()

    def step_for(self, body: dict[str, Any]) -> Step:
        with self._lock:
            self.requests.append(body)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            return self.script.popleft() if self.script else answer

    def done(self) -> None:
        with self._lock:
            self._at_once -= 1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two packets, of which the second would wait 40 ms

    @property
    def fake(self) -> FakeOpenAI:
        return self.server.fake  # type: ignore[attr-defined,no-any-return]

    def do_GET(self) -> None:
        found = self.fake.listed if self.path.endswith("/models") else None
        if found is None:
            self.refuse(404, "no such page")
        else:
            self.send(200, json.dumps({"object": "list", "data": found}))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body["_headers"] = {name.lower(): value for name, value in self.headers.items()}
        self.fake.paths.append(self.path)
        step = self.fake.step_for(body)
        try:
            step(self, body)
        except OSError:
            self.close_connection = True  # the client is gone, as in the kill tests
        finally:
            self.fake.done()

    def send(self, status: int, text: str, headers: dict[str, str] | None = None, kind: str = "application/json",
             claim: int | None = None) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(claim or len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def refuse(self, status: int, message: str, code: str | None = None, param: str | None = None,
               headers: dict[str, str] | None = None) -> None:
        error = {"message": message, "type": "error", "code": code, "param": param}
        self.send(status, json.dumps({"error": error}), headers)

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


# --- steps -----------------------------------------------------------------------------------------------

def answer(handler: _Handler, body: dict[str, Any]) -> None:
    """What a healthy server does: check key, model and form, then reply."""
    fake = handler.fake
    sent = str(body["_headers"].get("authorization", "")).removeprefix("Bearer ")
    form = (body.get("response_format") or {"type": "text"})["type"]
    if fake.key and sent != fake.key:
        handler.refuse(401, f"Incorrect API key provided: {sent}.", "invalid_api_key")
    elif body["model"] not in fake.models:
        handler.refuse(404, f"The model `{body['model']}` does not exist", "model_not_found")
    elif form not in fake.forms:
        handler.refuse(400, f"response_format type {form} is not supported", None, "response_format")
    else:
        time.sleep(fake.seconds)
        say(fake.words(body))(handler, body)


def say(text: str | None, finish: str = "stop", headers: dict[str, str] | None = None, **message: Any) -> Step:
    """Reply with these words."""
    def step(handler: _Handler, body: dict[str, Any]) -> None:
        content = {"role": "assistant", "content": text, **message}
        handler.send(200, json.dumps({
            "id": "x", "object": "chat.completion", "created": 0, "model": body["model"],
            "choices": [{"index": 0, "message": content, "finish_reason": finish}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}}), headers)
    return step


def refuse(status: int, message: str = "no", code: str | None = None, param: str | None = None,
           headers: dict[str, str] | None = None) -> Step:
    return lambda handler, body: handler.refuse(status, message, code, param, headers)


def send(text: str, kind: str = "application/json", status: int = 200) -> Step:
    return lambda handler, body: handler.send(status, text, kind=kind)


def silent(handler: _Handler, body: dict[str, Any]) -> None:
    """Never reply; the request is held until the server closes."""
    handler.fake.closed.wait()
    handler.close_connection = True


def cut_off(handler: _Handler, body: dict[str, Any]) -> None:
    """Promise more bytes than come, and close."""
    handler.send(200, '{"choices": [{"mess', claim=5000)
    handler.close_connection = True


def hang_up(handler: _Handler, body: dict[str, Any]) -> None:
    """Close with a reset, without a word."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True


# --- a good teacher --------------------------------------------------------------------------------------

def good_words(body: dict[str, Any]) -> str:
    """One question for each `[P1] title` block of the prompt; the passage itself as a reference."""
    user = str(body["messages"][1]["content"])
    blocks = re.findall(r"^\[P(\d+)\] (.+)\n(.+)$", user, re.M)
    turn = sum(mark in user for mark in ("other words:", "Already asked:", "do better:"))
    if blocks:
        return json.dumps({"questions": [_question(block, turn) for block in blocks]})
    if "Write down every fact" in user:
        return json.dumps({"facts": _facts(user)})
    passage = re.search(r"^Passage \(.*\):\n(.+)$", user, re.M)
    return json.dumps({"answer": passage[1] if passage else "", "evidence": passage[1] if passage else ""})


def _question(block: tuple[str, str, str], turn: int) -> dict[str, str]:
    number, title, text = block
    manner = ("is to be known about", "should an operator remember about", "does an expert say of")[turn % 3]
    return {"passage": f"P{number}", "question": f"What {manner} the matter called {title}?",
            "evidence": re.split(r"(?<=[.!?])\s", text)[0]}


def _facts(user: str) -> list[dict[str, Any]]:
    """Each sentence with a key term as a fact, in three wordings, under the passage's heading; none a second time."""
    found = re.search(r"^Heading: (.+)\nPassage:\n(.+)(?:\nKey terms: (.+))?$", user, re.M)
    assert found
    title, text, terms = found[1], " ".join(found[2].split()), (found[3] or "").split(" | ")
    if "What did you miss" in user:
        return []
    return [{"fact": f"{title}: {sentence}",
             "paraphrases": [f"On {title} the rule is this: {sentence}", f"{sentence} So it is with {title}."],
             "questions": [{"question": f"{way} {title}?", "answer": sentence}
                           for way in ("Which detail must an operator respect with", "What is written down about")],
             "reverse": {"question": f"To which heading does {term} belong?", "answer": title}}
            for sentence in re.split(r"(?<=[.!?])\s", text)
            if (term := next((one for one in terms if one and one.casefold() in sentence.casefold()), ""))]
