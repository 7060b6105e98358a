"""Where a judge model is put together: key, endpoint, patience, receipts, and RAGAS's metrics over them."""

from __future__ import annotations

from collections.abc import Callable

from runner.judge import judge_name
from runner.judge.llm_judge import Limits, RagasLLMJudge, UnusableJudge
from runner.judge.ragas_metrics import SCORE_CONTEXT, ScoreContext, model_metrics
from runner.llm.credentials import OPENAI_ADDRESS, key_for, redact_url
from runner.llm.errors import InvalidKey, MissingKey
from runner.llm.openai_client import REPLY_SECONDS, OpenAIChat
from runner.llm.rate_limit import RateLimitGate
from runner.llm.response_cache import CachedChat
from runner.llm.retry import Clock, RetryingChat, RetryPolicy
from store.config import RunConfig
from store.database import Store

LEFT_OUT = "leave --judge out"
RETRY_POLICY = RetryPolicy(total_seconds=240.0)
"""Longer than a teacher's: a rate limit is waited out here, because a missing score cannot be asked for later."""


def open_llm_judge(config: RunConfig, run: str, store: Store | None,
                   on_wait: Callable[[float, Exception], None] | None, patience: RetryPolicy = RETRY_POLICY,
                   time: Clock | None = None, limits: Limits | None = None,
                   reply_seconds: float = REPLY_SECONDS) -> RagasLLMJudge | UnusableJudge:
    """The judge `config.judge` at `config.judge_base_url`; the key is looked for where the teacher's is.

    Without a key that could be one, every score is missing with that reason, and the run goes on.
    """
    address, time, limits = config.judge_base_url or OPENAI_ADDRESS, time or Clock(), limits or Limits()
    try:
        key = key_for(address, instead=LEFT_OUT)
    except (MissingKey, InvalidKey) as error:
        return UnusableJudge(judge_name(config), config.judge_metrics, str(error))
    pace = RateLimitGate(time.clock)
    chat = OpenAIChat(config.judge, address, key, reply_seconds, on_limit_spent=pace.hold)
    patient = RetryingChat(chat, patience, pace, time, on_wait or (lambda seconds, error: None))
    recorded = CachedChat(patient, config.judge, redact_url(address), run, store, judging=True)
    return RagasLLMJudge(judge_name(config), config.judge_metrics, model_metrics(recorded),
                         _begin, recorded.usage, limits)


def _begin(metric: str, again: str) -> None:
    SCORE_CONTEXT.set(ScoreContext(metric, again))
