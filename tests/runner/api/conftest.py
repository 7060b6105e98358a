"""An app over a real store: a finished run, a queued one, and no runner."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from runner.api.app import create_app
from runner.api.context import ApiContext
from runner.api.event_poller import EventPoller
from store.database import Store, open_store
from store.paths import Paths
from tests.addresses import address_in
from tests.dashboard import stores

ADDRESS = "http://127.0.0.1:8600"


@dataclass
class Served:
    """The app, a client on this machine that sends no token, and what the store held when it was built."""

    app: FastAPI
    client: TestClient
    store: Store
    paths: Paths
    finished: str
    queued: str

    def get(self, path: str, status: int = 200, **options: Any) -> Any:
        """The JSON of a path, whose status must be as given."""
        return self._json("GET", path, status, options)

    def post(self, path: str, status: int = 201, **options: Any) -> Any:
        return self._json("POST", path, status, options)

    def _json(self, method: str, path: str, status: int, options: dict[str, Any]) -> Any:
        response = self.client.request(method, path, **options)
        assert response.status_code == status, response.text
        return response.json()


def app_over(store: Store, paths: Paths, tokens_only: bool = False, rate: float = 1e5) -> FastAPI:
    """The app as `python -m runner api` builds it, but for the examination of the machine."""
    return create_app(ApiContext(store, paths, EventPoller(store), lambda: {"store": {"fault": ""}}, lambda config: [],
                                 tokens_only, rate))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    folder = tmp_path_factory.mktemp("data")
    store = stores.store_at(folder)
    finished = stores.finished(store, stores.long_ago(5), gains=(0.2, 0.6))
    queued = stores.queued(store, stores.long_ago(2), name="waits")
    store.close()
    return folder, finished, queued


@pytest.fixture
def make_app() -> Callable[..., FastAPI]:
    return app_over


@pytest.fixture(scope="module")
def served(made: tuple[Path, str, str]) -> Iterator[Served]:
    folder, finished, queued = made
    paths = Paths(folder, address_in(folder))
    store = open_store(paths.store_url)
    app = app_over(store, paths)
    with TestClient(app, base_url=ADDRESS, raise_server_exceptions=True) as client:
        yield Served(app, client, store, paths, finished, queued)
    store.close()


@pytest.fixture
def address(served: Served) -> Iterator[str]:
    """The address of a real server: a test client reads a stream only once it has ended."""
    server = uvicorn.Server(uvicorn.Config(app_over(served.store, served.paths), log_level="warning",
                                           timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as bound:
        thread = threading.Thread(target=lambda: server.run(sockets=[bound]))
        thread.start()
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        server.should_exit = True
        thread.join()
