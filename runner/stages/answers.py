"""The student's answers: untrained for the baseline, with this cycle's adapter for the tuned arm."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from runner.artifacts import Artifact
from runner.roles import Answer, Decoding
from runner.stage import Context
from runner.stages.records import question_of
from store.events import (
    AdapterMissing, AdapterTrained, AnswerRecord, AnswersGiven, Event, QuestionRecord, QuestionsAsked,
)


def baseline(context: Context) -> Sequence[Event]:
    """The untrained student on the questions that this stage reads."""
    return [_answer(context, questions_in(context.inputs.values()), "baseline", None)]


def tuned(context: Context) -> Sequence[Event]:
    """The tuned student on practice and held-out questions; all missing where there is no adapter."""
    asked = questions_in(context.inputs.values())
    adapter, missing = adapter_in(context)
    if missing:
        return [no_answers("tuned", asked, missing)]
    return [_answer(context, asked, "tuned", adapter)]


def without_answers(arm: str, context: Context, reason: str) -> Sequence[Event]:
    """What stands where answering failed: every answer missing, with the reason."""
    return [no_answers(arm, questions_in(context.inputs.values()), reason)]


def questions_in(artifacts: Iterable[Artifact]) -> list[QuestionRecord]:
    """All questions that these artifacts hold, in order."""
    found = [artifact.first(QuestionsAsked) for artifact in artifacts]
    return [record for event in found if event for record in event.questions]


def adapter_in(context: Context) -> tuple[Path | None, str | None]:
    """This cycle's adapter, or the reason why there is none."""
    artifact = context.inputs["fine-tune"]
    trained = artifact.first(AdapterTrained)
    return (context.run_folder / trained.adapter, None) if trained else (None, artifact.only(AdapterMissing).reason)


def no_answers(arm: str, asked: Sequence[QuestionRecord], reason: str) -> AnswersGiven:
    return AnswersGiven(arm, tuple(AnswerRecord(q.question_id, None, reason, 0, 0.0, False) for q in asked))


def _answer(context: Context, asked: Sequence[QuestionRecord], arm: str, adapter: Path | None) -> AnswersGiven:
    parts = context.parts()
    done = {str(item["question_id"]): AnswerRecord(**item) for item in parts.items}  # type: ignore[arg-type]
    left = [question_of(record) for record in asked if record.question_id not in done]
    context.progress(len(done), len(asked), "answers")
    for batch in context.workbench.student.answer(left, _decoding(context), context.config.seed, adapter):
        records = [_record(answer) for answer in batch]
        parts.add([dataclasses.asdict(record) for record in records])
        done |= {record.question_id: record for record in records}
        _tell_rate(context, records, len(done))
        context.progress(len(done), len(asked), "answers")
    return AnswersGiven(arm, tuple(done[record.question_id] for record in asked))


def _tell_rate(context: Context, records: Sequence[AnswerRecord], step: int) -> None:
    seconds = sum(record.seconds for record in records)
    if seconds > 0:
        context.metric("tokens_per_second", step, sum(record.tokens for record in records) / seconds, "tokens/s")


def _record(answer: Answer) -> AnswerRecord:
    return AnswerRecord(answer.question_id, answer.text, answer.missing, answer.tokens, answer.seconds, answer.cut_off)


def _decoding(context: Context) -> Decoding:
    config = context.config
    return Decoding(config.max_new_tokens, config.temperature, config.top_p, config.top_k, config.repetition_penalty,
                    config.max_answer_seconds)
