"""Generate the student's answers: without an adapter for the baseline, with this cycle's for the fine-tuned arm."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from runner.pipeline.stage_checkpoints import Artifact
from runner.pipeline.dev_split import asked_in_cycle
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.event_records import question_from_record
from runner.protocols import Answer, GenerationConfig
from store.events import (
    AdapterMissing, AdapterTrained, AnswerRecord, AnswerSampled, AnswersGiven, Event, QuestionRecord, QuestionsAsked,
)
from store.run_config import RunConfig

SAMPLE_CHARACTERS, SAMPLE_SECONDS = 1000, 5.0
"""The longest text of a sampled answer, and the least time between two."""


def baseline(context: StageContext) -> Sequence[Event]:
    """Answers of the base student to the questions that this stage reads."""
    return [generate_answers(context, read_questions(context.inputs.values()), "baseline", None)]


def tuned(context: StageContext) -> Sequence[Event]:
    """Answers of the fine-tuned student to all questions; all missing if there is no adapter."""
    asked = asked_in_cycle(context)
    adapter, missing = adapter_path(context)
    if missing:
        return [no_answers("tuned", asked, missing)]
    return [generate_answers(context, asked, "tuned", adapter)]


def answers_fallback(arm: str, context: StageContext, reason: str) -> Sequence[Event]:
    """Every answer missing, with the reason, if answering failed."""
    return [no_answers(arm, asked_in_cycle(context), reason)]


def read_questions(artifacts: Iterable[Artifact]) -> list[QuestionRecord]:
    """Return all questions in these artifacts, in order."""
    found = [artifact.first(QuestionsAsked) for artifact in artifacts]
    return [record for event in found if event for record in event.questions]


def adapter_path(context: StageContext, name: str = "fine-tune") -> tuple[Path | None, str | None]:
    """Return the adapter that an input stage trained, by default this cycle's; or the reason why there is none."""
    artifact = context.inputs[name]
    trained = artifact.first(AdapterTrained)
    return (context.run_folder / trained.adapter, None) if trained else (None, artifact.only(AdapterMissing).reason)


def no_answers(arm: str, asked: Sequence[QuestionRecord], reason: str) -> AnswersGiven:
    return AnswersGiven(arm, tuple(AnswerRecord(q.question_id, None, reason, 0, 0.0, False) for q in asked))


def generate_answers(context: StageContext, asked: Sequence[QuestionRecord], arm: str, adapter: Path | None,
                     prompts: Mapping[str, str] | None = None) -> AnswersGiven:
    """Generate answers batch by batch; each batch is saved at once, and an interrupted stage resumes after it.

    Args:
        prompts: question id -> prompt to use instead of the bare question.
    """
    prompts = prompts or {}
    parts = context.partial_results()
    done = {str(item["question_id"]): AnswerRecord(**item) for item in parts.items}  # type: ignore[arg-type]
    left = [dataclasses.replace(question_from_record(record), text=prompts.get(record.question_id, record.text))
            for record in asked if record.question_id not in done]
    sampler = AnswerSampler(context, arm)
    student = context.resources.student  # loaded before timing starts: loading does not count as throughput
    context.progress(len(done), len(asked), "answers")
    for batch in student.answer(left, generation_config(context.config), context.config.seed, adapter):
        records = [answer_record(answer) for answer in batch]
        parts.add([dataclasses.asdict(record) for record in records])
        done |= {record.question_id: record for record in records}
        sampler.sample(records)
        context.progress(len(done), len(asked), "answers", _record_throughput(context, records, len(done)))
    return AnswersGiven(arm, tuple(done[record.question_id] for record in asked))


@dataclasses.dataclass
class AnswerSampler:
    """Records an answer every few seconds, so that some can be read before the stage ends."""

    context: StageContext
    arm: str
    clock: Callable[[], float] = time.monotonic
    _next: float = -math.inf

    def sample(self, records: Sequence[AnswerRecord]) -> None:
        """Record the first of these answers that has a text, unless the last one is recent."""
        text = next((record for record in records if record.text), None)
        if text is None or self.clock() < self._next:
            return
        self._next = self.clock() + SAMPLE_SECONDS
        self.context.emit(AnswerSampled(self.arm, text.question_id, (text.text or "")[:SAMPLE_CHARACTERS]))


def _record_throughput(context: StageContext, records: Sequence[AnswerRecord], step: int) -> str:
    """Log the tokens per second of these answers, and return them as text; empty if no time was spent."""
    seconds = sum(record.seconds for record in records)
    if seconds <= 0:
        return ""
    rate = sum(record.tokens for record in records) / seconds
    context.metric("tokens_per_second", step, rate, "tokens/s")
    return f"{rate:.0f} tokens/s"


def answer_record(answer: Answer) -> AnswerRecord:
    """Convert an answer to the record that is stored."""
    return AnswerRecord(answer.question_id, answer.text, answer.missing, answer.tokens, answer.seconds, answer.cut_off)


def generation_config(config: RunConfig) -> GenerationConfig:
    """Return the generation parameters of a run."""
    return GenerationConfig(config.max_new_tokens, config.temperature, config.top_p, config.top_k,
                            config.repetition_penalty, config.max_answer_seconds, config.penalize_end)
