"""Change the last question of chat requests on their way to an app, and nothing else of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True)
class QuestionRewriting:
    """Lets requests through to an app with another text as their last question."""

    app: App
    rewrite: Callable[[str], str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        changed = await asyncio.to_thread(rewritten, body, self.rewrite)
        headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
        scope = {**scope, "headers": [*headers, (b"content-length", str(len(changed)).encode())]}
        await self.app(scope, _replayed(changed, receive), send)


def rewritten(body: bytes, rewrite: Callable[[str], str]) -> bytes:
    """Return the body of a chat request with the text of its last user message rewritten.

    What is no such request is returned as it is: the app says what is wrong with it.
    """
    try:
        request = json.loads(body)
        last = next(message for message in reversed(request["messages"]) if message["role"] == "user")
        text = _text(last["content"])
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return body
    if text is None:
        return body
    last["content"] = rewrite(text)
    return json.dumps(request).encode()


def _text(content: object) -> str | None:
    """Return the text of a message's content, a string or a list of parts; None if a part is no text."""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(part["type"] == "text" for part in content):
        return "".join(part["text"] for part in content)
    return None


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return what hands out a whole body once, and then what the client still says (that it has gone)."""
    remaining = [body]

    async def replay() -> Message:
        if remaining:
            return {"type": "http.request", "body": remaining.pop(), "more_body": False}
        return await receive()

    return replay
