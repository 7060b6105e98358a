"""Open a chat model as the judge, with RAGAS's metrics over it."""

from __future__ import annotations

from collections.abc import Callable

from runner.judge import judge_name
from runner.judge.llm_judge import Limits, RagasLLMJudge, UnusableJudge
from runner.judge.ragas_metrics import SCORE_CONTEXT, ScoreContext, model_metrics
from runner.llm.batch_queue import BatchQueue
from runner.llm.capabilities import OnRefused
from runner.llm.credentials import OPENAI_ADDRESS, key_for
from runner.llm.errors import InvalidKey, MissingKey
from runner.llm.factory import open_chat
from runner.llm.openai_client import REPLY_SECONDS
from runner.llm.reasoning_effort import effort_to_send
from runner.llm.retry import Clock, RetryPolicy
from store.database import Store
from store.run_config import RunConfig

LEFT_OUT = "leave --judge out"
RETRY_POLICY = RetryPolicy(total_seconds=240.0)
"""Longer than a teacher's: rate limits are waited out, because a missing score cannot be computed later."""


def open_llm_judge(config: RunConfig, run: str, store: Store | None,
                   on_wait: Callable[[float, Exception], None] | None, policy: RetryPolicy = RETRY_POLICY,
                   time: Clock | None = None, limits: Limits | None = None,
                   reply_seconds: float = REPLY_SECONDS, on_refused: OnRefused | None = None,
                   batches: BatchQueue | None = None) -> RagasLLMJudge | UnusableJudge:
    """The judge `config.judge` at `config.judge_base_url`; the key is found as the teacher's is.

    Without a valid key every score is missing with that reason, and the run continues.
    """
    try:
        key = key_for(config.judge_base_url or OPENAI_ADDRESS, alternative=LEFT_OUT)
    except (MissingKey, InvalidKey) as error:
        return UnusableJudge(judge_name(config), config.judge_metrics, str(error))
    chat = open_chat(config.judge, config.judge_base_url, key, run, store, policy, on_wait, time, reply_seconds,
                     judging=True, effort=effort_to_send(config.judge_effort, config.judge),
                     max_reply_tokens=config.max_reply_tokens, on_refused=on_refused, batches=batches)
    return RagasLLMJudge(judge_name(config), config.judge_metrics, model_metrics(chat),
                         _set_score_context, chat.usage, limits, stops=not chat.in_batches)


def _set_score_context(metric: str, again: str) -> None:
    SCORE_CONTEXT.set(ScoreContext(metric, again))
