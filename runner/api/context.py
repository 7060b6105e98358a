"""What every request has in common: the store, the folders, who is asking, and the event feed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from runner.api.event_poller import EventPoller
from store.database import Store
from store.paths import Paths


@dataclass(frozen=True)
class ApiContext:
    """What the app is built with."""

    store: Store
    paths: Paths
    feed: EventPoller
    doctor: Callable[[], dict[str, Any]]
    """Examines this machine and the store; its result has a section per subject."""
    launch_errors: Callable[[Any], list[str]]
    """Takes a configuration; a sentence for each problem that would certainly make its run fail."""
    tokens_only: bool
    """Whether every request needs a token, those from this machine too."""
    requests_per_second: float
    """Of one caller, on average."""


def context_of(request: Request) -> ApiContext:
    """The context of the app that answers a request."""
    context: ApiContext = request.app.state.context
    return context


Context = Annotated[ApiContext, Depends(context_of)]
