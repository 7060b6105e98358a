"""Open the client of a chat model: the one place where its layers are put together."""

from __future__ import annotations

from collections.abc import Callable

from runner.llm.batch_endpoint import BatchEndpoint
from runner.llm.batch_queue import BatchQueue
from runner.llm.capabilities import EndpointCapabilities, OnRefused, RefusedOption
from runner.llm.credentials import OPENAI_ADDRESS
from runner.llm.redaction import redact_url
from runner.llm.openai_client import REPLY_SECONDS, OpenAIChat
from runner.llm.rate_limit import RateLimitGate
from runner.llm.stored_replies import StoredRepliesOnly
from runner.llm.response_cache import CachedChat
from runner.llm.retry import Clock, RetryingChat, RetryPolicy
from store.costs.endpoint_options import record_refused_option, refused_options
from store.costs.reply_limits import MAX_REPLY_TOKENS
from store.database import Store


def open_chat(model: str, base_url: str | None, key: str, run: str, store: Store | None, policy: RetryPolicy,
              on_wait: Callable[[float, Exception], None] | None = None, time: Clock | None = None,
              reply_seconds: float = REPLY_SECONDS, budget_usd: float | None = None, judging: bool = False,
              asked: int | None = None, from_replies: str = "", effort: str | None = None,
              max_reply_tokens: int = MAX_REPLY_TOKENS, on_refused: OnRefused | None = None,
              batches: BatchQueue | None = None, comparing: bool = False) -> CachedChat:
    """OpenAI client -> retry -> response cache, for a teacher or a judge.

    The address is always passed on: the library's own `OPENAI_BASE_URL` would send calls elsewhere than recorded.

    Args:
        base_url: an OpenAI-compatible API; None is the OpenAI API.
        on_wait: called before every wait with its seconds and the error, from worker threads; may raise to give up.
        budget_usd, judging, asked, effort, max_reply_tokens, comparing: see `CachedChat`.
        from_replies: a run whose stored replies are used; no call is made.
        on_refused: called once for each option that the endpoint is found to refuse, from worker threads. What it
            refused earlier is in the store and not asked for again.
        batches: where calls are collected, to be sent together; None makes each call at once.
    """
    address, time = base_url or OPENAI_ADDRESS, time or Clock()
    if from_replies:
        return CachedChat(StoredRepliesOnly(from_replies), model, redact_url(address), run, store, None, judging, asked,
                          effort, max_reply_tokens)
    gate = RateLimitGate(time.clock)
    known = refused_options(store, redact_url(address), model, effort or "") if store else {}

    def remember(refused: RefusedOption) -> None:
        if store:
            record_refused_option(store, redact_url(address), model, effort or "", refused.option,
                                  refused.sent_instead, refused.message)
        if on_refused:
            on_refused(refused)

    client = OpenAIChat(model, address, key, reply_seconds, on_limit_spent=gate.hold,
                        capabilities=EndpointCapabilities.from_refused(known), on_refused=remember)
    if batches:
        batches.endpoint = BatchEndpoint(client)
    retrying = RetryingChat(client, policy, gate, time, on_wait or (lambda seconds, error: None))
    return CachedChat(retrying, model, redact_url(address), run, store, budget_usd, judging, asked, effort,
                      max_reply_tokens, batches, comparing, time.sleep)
