"""Access to a shared dashboard: foreign host names, and reverse proxies without a user header."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.session import identity
from store.permissions import Role
from tests.dashboard.conftest import words_of
from tests.dashboard.served import Server, serve

Opened = Callable[..., AppTest]


def handshake(server: Server, host: str, origin: str | None = None) -> int:
    """HTTP status of opening a session with this Host header."""
    address = urlsplit(server.address)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=300)
    headers = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==", "Sec-WebSocket-Protocol": "streamlit"}
    connection.request("GET", "/_stcore/stream", headers=headers | ({"Origin": origin} if origin else {}))
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_session_is_opened_under_this_machines_own_names_alone(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        port = urlsplit(server.address).port
        names = {name: handshake(server, f"{name}:{port}") for name in ("localhost", "127.0.0.1", "[::1]")}
        assert names == dict.fromkeys(names, 101)
        assert handshake(server, f"rebound.example:{port}") == 403
        assert handshake(server, f"localhost:{port}", f"http://rebound.example:{port}") == 403


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-Ip"])
def test_whoever_comes_through_an_unnamed_proxy_may_only_look(header: str, tmp_path: Path, opened: Opened,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    assert identity.current_user().role is Role.OPERATOR
    monkeypatch.setattr(type(identity.st.context), "headers", property(lambda _: {header: "203.0.113.9"}))
    app = opened(tmp_path)
    assert not [item for item in app.button if item.key == "launch"]
    assert identity.PROXY_NOTE in words_of(app)
    monkeypatch.setenv("DASHBOARD_ROLE", "operator")
    app = opened(tmp_path)
    assert [item for item in app.button if item.key == "launch"] and identity.PROXY_NOTE not in words_of(app)
