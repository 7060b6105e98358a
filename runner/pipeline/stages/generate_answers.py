"""The student's answers: untrained for the baseline, with this cycle's adapter for the tuned arm."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from runner.pipeline.artifacts import Artifact
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.event_records import question_from_record
from runner.protocols import Answer, GenerationConfig
from store.events import (
    AdapterMissing, AdapterTrained, AnswerRecord, AnswersGiven, Event, QuestionRecord, QuestionsAsked,
)
from store.run_config import RunConfig


def baseline(context: StageContext) -> Sequence[Event]:
    """The untrained student on the questions that this stage reads."""
    return [generate_answers(context, read_questions(context.inputs.values()), "baseline", None)]


def tuned(context: StageContext) -> Sequence[Event]:
    """The tuned student on practice and held-out questions; all missing where there is no adapter."""
    asked = read_questions(context.inputs.values())
    adapter, missing = adapter_path(context)
    if missing:
        return [no_answers("tuned", asked, missing)]
    return [generate_answers(context, asked, "tuned", adapter)]


def answers_fallback(arm: str, context: StageContext, reason: str) -> Sequence[Event]:
    """What stands where answering failed: every answer missing, with the reason."""
    return [no_answers(arm, read_questions(context.inputs.values()), reason)]


def read_questions(artifacts: Iterable[Artifact]) -> list[QuestionRecord]:
    """All questions that these artifacts hold, in order."""
    found = [artifact.first(QuestionsAsked) for artifact in artifacts]
    return [record for event in found if event for record in event.questions]


def adapter_path(context: StageContext, name: str = "fine-tune") -> tuple[Path | None, str | None]:
    """The adapter that an input left, by default this cycle's; or the reason why there is none."""
    artifact = context.inputs[name]
    trained = artifact.first(AdapterTrained)
    return (context.run_folder / trained.adapter, None) if trained else (None, artifact.only(AdapterMissing).reason)


def no_answers(arm: str, asked: Sequence[QuestionRecord], reason: str) -> AnswersGiven:
    return AnswersGiven(arm, tuple(AnswerRecord(q.question_id, None, reason, 0, 0.0, False) for q in asked))


def generate_answers(context: StageContext, asked: Sequence[QuestionRecord], arm: str, adapter: Path | None,
                     prompts: Mapping[str, str] | None = None) -> AnswersGiven:
    """The student's answers, a batch at a time, each kept as soon as it is there.

    Args:
        prompts: question id -> what is put to the student in place of the bare question.
    """
    instead = prompts or {}
    parts = context.parts()
    done = {str(item["question_id"]): AnswerRecord(**item) for item in parts.items}  # type: ignore[arg-type]
    left = [dataclasses.replace(question_from_record(record), text=instead.get(record.question_id, record.text))
            for record in asked if record.question_id not in done]
    student = context.resources.student  # loaded before the first word: loading is no part of the pace
    context.progress(len(done), len(asked), "answers")
    for batch in student.answer(left, generation_config(context.config), context.config.seed, adapter):
        records = [answer_record(answer) for answer in batch]
        parts.add([dataclasses.asdict(record) for record in records])
        done |= {record.question_id: record for record in records}
        context.progress(len(done), len(asked), "answers", _record_throughput(context, records, len(done)))
    return AnswersGiven(arm, tuple(done[record.question_id] for record in asked))


def _record_throughput(context: StageContext, records: Sequence[AnswerRecord], step: int) -> str:
    """Tokens a second of these answers, as a series and in words; empty where no time was spent."""
    seconds = sum(record.seconds for record in records)
    if seconds <= 0:
        return ""
    rate = sum(record.tokens for record in records) / seconds
    context.metric("tokens_per_second", step, rate, "tokens/s")
    return f"{rate:.0f} tokens/s"


def answer_record(answer: Answer) -> AnswerRecord:
    """An answer as the store keeps it."""
    return AnswerRecord(answer.question_id, answer.text, answer.missing, answer.tokens, answer.seconds, answer.cut_off)


def generation_config(config: RunConfig) -> GenerationConfig:
    """How a run's answers are generated."""
    return GenerationConfig(config.max_new_tokens, config.temperature, config.top_p, config.top_k,
                            config.repetition_penalty,
                            config.max_answer_seconds)
