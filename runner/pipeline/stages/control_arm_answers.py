"""The control arms' answers to the test: few-shot, RAG, control adapter (shuffled references), closed-book teacher."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence

from knowledge.questions import HELD_OUT, PRACTICE
from runner.pipeline.retrieval import retrievable
from runner.pipeline.stage_checkpoints import Artifact
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.added_passages import domain_of_questions
from runner.pipeline.stages.context_prompts import (
    EXAMPLES, RESERVED_TOKENS, ContextItem, ContextStyle, example, fit_prompt, passage_item, passages_style,
)
from runner.pipeline.stages.event_records import question_from_record, record_usage
from runner.pipeline.stages.generate_answers import (
    adapter_path, answer_record, generate_answers, no_answers, read_questions,
)
from runner.pipeline.stages.placebo import placebo_path
from store.control_arms import CONTEXT_ITEMS, FEW_SHOT, PLACEBO, RETRIEVAL, TEACHER, TUNED_RETRIEVAL
from store.events import (
    AnswersGiven, Event, FoundRecord, PassagesRetrieved, PromptsPrepared, QuestionRecord, QuestionsAsked,
    ReferencesWritten,
)
from store.headline import reading_tier

NO_CONTEXT = "nothing could be put before the question"


def headline_questions(context: StageContext) -> list[QuestionRecord]:
    """Return the test questions that the arms answer: those of the tier that decides the verdict."""
    return _of_tiers(context, {context.config.headline_tier})


def reading_questions(context: StageContext) -> list[QuestionRecord]:
    """Return the test questions that show whether the student reads better: see `reading_tier`."""
    return _of_tiers(context, {reading_tier(context.config)})


def arm_questions(context: StageContext, arm: str) -> list[QuestionRecord]:
    """Return the questions that one arm answers: those with passages before them also those on reading."""
    reads = arm in (RETRIEVAL, TUNED_RETRIEVAL)
    return _of_tiers(context, {context.config.headline_tier, *([reading_tier(context.config)] if reads else [])})


def _of_tiers(context: StageContext, tiers: set[str]) -> list[QuestionRecord]:
    return [record for record in read_questions([context.inputs["held-out"]]) if record.tier in tiers]


def retrieve_passages(context: StageContext) -> Sequence[Event]:
    """Retrieve passages for each test question from the whole domain, both sides of the split."""
    asked = arm_questions(context, RETRIEVAL)
    passages = retrievable(domain_of_questions(context).passages)
    retriever = context.resources.open_retriever()
    search = retriever.best([record.text for record in asked],
                            [passage_item(passage).text for passage in passages], CONTEXT_ITEMS)
    return [PassagesRetrieved(retriever.name, len(passages), search.truncated, tuple(
        FoundRecord(record.question_id, tuple(passages[index].id for index in indices))
        for record, indices in zip(asked, search.ranked, strict=True)))]


def few_shot(context: StageContext) -> Sequence[Event]:
    """Few-shot answers of the base student; the examples are drawn once per run, and none is of the question's own
    passage."""
    pairs = practice_pairs(context.inputs)
    # One more than is shown, in place of the example on a question's own passage: that would give the answer away.
    chosen = random.Random(f"few-shot {context.config.seed}").sample(
        pairs, min(CONTEXT_ITEMS + (context.config.headline_tier != HELD_OUT), len(pairs)))
    own = {record.question_id: record.passage_id for record in _practice_records(context.inputs)}
    shown = {record.question_id: [item for item in chosen if own[item.source] != record.passage_id][:CONTEXT_ITEMS]
             for record in headline_questions(context)}
    prompts = _prompts(context, FEW_SHOT, shown, EXAMPLES)
    return [prompts, _answer_prompts(context, prompts, adapter=False)]


def retrieval(context: StageContext) -> Sequence[Event]:
    """RAG answers of the base student."""
    prompts = _prompts(context, RETRIEVAL, _retrieved_context(context),
                       passages_style(context.config.question_before_passages))
    return [prompts, _answer_prompts(context, prompts, adapter=False)]


def tuned_retrieval(context: StageContext) -> Sequence[Event]:
    """RAG answers of the fine-tuned student."""
    prompts = _prompts(context, TUNED_RETRIEVAL, _retrieved_context(context),
                       passages_style(context.config.question_before_passages))
    return [prompts, _answer_prompts(context, prompts, adapter=True)]


def placebo(context: StageContext) -> Sequence[Event]:
    """Answers of the student with the last cycle's control adapter; all missing if there is none."""
    adapter, missing = placebo_path(context, "placebo-fine-tune@last")
    asked = headline_questions(context)
    if missing:
        return [no_answers(PLACEBO, asked, missing)]
    return [generate_answers(context, asked, PLACEBO, adapter)]


def teacher(context: StageContext) -> Sequence[Event]:
    """Closed-book answers of the teacher, without the passages."""
    asked, counted = headline_questions(context), itertools.count(1)
    answers = context.resources.teacher.answer_closed_book(
        context.domain, [question_from_record(record) for record in asked],
        lambda _: context.progress(next(counted), len(asked), "answers"))
    record_usage(context)
    return [AnswersGiven(TEACHER, tuple(answer_record(answer) for answer in answers))]


def retrieval_fallback(context: StageContext, reason: str) -> Sequence[Event]:
    """No passages for any question, with the reason, if retrieval failed."""
    return [PassagesRetrieved(f"none: {reason}", 0, 0, ())]


def control_arm_fallback(arm: str, context: StageContext, reason: str) -> Sequence[Event]:
    """Every answer of an arm missing, with the reason, if it could not answer."""
    return [no_answers(arm, arm_questions(context, arm), reason)]


def practice_pairs(artifacts: Mapping[str, Artifact]) -> list[ContextItem]:
    """Return all training questions of the run that have a reference, ordered by id, as few-shot examples."""
    asked = {record.question_id: record for record in _practice_records(artifacts)}
    written = {record.question_id: record.text for name, artifact in artifacts.items()
               if name.startswith("references@") for record in artifact.only(ReferencesWritten).references}
    return [example(asked[key], text) for key in sorted(asked) if (text := written.get(key))]


def _practice_records(artifacts: Mapping[str, Artifact]) -> list[QuestionRecord]:
    return [record for name, artifact in artifacts.items() if name.startswith("questions@")
            for record in artifact.only(QuestionsAsked).questions if record.tier == PRACTICE]


def _retrieved_context(context: StageContext) -> dict[str, list[ContextItem]]:
    """Return question id -> its retrieved passages."""
    found = context.inputs["retrieve"].only(PassagesRetrieved).found
    domain = domain_of_questions(context)
    passages = {id: domain.passage(id) for record in found for id in record.passages}
    return {record.question_id: [passage_item(passages[id]) for id in record.passages] for record in found}


def _prompts(context: StageContext, arm: str, shown: dict[str, list[ContextItem]],
             manner: ContextStyle) -> PromptsPrepared:
    student, room = context.resources.student, max(RESERVED_TOKENS, context.config.max_new_tokens)
    return PromptsPrepared(arm, tuple(
        fit_prompt(record, shown.get(record.question_id, []), manner,
                   lambda text: student.fits_context(text, room))
        for record in arm_questions(context, arm)))


def _answer_prompts(context: StageContext, prepared: PromptsPrepared, adapter: bool) -> AnswersGiven:
    """Generate the answers to these prompts; a question without any context gets no answer."""
    asked = arm_questions(context, prepared.arm)
    prompts = {prompt.question_id: prompt.text for prompt in prepared.prompts if prompt.sources}
    folder, missing = adapter_path(context, "fine-tune@last") if adapter else (None, None)
    if missing:
        return no_answers(prepared.arm, asked, missing)
    given = generate_answers(context, [record for record in asked if record.question_id in prompts], prepared.arm,
                             folder, prompts)
    by_id = {answer.question_id: answer for answer in given.answers}
    by_id |= {answer.question_id: answer for answer in no_answers(
        prepared.arm, [record for record in asked if record.question_id not in prompts], NO_CONTEXT).answers}
    return AnswersGiven(prepared.arm, tuple(by_id[record.question_id] for record in asked))
