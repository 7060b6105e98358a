"""Tokens and their likelihoods over HTTP, in vLLM's form: what a server must give to be compared by likelihoods.

`POST /tokenize` with a chat returns the prompt's tokens by the model's own template, and the type of its weights;
`POST /v1/completions` with token ids and `prompt_logprobs` returns the log-probability of each. Nothing is generated.
"""

from __future__ import annotations

import asyncio
from typing import Any

from runner.student.endpoint_replies import error_reply, json_reply
from runner.student.exported_model import CannotAnswer, ExportedModel
from runner.student.question_rewriting import App, Receive, Scope, Send

TOKENIZE, COMPLETIONS = "/tokenize", "/v1/completions"


def scoring_endpoint(exported: ExportedModel, name: str) -> App:
    """Return the ASGI app of these two paths.

    Args:
        exported: what is asked.
        name: of the model, for callers.
    """
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.requests import Request

        try:
            body = await Request(scope, receive).json()
            work = _tokens if scope["path"].rstrip("/") == TOKENIZE else _scores
            reply = json_reply(await asyncio.to_thread(work, exported, name, body))
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            reply = error_reply(400, "this endpoint takes a chat, or token ids with prompt_logprobs: "
                                     f"{type(error).__name__}: {error}", "invalid_request")
        except CannotAnswer as error:
            reply = error_reply(500, str(error), "engine_failed")
        await reply(scope, receive, send)
    return app


def _tokens(exported: ExportedModel, name: str, body: dict[str, Any]) -> dict[str, object]:
    (message,) = body["messages"]
    ids = exported.prompt(str(message["content"]))
    return {"count": len(ids), "max_model_len": exported.config.max_position_embeddings, "tokens": ids,
            "weights": exported.precision}


def _scores(exported: ExportedModel, name: str, body: dict[str, Any]) -> dict[str, object]:
    ids = [int(token) for token in body["prompt"]]
    if "prompt_logprobs" not in body or not all(0 <= token < exported.embedding_rows for token in ids):
        raise ValueError("prompt_logprobs is missing, or a token is none of this model")
    if len(ids) > exported.config.max_position_embeddings:
        raise ValueError(f"the context has {exported.config.max_position_embeddings} tokens, and the prompt {len(ids)}")
    scores = [None, *({str(token): {"logprob": value}} for token, value in
                      zip(ids[1:], exported.token_logprobs(ids), strict=True))]
    return {"object": "text_completion", "model": name,
            "choices": [{"index": 0, "text": "", "finish_reason": "length", "prompt_logprobs": scores}],
            "usage": {"prompt_tokens": len(ids), "completion_tokens": 0, "total_tokens": len(ids)}}
