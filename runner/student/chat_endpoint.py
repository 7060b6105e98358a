"""An exported student behind an OpenAI-compatible endpoint: the app of `transformers serve`, with one model only.

That app loads every model that a caller names and lists the hub's cache. Here it holds one model, loaded from a
folder, under one name; its other endpoints are not there, and a key is asked for where one is set. Beside it are two
paths by which an export is compared with what was measured (`scoring_endpoint`).
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runner.student.endpoint_replies import error_reply, json_reply
from runner.student.exported_model import CannotAnswer, ExportedModel
from runner.student.question_rewriting import App, QuestionRewriting, Receive, Scope, Send
from runner.student.scoring_endpoint import COMPLETIONS, TOKENIZE, scoring_endpoint

NOT_INSTALLED = ("`transformers serve` cannot run here, because {missing} is not installed: "
                 "pip install -r requirements.txt")
CHAT, MODELS, HEALTH = "/v1/chat/completions", "/v1/models", "/health"


Prompt = Callable[[str, Callable[[str, int], bool]], str]
"""Returns the prompt of a question, given whether a text leaves room in the context for a number of tokens."""


def chat_endpoint(exported: ExportedModel, name: str, key: str = "", prompt: Prompt | None = None) -> App:
    """Return the ASGI app that answers for an exported student.

    Args:
        exported: what answers.
        name: what callers name the model.
        key: what callers send as their API key; empty asks for none.
        prompt: what the model is asked instead of the last question of a conversation; None asks the question.

    Raises:
        CannotAnswer: `transformers serve` is not installed.
    """
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise CannotAnswer(NOT_INSTALLED.format(missing=error.name)) from error
    from transformers.cli.serving.chat_completion import ChatCompletionHandler
    from transformers.cli.serving.model_manager import ModelManager
    from transformers.cli.serving.server import build_server
    from transformers.cli.serving.utils import GenerationState

    class OneModel(ModelManager):
        """Holds the loaded model, and loads no other."""

        def load_model_and_processor(self, *_: Any, **__: Any) -> tuple[Any, Any]:
            return exported.model, exported.tokenizer

        @staticmethod
        def process_model_name(model_id: str) -> str:
            return model_id

    manager = OneModel(device=str(exported.model.device), force_model=name)
    state = GenerationState()
    app: App = build_server(manager, ChatCompletionHandler(model_manager=manager, generation_state=state),
                       completion_handler=None, response_handler=None, transcription_handler=None,
                       systemone_handler=None, generation_state=state)
    if prompt is None:
        return OneModelApp(app, name, key, scoring_endpoint(exported, name))
    return OneModelApp(QuestionRewriting(app, lambda question: prompt(question, exported.fits_context)), name, key)


@dataclass(frozen=True)
class OneModelApp:
    """Lets requests about one model through to an app, if they have its key."""

    app: App
    name: str
    key: str = ""
    scoring: App | None = None
    """Gives tokens and their likelihoods; None where questions are changed on their way to the model."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self.app if scope["type"] != "http" or scope["path"] == HEALTH else self._answer(scope)
        await answer(scope, receive, send)

    def _answer(self, scope: Scope) -> App:
        path = scope["path"].rstrip("/")
        if not self._has_key(scope):
            return error_reply(401, "this endpoint asks for its key: send it as `Authorization: Bearer KEY`",
                          "invalid_api_key")
        if path == CHAT:
            return self.app
        if self.scoring and path in (TOKENIZE, COMPLETIONS):
            return self.scoring
        if path == MODELS:
            return json_reply({"object": "list", "data": [self._listed()]})
        if path == f"{MODELS}/{self.name}":
            return json_reply(self._listed())
        return error_reply(404, f"nothing answers at {path or '/'}: there are {CHAT}, {MODELS} and {HEALTH}",
                           "not_found")

    def _has_key(self, scope: Scope) -> bool:
        sent = next((value for header, value in scope["headers"] if header == b"authorization"), b"")
        return not self.key or hmac.compare_digest(sent, f"Bearer {self.key}".encode())

    def _listed(self) -> dict[str, object]:
        return {"id": self.name, "object": "model", "created": int(time.time()), "owned_by": "distillation"}
