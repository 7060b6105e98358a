"""Who is asking, how often, and for nothing unknown: tokens and scopes, requests from this machine, the rate limit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from runner.api.context import ApiContext, Context
from runner.api.operation import query_parameters, takes_body
from runner.api.problems import TooManyRequests, Unauthorized
from runner.errors import UserError
from runner.export.chat_server import LOOPBACK
from store.commands.api_tokens import SCOPES
from store.permissions import PermissionDenied, Role
from store.program_name import NAME
from store.queries.api_tokens import find_token

LOCAL = "api"
"""Who has asked, in events, when no token was sent."""
BURST_SECONDS = 2.0
"""A caller that was silent may send as many requests at once as in this time."""
MOST_CALLERS = 10_000
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_MAKE_ONE = f"make one with '{NAME} token add NAME --scope view'"
_bearer = HTTPBearer(auto_error=False, description=f"A token of `{NAME} token add`. Requests from the same "
                                                   "machine need none, unless the interface was started for others.")


@dataclass(frozen=True)
class Caller:
    """Who asks; the name is recorded in the events of its commands."""

    name: str
    role: Role


class RateLimit:
    """A token bucket for each caller. Thread-safe."""

    def __init__(self, per_second: float) -> None:
        self._rate, self._most = per_second, max(1.0, per_second * BURST_SECONDS)
        self._left: dict[str, tuple[float, float]] = {}
        self._mutex = threading.Lock()

    def take(self, caller: str) -> None:
        """Count one request.

        Raises:
            TooManyRequests: the caller has used up its requests of this second.
        """
        now = time.monotonic()
        with self._mutex:
            if len(self._left) >= MOST_CALLERS:
                self._left.clear()
            left, at = self._left.get(caller, (self._most, now))
            left = min(self._most, left + (now - at) * self._rate)
            self._left[caller] = (left - 1 if left >= 1 else left, now)
        if left < 1:
            raise TooManyRequests(f"more than {self._rate:g} requests per second: wait, and ask less often",
                                  (1 - left) / self._rate)


def caller(request: Request, context: Context,
           credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]) -> Caller:
    """The caller of a request.

    Raises:
        Unauthorized: no token, or one that is unknown, expired or revoked.
        PermissionDenied: a page of another site asks through a browser of this machine.
        TooManyRequests: it asks too often.
    """
    limit: RateLimit = request.app.state.rate_limit
    host = request.client.host if request.client else ""
    if request.headers.get("authorization") is None:
        _require_local(request, context)
        limit.take(f"address {host}")
        return Caller(LOCAL, Role.OPERATOR)
    try:
        found = _of_token(context, credentials)
    except Unauthorized:
        limit.take(f"address {host}")
        raise
    limit.take(f"token {found.name}")
    return found


def _of_token(context: ApiContext, credentials: HTTPAuthorizationCredentials | None) -> Caller:
    if credentials is None:
        raise Unauthorized("the header Authorization is not 'Bearer TOKEN'")
    token = find_token(context.store, credentials.credentials)
    if token is None:
        raise Unauthorized(f"this token is unknown: {_MAKE_ONE}")
    if token.state != "valid":
        raise Unauthorized(f"the token {token.name!r} is {token.state}: {_MAKE_ONE}")
    return Caller(token.name, SCOPES[token.scope])


def _require_local(request: Request, context: ApiContext) -> None:
    """Refuse what is not from a program of this machine. A foreign page can reach it too, through a browser here."""
    if context.tokens_only or any(name in request.headers for name in FORWARDED):
        raise Unauthorized(f"a token is needed, as the header 'Authorization: Bearer TOKEN': {_MAKE_ONE}")
    asked = urlsplit(f"//{request.headers.get('host', '')}").hostname
    origin = request.headers.get("origin")
    if asked not in LOOPBACK or (origin and urlsplit(origin).netloc != request.headers.get("host")):
        raise PermissionDenied("without a token only programs of this machine may ask, at the address 127.0.0.1")


async def asking(request: Request, found: Annotated[Caller, Depends(caller)]) -> Caller:
    """The caller of a request that has nothing which its path would ignore.

    Raises:
        UserError: a parameter or a body that the path does not have, or one value too many.
    """
    known = query_parameters(request)
    unknown = [name for name in request.query_params if name not in known]
    twice = [name for name, schema in known.items() if len(request.query_params.getlist(name)) > 1
             and "array" not in (one.get("type") for one in (schema, *schema.get("anyOf", ())))]
    sentences = [f"{name[:60]!r} is no parameter of this path: use {', '.join(known) or 'none'}" for name in unknown]
    sentences += [f"{name} is given more than once" for name in twice]
    if not takes_body(request) and request.method != "GET" and (await request.body()).strip() not in (b"", b"{}"):
        sentences.append("this path takes no body")
    if sentences:
        raise UserError("; ".join(sentences))
    return found


def still_valid(context: Context,
                credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]) -> Callable[[], bool]:
    """Return what says whether the request's token is valid at a later time; without a token it always is."""
    def valid() -> bool:
        token = find_token(context.store, credentials.credentials) if credentials else None
        return credentials is None or (token is not None and token.state == "valid")

    return valid


Asking = Annotated[Caller, Depends(asking)]
StillValid = Annotated[Callable[[], bool], Depends(still_valid)]
