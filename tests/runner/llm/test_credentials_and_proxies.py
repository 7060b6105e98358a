"""Where the key and the proxy come from: files as editors save them, and the environment as a company sets it."""

from __future__ import annotations

import codecs
import socket
from pathlib import Path

import pytest

from runner.llm.chat import ChatRequest
from runner.llm.credentials import key_for
from runner.llm.redaction import NO_KEY
from runner.llm.errors import EndpointUnavailable, InvalidKey, InvalidProxy
from runner.llm.openai_client import OpenAIChat
from runner.llm.http_proxy import proxy_for
from runner.pipeline.preflight import access_errors
from store.presets import preset
from tests.runner.fake_openai import FakeOpenAI
from tests.runner.fake_teachers import REQUEST

LOCAL, LINE = "http://127.0.0.1:8000/v1", "OPENAI_API_KEY=sk-from-a-file\r\n"


@pytest.mark.parametrize("content", [
    LINE.encode(), codecs.BOM_UTF8 + LINE.encode(), LINE.encode("utf-16"),
    codecs.BOM_UTF16_BE + LINE.encode("utf-16-be"),
    LINE.encode("utf-16-le"), LINE.encode("utf-16-be"), codecs.BOM_UTF32_LE + LINE.encode("utf-32-le"),
    codecs.BOM_UTF32_BE + LINE.encode("utf-32-be"), f"# №1\r\n{LINE}".encode("utf-16-le"),
    f"№1=a\r\n{LINE}".encode("utf-16-be"), f"export {LINE}".encode(), b"OPENAI_API_KEY = 'sk-from-a-file' # mine\r"])
def test_a_dotenv_file_is_read_in_the_encodings_of_editors(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / ".env"
    file.write_bytes(content)
    assert key_for("https://api.openai.com/v1", {}, file) == "sk-from-a-file"


def test_a_dotenv_file_that_is_no_text_is_named_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"OPENAI_API_KEY=\xff\xfe\xfa")
    with pytest.raises(InvalidKey, match=r"\.env is no UTF-8 text: save it as UTF-8"):
        key_for(LOCAL, {}, file)
    assert key_for(LOCAL, {}, tmp_path / "none") == NO_KEY


@pytest.mark.parametrize("variable", ["ALL_PROXY", "all_proxy", "HTTP_PROXY"])
def test_a_socks_proxy_in_the_environment_is_used_and_named_where_it_cannot_be_reached(
        monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        proxy = f"socks5://ann:secret@127.0.0.1:{nobody.getsockname()[1]}"
        monkeypatch.setenv(variable if variable != "HTTP_PROXY" else "http_proxy", proxy)
        chat = OpenAIChat("m", "http://endpoint.invalid/v1", NO_KEY, 5.0)
        with pytest.raises(EndpointUnavailable, match=r"through the proxy socks5://127\.0\.0\.1:\d+ ") as failed:
            chat.complete(REQUEST)
    assert "secret" not in str(failed.value) and "NO_PROXY" in str(failed.value)


@pytest.mark.parametrize(("variable", "proxy"), [
    ("ALL_PROXY", "socks://ann:secret@127.0.0.1:1080/"), ("ALL_PROXY", "socks4://127.0.0.1:1"),
    ("HTTP_PROXY", "http://127.0.0.1:abc"), ("HTTPS_PROXY", "direct://"), ("HTTP_PROXY", "http://")])
def test_a_proxy_that_cannot_be_one_is_refused_before_the_run(monkeypatch: pytest.MonkeyPatch, variable: str,
                                                              proxy: str) -> None:
    """Also where its host is in NO_PROXY: the client reads them all."""
    monkeypatch.setenv(variable, proxy)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    wrong, = access_errors(preset("embedded", teacher="m", teacher_base_url=LOCAL))
    assert wrong.startswith(f"{variable} ") and "no proxy that can be used" in wrong and "secret" not in wrong
    assert access_errors(preset("embedded")) == []
    with pytest.raises(InvalidProxy, match=variable):
        OpenAIChat("m", LOCAL, NO_KEY, 5.0)


def test_a_host_of_no_proxy_is_called_directly(monkeypatch: pytest.MonkeyPatch, fake: FakeOpenAI) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert proxy_for(fake.url) is None
    assert OpenAIChat("gpt-4o-mini", fake.url, NO_KEY, 5.0).complete(REQUEST).text


def test_the_query_of_an_address_goes_along_with_every_call(fake: FakeOpenAI) -> None:
    request: ChatRequest = REQUEST
    chat = OpenAIChat("gpt-4o-mini", f"{fake.url}?api-version=2024-06-01", NO_KEY, 5.0)
    assert chat.complete(request).text
    assert fake.paths[-1] == "/v1/chat/completions?api-version=2024-06-01"
