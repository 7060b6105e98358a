"""Refuse request bodies that are larger than any request needs, before they are read.

FastAPI's own `max_body_size` answers a stated length that is too large with plain text instead of a problem.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from runner.api.problems import problem

MOST_BYTES = 1_000_000
_SENTENCE = f"the body is larger than {MOST_BYTES:,} bytes, the most that a request may have"


class BodyLimit:
    """ASGI middleware: 413 by the stated length, or once more than that has arrived."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        if stated.isdigit() and int(stated) > MOST_BYTES:
            await problem(413, _SENTENCE, headers={"Connection": "close"})(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MOST_BYTES:
                raise HTTPException(413, _SENTENCE)
            return message

        await self._app(scope, counted, send)
