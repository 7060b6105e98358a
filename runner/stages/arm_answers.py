"""The control arms' answers to the held-out test: after examples, after passages, from a placebo, from the teacher."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping, Sequence

from knowledge.questions import HELD_OUT, PRACTICE
from runner.artifacts import Artifact
from runner.stage import Context
from runner.stages.answers import adapter_in, answered, no_answers, questions_in, record_of_answer
from runner.stages.placebo import placebo_in
from runner.stages.prompting import EXAMPLES, PASSAGES, Manner, Shown, example, prepared
from runner.stages.records import question_of, tell_usage
from store.arms import FEW_SHOT, PLACEBO, RETRIEVAL, SHOWN, TEACHER, TUNED_RETRIEVAL
from store.events import (
    AnswersGiven, Event, FoundRecord, PassagesRetrieved, PromptsPrepared, QuestionRecord, QuestionsAsked,
    ReferencesWritten,
)

ROOM_TOKENS = 256
"""A prompt leaves room for an answer of so many tokens at least, and for a reference of that length to be weighed."""

NOTHING_SHOWN = "nothing could be put before the question"


def held_out_in(context: Context) -> list[QuestionRecord]:
    """The test questions that the arms answer: held-out ones alone, no new topics, nothing everyday."""
    return [record for record in questions_in([context.inputs["held-out"]]) if record.tier == HELD_OUT]


def retrieve(context: Context) -> Sequence[Event]:
    """Search the whole domain, both sides of the split, for each test question."""
    asked, passages = held_out_in(context), context.domain.passages
    retriever = context.workbench.open_retriever()
    search = retriever.best([record.text for record in asked],
                            [f"{passage.title}: {passage.text}" for passage in passages], SHOWN)
    return [PassagesRetrieved(retriever.name, len(passages), search.cut, tuple(
        FoundRecord(record.question_id, tuple(passages[at].id for at in places))
        for record, places in zip(asked, search.ranked, strict=True)))]


def few_shot(context: Context) -> Sequence[Event]:
    """The untrained student after practice pairs, the same ones for every question, drawn once a run."""
    pairs = practice_pairs(context.inputs)
    chosen = random.Random(f"few-shot {context.config.seed}").sample(pairs, min(SHOWN, len(pairs)))
    prompts = _prompts(context, FEW_SHOT, {}, chosen, EXAMPLES)
    return [prompts, _after(context, prompts, adapter=False)]


def retrieval(context: Context) -> Sequence[Event]:
    """The untrained student after the passages that were found."""
    prompts = _prompts(context, RETRIEVAL, _found(context), [], PASSAGES)
    return [prompts, _after(context, prompts, adapter=False)]


def tuned_retrieval(context: Context) -> Sequence[Event]:
    """The tuned student after the passages that were found."""
    prompts = _prompts(context, TUNED_RETRIEVAL, _found(context), [], PASSAGES)
    return [prompts, _after(context, prompts, adapter=True)]


def placebo(context: Context) -> Sequence[Event]:
    """The student with the last cycle's placebo adapter; all missing where there is none."""
    adapter, missing = placebo_in(context, "placebo-fine-tune@last")
    asked = held_out_in(context)
    if missing:
        return [no_answers(PLACEBO, asked, missing)]
    return [answered(context, asked, PLACEBO, adapter)]


def teacher(context: Context) -> Sequence[Event]:
    """The teacher's own answers, without the passages."""
    asked, counted = held_out_in(context), itertools.count(1)
    answers = context.workbench.teacher.answer_all(
        context.domain, [question_of(record) for record in asked],
        lambda _: context.progress(next(counted), len(asked), "answers"))
    tell_usage(context)
    return [AnswersGiven(TEACHER, tuple(record_of_answer(answer) for answer in answers))]


def without_found(context: Context, reason: str) -> Sequence[Event]:
    """What stands where the search failed: nothing was found for any question."""
    return [PassagesRetrieved(f"none: {reason}", 0, 0, ())]


def without_arm(arm: str, context: Context, reason: str) -> Sequence[Event]:
    """What stands where an arm could not answer: every answer missing, with the reason."""
    return [no_answers(arm, held_out_in(context), reason)]


def practice_pairs(artifacts: Mapping[str, Artifact]) -> list[Shown]:
    """Every practice question of the run that has a reference, in the order of their ids; no other tier."""
    asked = {record.question_id: record for name, artifact in artifacts.items() if name.startswith("questions@")
             for record in artifact.only(QuestionsAsked).questions if record.tier == PRACTICE}
    written = {record.question_id: record.text for name, artifact in artifacts.items()
               if name.startswith("references@") for record in artifact.only(ReferencesWritten).references}
    return [example(asked[key], text) for key in sorted(asked) if (text := written.get(key))]


def _found(context: Context) -> dict[str, list[Shown]]:
    """Question id -> the passages that the search found for it."""
    found = context.inputs["retrieve"].only(PassagesRetrieved).found
    passages = {id: context.domain.passage(id) for record in found for id in record.passages}
    return {record.question_id: [Shown(id, f"{passages[id].title}: {passages[id].text}") for id in record.passages]
            for record in found}


def _prompts(context: Context, arm: str, shown: dict[str, list[Shown]], for_all: Sequence[Shown],
             manner: Manner) -> PromptsPrepared:
    student, room = context.workbench.student, max(ROOM_TOKENS, context.config.max_new_tokens)
    return PromptsPrepared(arm, tuple(
        prepared(record, shown.get(record.question_id, for_all), manner, lambda text: student.fits(text, room))
        for record in held_out_in(context)))


def _after(context: Context, prepared: PromptsPrepared, adapter: bool) -> AnswersGiven:
    """The answers after these prompts; where there was nothing to put before a question, there is no answer."""
    asked, shown = held_out_in(context), {prompt.question_id: prompt.text for prompt in prepared.prompts
                                          if prompt.sources}
    folder, missing = adapter_in(context, "fine-tune@last") if adapter else (None, None)
    if missing:
        return no_answers(prepared.arm, asked, missing)
    given = answered(context, [record for record in asked if record.question_id in shown], prepared.arm, folder, shown)
    by_id = {answer.question_id: answer for answer in given.answers}
    by_id |= {answer.question_id: answer for answer in no_answers(
        prepared.arm, [record for record in asked if record.question_id not in shown],
        NOTHING_SHOWN).answers}
    return AnswersGiven(prepared.arm, tuple(by_id[record.question_id] for record in asked))
