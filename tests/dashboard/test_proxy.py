"""The documented shared setup: nginx authenticates users, passes their names to the dashboard and proxies web sockets.

The configuration is read from the documentation, so that it cannot drift; skipped if nginx is not installed.
"""

from __future__ import annotations

import http.client
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.dashboard import stores
from tests.dashboard.served import ROOT, Server, free_port, serve
from tests.dashboard.windows import IDLE

NGINX = os.environ.get("NGINX") or shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
PASSWORD = "test-only"
NAME = "distillation.example.org"

pytestmark = [pytest.mark.browser, pytest.mark.slow,
              pytest.mark.skipif(NGINX is None, reason="nginx is not installed: apt-get install nginx, or NGINX=path")]


def documented() -> str:
    """The nginx server block of the documentation."""
    found = re.search(r"```nginx\n(.*?)```", (ROOT / "dashboard" / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found, "the README has no nginx configuration"
    return found[1]


@contextmanager
def nginx(folder: Path, behind: Server) -> Iterator[str]:
    """Run nginx with the documented configuration in front of a dashboard; yields its address."""
    port = free_port()
    users = folder / "users"
    users.write_text("".join(f"{name}@example.org:{{PLAIN}}{PASSWORD}\n" for name in ("ann", "ben", "cleo")))
    block = documented()
    for old, new in ((r"listen [^;]*;", f"listen 127.0.0.1:{port};"), (r"ssl_certificate\w* [^;]*;", ""),
                     (r"auth_basic_user_file [^;]*;", f"auth_basic_user_file {users};"),
                     (r"http://127\.0\.0\.1:8501", behind.address)):
        block, many = re.subn(old, new, block)
        assert many, f"the README's configuration has no {old}"
    places = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in
                     ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root; " if os.geteuid() == 0 else ""  # else its workers could not read the folder
    (folder / "nginx.conf").write_text(f"{user}daemon off; pid {folder}/pid; error_log {folder}/error.log;\n"
                                       f"events {{}}\nhttp {{ access_log off; {places}\n{block} }}\n")
    process = subprocess.Popen([str(NGINX), "-p", str(folder), "-c", str(folder / "nginx.conf"),
                                "-e", str(folder / "error.log")])
    try:
        _wait(port, process, folder / "error.log")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=600)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(1200):
        assert process.poll() is None, log.read_text()
        try:
            http.client.HTTPConnection("127.0.0.1", port, timeout=5).connect()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("nginx did not answer")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a dashboard that is shared as documented."""
    data, folder = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("nginx")
    stores.build("finished", data)
    with pytest.MonkeyPatch.context() as settings:
        settings.setenv("DASHBOARD_USER_HEADER", "X-Forwarded-Email")
        settings.setenv("DASHBOARD_OPERATORS", "ann@example.org")
        settings.setenv("DASHBOARD_REVIEWERS", "ben@example.org")
        settings.setenv("STREAMLIT_SERVER_ALLOWED_HOSTS", f"{NAME} 127.0.0.1")
        with serve(data) as server, nginx(folder, server) as address:
            yield address


@contextmanager
def page_of(browser: Any, address: str, name: str, **headers: str) -> Iterator[Any]:
    """The page Overview as one user sees it."""
    context = browser.new_context(http_credentials={"username": f"{name}@example.org", "password": PASSWORD},
                                  extra_http_headers=headers)
    page = context.new_page()
    page.goto(f"http://{address}/")
    page.wait_for_selector("h1", timeout=600_000)
    page.wait_for_selector(IDLE, timeout=600_000)
    yield page
    context.close()


def test_an_operator_launches_through_the_proxy(shared: str, browser: Any) -> None:
    with page_of(browser, shared, "ann") as page:
        assert page.get_by_text("ann@example.org (operator)").count() == 1
        page.get_by_role("button", name="Launch run").click()
        page.wait_for_url("**/live?run=*", timeout=600_000)
        page.get_by_text("Queued (requested").wait_for(timeout=600_000)


@pytest.mark.parametrize(("name", "role"), [("ben", "reviewer"), ("cleo", "viewer")])
def test_others_look_and_do_not_launch(name: str, role: str, shared: str, browser: Any) -> None:
    with page_of(browser, shared, name) as page:
        assert page.get_by_text(f"{name}@example.org ({role})").count() == 1
        assert page.get_by_role("button", name="Launch run").count() == 0


def test_nobody_names_themselves_past_the_proxy(shared: str, browser: Any) -> None:
    with page_of(browser, shared, "cleo", **{"X-Forwarded-Email": "ann@example.org"}) as page:
        assert page.get_by_text("cleo@example.org (viewer)").count() == 1


def test_without_a_password_nothing_is_served(shared: str) -> None:
    assert _status(shared, NAME, "/", {}) == 401


def test_a_session_is_opened_under_the_shared_name_alone(shared: str) -> None:
    socket = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
              "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==", "Sec-WebSocket-Protocol": "streamlit",
              "Authorization": "Basic YW5uQGV4YW1wbGUub3JnOnRlc3Qtb25seQ=="}
    assert _status(shared, NAME, "/_stcore/stream", socket) == 101
    assert _status(shared, "rebound.example", "/_stcore/stream", socket) == 403


def _status(address: str, host: str, path: str, headers: dict[str, str]) -> int:
    name, _, port = address.partition(":")
    connection = http.client.HTTPConnection(name, int(port), timeout=300)
    connection.request("GET", path, headers={"Host": host, **headers})
    status = connection.getresponse().status
    connection.close()
    return status
