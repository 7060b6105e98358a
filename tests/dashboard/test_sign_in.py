"""Streamlit's sign-in with the documented settings, against a local OpenID Connect provider."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.dashboard import stores
from tests.dashboard.served import Server, serve
from tests.dashboard.windows import IDLE

if TYPE_CHECKING:
    from tests.dashboard.identity_provider import Provider

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Provider]]:
    """A dashboard with sign-in, and its identity provider."""
    pytest.importorskip("authlib", reason="Authlib is not installed")
    from tests.dashboard.identity_provider import CLIENT, provider

    data = tmp_path_factory.mktemp("data")
    stores.build("finished", data)
    with provider() as known, pytest.MonkeyPatch.context() as settings:
        secrets = data / "secrets.toml"
        secrets.write_text(
            f'[auth]\nredirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"\nclient_id = "{CLIENT}"\n'
            'cookie_secret = "for this test alone, and long enough"\nclient_secret = "for this test alone"\n'
            f'server_metadata_url = "{known.address}/.well-known/openid-configuration"\n')
        settings.setenv("STREAMLIT_SECRETS_FILES", str(secrets))
        settings.setenv("DASHBOARD_OPERATORS", "ann@example.org")
        with serve(data) as server:
            yield server, known


@contextmanager
def visit(browser: Any, server: Server) -> Iterator[Any]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.address)
    page.wait_for_selector("h1", timeout=600_000)
    page.wait_for_selector(IDLE, timeout=600_000)
    yield page
    context.close()


def test_who_has_not_signed_in_only_looks(shared: tuple[Server, Provider], browser: Any) -> None:
    with visit(browser, shared[0]) as page:
        assert page.get_by_role("button", name="Sign in").count() == 1
        assert page.get_by_role("button", name="Launch run").count() == 0


def test_an_operator_signs_in_and_launches(shared: tuple[Server, Provider], browser: Any) -> None:
    server, known = shared
    known.person = "ann@example.org"
    with visit(browser, server) as page:
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("ann@example.org (operator)").wait_for(timeout=600_000)
        page.get_by_role("button", name="Launch run").click()
        page.wait_for_url("**/live?run=*", timeout=600_000)


def test_whoever_is_on_no_list_signs_in_as_a_viewer_and_out_again(shared: tuple[Server, Provider],
                                                                  browser: Any) -> None:
    server, known = shared
    known.person = "cleo@example.org"
    with visit(browser, server) as page:
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("cleo@example.org (viewer)").wait_for(timeout=600_000)
        assert page.get_by_role("button", name="Launch run").count() == 0
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("button", name="Sign in").wait_for(timeout=600_000)


def test_a_token_by_a_foreign_key_signs_nobody_in(shared: tuple[Server, Provider], browser: Any) -> None:
    from joserfc.jwk import RSAKey

    server, known = shared
    known.published, known.key = known.key, RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
    known.person = "ann@example.org"
    with visit(browser, server) as page:
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_timeout(3_000)
        page.goto(server.address)
        page.get_by_role("button", name="Sign in").wait_for(timeout=600_000)
        assert page.get_by_text("ann@example.org").count() == 0
