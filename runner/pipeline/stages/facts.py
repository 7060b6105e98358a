"""Let the teacher write the facts of this cycle's passages, each in several wordings, to be studied.

It sees the passages of training questions only. What nearly repeats a test question is left out by the stage `study`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from knowledge.study import QuestionAnswer, WrittenFact
from runner.pipeline.stage_context import StageContext
from runner.pipeline.stages.added_passages import domain_of_questions
from runner.pipeline.stages.approved_sets import edited_questions
from runner.pipeline.stages.event_records import record_usage
from runner.pipeline.stages.training_setup import training_pairs
from store.dataset_items import TRAIN
from store.events import Event, FactlessRecord, FactRecord, FactsWritten, PairRecord, RefusedTextRecord


def write_facts(context: StageContext) -> Sequence[Event]:
    """Write the facts of every passage that has a training question with a reference."""
    edited = edited_questions(context, TRAIN, context.cycle)  # their passages may say otherwise
    ids = list(dict.fromkeys(pair.passage_id for pair in training_pairs(context) if pair.question_id not in edited))
    teacher, counted = context.resources.teacher, itertools.count(1)
    domain = domain_of_questions(context)
    written = teacher.write_facts(domain, [domain.passage(id) for id in ids],
                                  lambda _: context.progress(next(counted), len(ids), "passages"))
    record_usage(context)
    return [FactsWritten(
        teacher.name,
        tuple(_record(of.passage_id, fact) for of in written for fact in of.facts),
        tuple(RefusedTextRecord(one.passage_id, one.text, one.reason) for of in written for one in of.refused),
        tuple(FactlessRecord(of.passage_id, of.missing or "no fact") for of in written if not of.facts))]


def facts_from_record(event: FactsWritten) -> dict[str, list[WrittenFact]]:
    """Return passage id -> the facts that an event holds."""
    found: dict[str, list[WrittenFact]] = {}
    for fact in event.facts:
        found.setdefault(fact.passage_id, []).append(
            WrittenFact(fact.statement, fact.paraphrases, _pairs(fact.questions), _pairs(fact.reverse),
                        fact.key_terms))
    return found


def _record(passage_id: str, fact: WrittenFact) -> FactRecord:
    return FactRecord(passage_id, fact.statement, fact.paraphrases,
                      tuple(PairRecord(pair.question, pair.answer) for pair in fact.questions),
                      tuple(PairRecord(pair.question, pair.answer) for pair in fact.reverse), fact.key_terms)


def _pairs(records: Sequence[PairRecord]) -> tuple[QuestionAnswer, ...]:
    return tuple(QuestionAnswer(record.question, record.answer) for record in records)
