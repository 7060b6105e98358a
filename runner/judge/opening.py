"""Where a judge model is put together: key, endpoint, patience, receipts, and RAGAS's metrics over them."""

from __future__ import annotations

from collections.abc import Callable

from runner.judge import judge_name
from runner.judge.model_judge import Limits, ModelJudge, UnusableJudge
from runner.judge.ragas_metrics import ASKING, Asking, model_metrics
from runner.teacher.credentials import OPENAI_ADDRESS, key_for, shown
from runner.teacher.errors import MissingKey, WrongKey
from runner.teacher.openai_chat import REPLY_SECONDS, OpenAIChat
from runner.teacher.pace import Pace
from runner.teacher.patient_chat import Patience, PatientChat, Time
from runner.teacher.recorded_chat import RecordedChat
from store.config import RunConfig
from store.database import Store

WITHOUT = "leave --judge out"
PATIENCE = Patience(total_seconds=240.0)
"""Longer than a teacher's: a rate limit is waited out here, because a missing score cannot be asked for later."""


def open_model_judge(config: RunConfig, run: str, store: Store | None,
                     on_wait: Callable[[float, Exception], None] | None, patience: Patience = PATIENCE,
                     time: Time | None = None, limits: Limits | None = None,
                     reply_seconds: float = REPLY_SECONDS) -> ModelJudge | UnusableJudge:
    """The judge `config.judge` at `config.judge_base_url`; the key is looked for where the teacher's is.

    Without a key that could be one, every score is missing with that reason, and the run goes on.
    """
    address, time, limits = config.judge_base_url or OPENAI_ADDRESS, time or Time(), limits or Limits()
    try:
        key = key_for(address, instead=WITHOUT)
    except (MissingKey, WrongKey) as error:
        return UnusableJudge(judge_name(config), config.judge_metrics, str(error))
    pace = Pace(time.clock)
    chat = OpenAIChat(config.judge, address, key, reply_seconds, on_limit_spent=pace.hold)
    patient = PatientChat(chat, patience, pace, time, on_wait or (lambda seconds, error: None))
    recorded = RecordedChat(patient, config.judge, shown(address), run, store, judging=True)
    return ModelJudge(judge_name(config), config.judge_metrics, model_metrics(recorded),
                      _begin, recorded.usage, limits)


def _begin(metric: str, again: str) -> None:
    ASKING.set(Asking(metric, again))
