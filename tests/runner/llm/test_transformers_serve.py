"""A server that is not ours: `transformers serve` on loopback, with a tiny model of random weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.llm.capabilities import RefusedOption
from runner.llm.errors import UnknownModel
from runner.llm.factory import open_chat
from runner.llm.response_cache import CachedChat
from runner.llm.retry import RetryPolicy
from store.database import Store
from tests.runner import tiny_models
from tests.runner.fake_teachers import REQUEST
from tests.runner.transformers_server import served

CHAT_TEMPLATE = ("{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
                 "{% endfor %}<|im_start|>assistant\n")


def test_a_reply_is_bounded_asked_for_once_and_another_models_name_is_refused_in_its_words(store: Store,
                                                                                           tmp_path: Path) -> None:
    model = tiny_models.llama_folder(tmp_path / "tiny", context=512)
    (model / "chat_template.jinja").write_text(CHAT_TEMPLATE)
    refused: list[RefusedOption] = []

    def chat_with(name: str, run: str) -> CachedChat:
        return open_chat(name, server.url, "none", run, store, RetryPolicy(total_seconds=5), max_reply_tokens=8,
                         on_refused=refused.append)
    with served(model, tmp_path) as server:
        chat = chat_with(str(model), "r1")
        first = chat.complete(REQUEST)
        assert first.completion_tokens and first.completion_tokens <= 8 < REQUEST.max_tokens
        assert first.prompt_tokens and not refused
        assert chat.complete(REQUEST) == first and chat.usage().calls == 1
        other_run = chat_with(str(model), "r2")
        assert other_run.complete(REQUEST) == first and other_run.usage().calls == 0
        with pytest.raises(UnknownModel, match="does not know the model 'another-model' .*pinned"):
            chat_with("another-model", "r3").complete(REQUEST)
        assert not refused
