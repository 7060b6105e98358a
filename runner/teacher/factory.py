"""Open a chat model as the teacher: check its price and key."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from runner.llm.batch_queue import BatchQueue
from runner.llm.capabilities import OnRefused
from runner.llm.credentials import OPENAI_ADDRESS, key_for
from runner.llm.redaction import NO_KEY
from runner.llm.redaction import redact_url
from runner.llm.errors import UnknownPrice
from runner.llm.factory import open_chat
from runner.llm.openai_client import REPLY_SECONDS
from runner.llm.reasoning_effort import effort_to_send
from runner.llm.retry import Clock, RetryPolicy
from runner.teacher.llm_teacher import LLMTeacher
from runner.teacher.question_forms import forms_for
from store.costs.teacher_budget import budget_errors
from store.database import Store
from store.run_config import RunConfig


def open_llm_teacher(config: RunConfig, run: str, store: Store | None,
                     on_wait: Callable[[float, Exception], None] | None,
                     policy: RetryPolicy | None = None, time: Clock | None = None,
                     reply_seconds: float = REPLY_SECONDS, asked: int | None = None,
                     on_refused: OnRefused | None = None, batches: BatchQueue | None = None,
                     comparing: bool = False) -> LLMTeacher:
    """A chat teacher for `config.teacher` at `config.teacher_base_url`.

    Args:
        run, store, on_wait, policy, time, reply_seconds, asked, on_refused, comparing: see `open_chat`.

    Raises:
        MissingKey: the OpenAI API, and no key.
        InvalidKey: a key that cannot be one.
        UnknownPrice: a budget for a model whose price is not known.
    """
    address = config.teacher_base_url or OPENAI_ADDRESS
    replay = "" if asked is not None else config.from_replies  # a person's question is a new call
    if unknown := budget_errors(dataclasses.replace(config, from_replies=replay)):
        raise UnknownPrice(unknown[0])
    policy = policy or RetryPolicy()
    chat = open_chat(config.teacher, config.teacher_base_url, NO_KEY if replay else key_for(address), run,
                     store, policy, on_wait, time, reply_seconds, budget_usd=config.max_cost_usd, asked=asked,
                     from_replies=replay, effort=effort_to_send(config.teacher_effort, config.teacher),
                     max_reply_tokens=config.max_reply_tokens, on_refused=on_refused, batches=batches,
                     comparing=comparing)
    name = config.teacher if config.teacher_base_url is None else f"{config.teacher} at {redact_url(address)}"
    return LLMTeacher(chat, name, policy.concurrency, forms_for(config.question_form, config.teacher))
