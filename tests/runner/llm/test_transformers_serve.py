"""A server that is not ours: `transformers serve` on loopback, with a tiny model of random weights."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.llm.capabilities import RefusedOption
from runner.llm.errors import TeacherError
from runner.llm.factory import open_chat
from runner.llm.response_cache import CachedChat
from runner.llm.retry import RetryPolicy
from store.database import Store
from tests.runner import tiny_models
from tests.runner.fake_teachers import REQUEST

START_SECONDS = 150.0
CHAT_TEMPLATE = ("{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
                 "{% endfor %}<|im_start|>assistant\n")


@contextmanager
def served(model: Path, folder: Path) -> Iterator[str]:
    """Serve a model folder with two threads at most; yield the base URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "hub").mkdir()
    environment = os.environ | {"OMP_NUM_THREADS": "2", "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(folder / "hub")}
    with (folder / "serve.log").open("w") as log:
        server = subprocess.Popen([Path(sys.executable).with_name("transformers"), "serve", str(model), "--host",
                                   "127.0.0.1", "--port", str(port), "--device", "cpu"], env=environment, stdout=log,
                                  stderr=subprocess.STDOUT)
        try:
            _wait_until_healthy(port, server, folder / "serve.log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.kill()
            server.wait()


def _wait_until_healthy(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"no server after {START_SECONDS:g} s: {log.read_text()[-2000:]}")


def test_a_reply_is_bounded_asked_for_once_and_another_models_name_is_refused_in_its_words(store: Store,
                                                                                           tmp_path: Path) -> None:
    model = tiny_models.llama_folder(tmp_path / "tiny", context=512)
    (model / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    refused: list[RefusedOption] = []

    def chat_with(name: str, run: str) -> CachedChat:
        return open_chat(name, url, "none", run, store, RetryPolicy(total_seconds=5), max_reply_tokens=8,
                         on_refused=refused.append)
    with served(model, tmp_path) as url:
        chat = chat_with(str(model), "r1")
        first = chat.complete(REQUEST)
        assert first.completion_tokens and first.completion_tokens <= 8 < REQUEST.max_tokens
        assert first.prompt_tokens and not refused
        assert chat.complete(REQUEST) == first and chat.usage().calls == 1
        other_run = chat_with(str(model), "r2")
        assert other_run.complete(REQUEST) == first and other_run.usage().calls == 0
        with pytest.raises(TeacherError, match="pinned"):
            chat_with("another-model", "r3").complete(REQUEST)
