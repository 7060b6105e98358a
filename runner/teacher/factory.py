"""Where a chat teacher is put together: key, endpoint, patience, receipts."""

from __future__ import annotations

from collections.abc import Callable

from runner.llm.credentials import OPENAI_ADDRESS, key_for, redact_url
from runner.llm.errors import UnknownPrice
from runner.llm.openai_client import REPLY_SECONDS, OpenAIChat
from runner.llm.rate_limit import RateLimitGate
from runner.llm.response_cache import CachedChat
from runner.llm.retry import Clock, RetryingChat, RetryPolicy
from runner.teacher.llm_teacher import LLMTeacher
from store.config import RunConfig
from store.costs.prices import cost_usd
from store.database import Store


def open_llm_teacher(config: RunConfig, run: str, store: Store | None,
                     on_wait: Callable[[float, Exception], None] | None,
                     patience: RetryPolicy | None = None, time: Clock | None = None,
                     reply_seconds: float = REPLY_SECONDS, asked: int | None = None) -> LLMTeacher:
    """A chat teacher for `config.teacher` at `config.teacher_base_url`.

    The address is always said: the library's own `OPENAI_BASE_URL` would let a run go elsewhere than it says.

    Raises:
        MissingKey: the OpenAI API, and no key.
        InvalidKey: a key that cannot be one.
        UnknownPrice: a budget for a model whose price is not known.
    """
    address = config.teacher_base_url or OPENAI_ADDRESS
    if config.max_cost_usd is not None and cost_usd(config.teacher, 0, 0) is None:
        raise UnknownPrice(f"no price is known for {config.teacher!r}, so a budget of {config.max_cost_usd:g} USD "
                           "cannot be kept: add the model to store/costs/prices.py, or leave --max-cost-usd out")
    patience, time = patience or RetryPolicy(), time or Clock()
    pace = RateLimitGate(time.clock)
    chat = OpenAIChat(config.teacher, address, key_for(address), reply_seconds, on_limit_spent=pace.hold)
    patient = RetryingChat(chat, patience, pace, time, on_wait or (lambda seconds, error: None))
    recorded = CachedChat(patient, config.teacher, redact_url(address), run, store, config.max_cost_usd, asked=asked)
    name = config.teacher if config.teacher_base_url is None else f"{config.teacher} at {redact_url(address)}"
    return LLMTeacher(recorded, name, patience.concurrency)
