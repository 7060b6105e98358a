"""The judge: scores answers against their references.

Importing this package is cheap: torch and ragas are imported when a judge is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from store.run_config import RunConfig

if TYPE_CHECKING:
    from runner.llm.batch_queue import BatchQueue
    from store.database import Store
    from runner.judge.protocols import LLMJudge
    from runner.llm.capabilities import OnRefused
    from runner.protocols import Judge


def open_judge() -> Judge:
    """The offline judge: RAGAS's similarity over the bundled MiniLM encoder, its ROUGE-L and chrF.

    Raises:
        ModelLoadFailed: the encoder's package is not installed.
    """
    from runner.hardware import configure_native_libraries, time_loading

    configure_native_libraries()
    with time_loading():
        from runner.judge.ragas_metrics import RagasJudge  # late: imports torch and ragas

        return RagasJudge()


def open_llm_judge(config: RunConfig, run: str, store: Store | None,
                   on_wait: Callable[[float, Exception], None] | None = None,
                   on_refused: OnRefused | None = None, batches: BatchQueue | None = None) -> LLMJudge | None:
    """The judge model that a configuration names; None where it names none.

    Args:
        run: the run that calls are recorded for.
        on_wait: called before every wait with its seconds and the error, from worker threads.
        on_refused: called once for each option that the endpoint is found to refuse, from worker threads.
        batches: where calls are collected, to be sent together; None makes each call at once.
    """
    if not config.judge:
        return None
    from runner.hardware import configure_native_libraries, time_loading

    configure_native_libraries()
    with time_loading():
        from runner.judge.factory import open_llm_judge  # late: imports torch, ragas and openai

    return open_llm_judge(config, run, store, on_wait, on_refused=on_refused, batches=batches)


def judge_name(config: RunConfig) -> str:
    """Display name of the judge model, with its address when that is not the OpenAI API."""
    from runner.llm.redaction import redact_url

    return f"{config.judge} at {redact_url(config.judge_base_url)}" if config.judge_base_url else config.judge
