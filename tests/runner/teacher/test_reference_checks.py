"""The chat teacher over a fake endpoint: references, restarts, usage."""

from __future__ import annotations

import json
from typing import Any

import pytest

from knowledge.domain import Domain
from knowledge.questions import PRACTICE, Question
from runner.llm.errors import EndpointUnavailable
from runner.protocols import Reference
from runner.teacher.llm_teacher import LLMTeacher
from store.database import Store
from tests.runner.fake_openai import FakeOpenAI, refuse, say
from tests.runner.fake_teachers import teacher_at


# --- references ------------------------------------------------------------------------------------------

@pytest.fixture
def question(domain: Domain) -> Question:
    passage = domain.of_topic("probes")[0]
    return Question("q1", "What are the default timings of a probe?", "probes", PRACTICE, passage.id,
                    passage.text.split(". ")[0], passage.title)


def test_a_reference_rests_on_its_passage(fake: FakeOpenAI, domain: Domain, question: Question) -> None:
    text = domain.passage(question.passage_id).text
    assert teacher_at(fake).write_reference(domain, question) == Reference("q1", text, text)
    assert text in fake.requests[0]["messages"][1]["content"]


def test_evidence_that_the_passage_does_not_hold_is_not_taken(fake: FakeOpenAI, domain: Domain,
                                                              question: Question) -> None:
    fake.words = lambda body: json.dumps({"answer": "A probe runs every 10 seconds.", "evidence": "I made this up"})
    assert teacher_at(fake).write_reference(domain, question).evidence == question.evidence


def test_a_bad_reference_is_asked_for_once_more(fake: FakeOpenAI, domain: Domain, question: Question) -> None:
    fake.script.append(say("I'm sorry, I cannot help."))
    assert teacher_at(fake).write_reference(domain, question).text
    assert len(fake.requests) == 2


@pytest.mark.parametrize(("step", "reason"), [
    (say("I cannot answer that."), "refusal"), (say(""), "empty"), (say(None, refusal="no way"), "no way"),
    (say('{"answer": "A probe runs', finish="length"), "cut off"), (say('{"answer": "Bananas are yellow."}'), "word"),
    (say('{"answer": 3}'), "no answer"), (say("x", finish="content_filter"), "content filter"),
    (refuse(400, "context_length_exceeded"), "too long"),
])
def test_a_reference_that_cannot_be_had_is_missing_with_its_reason(fake: FakeOpenAI, domain: Domain, question: Question,
                                                                   step: Any, reason: str) -> None:
    fake.script.extend([step] * (4 if reason == "cut off" else 2))  # a cut-off reply is asked for with a larger limit
    reference = teacher_at(fake).write_reference(domain, question)
    assert reference.text is None
    assert reason in (reference.missing or "")


def test_many_references_come_in_order_each_told(fake: FakeOpenAI, domain: Domain) -> None:
    teacher, told = teacher_at(fake), list[Reference]()
    questions = teacher.ask_questions(domain, domain.topics, 8, PRACTICE, 5, [])
    references = teacher.write_references(domain, questions, told.append)
    assert [r.question_id for r in references] == [q.id for q in questions]
    assert references == told
    assert all(r.text for r in references)


# --- receipts and usage ----------------------------------------------------------------------------------

def test_a_restarted_run_repeats_nothing_and_gets_the_same(fake: FakeOpenAI, domain: Domain, store: Store) -> None:
    def work(teacher: LLMTeacher) -> tuple[list[Question], list[Reference]]:
        asked = teacher.ask_questions(domain, domain.topics, 6, PRACTICE, 5, [])
        return asked, teacher.write_references(domain, asked)

    first = work(teacher_at(fake, store))
    paid = len(fake.requests)
    again = teacher_at(fake, store)
    assert work(again) == first
    assert len(fake.requests) == paid
    assert (again.usage().calls, again.usage().reused) == (paid, paid)


def test_after_a_failure_only_what_is_missing_is_asked(fake: FakeOpenAI, domain: Domain, store: Store) -> None:
    fake.script.extend([say("garbage"), *[refuse(500, "oops")] * 100])
    with pytest.raises(EndpointUnavailable):
        teacher_at(fake, store).ask_questions(domain, domain.topics[:4], 4, PRACTICE, 5, [])
    fake.script.clear()
    fake.requests.clear()
    questions = teacher_at(fake, store).ask_questions(domain, domain.topics[:4], 4, PRACTICE, 5, [])
    assert len(questions) == 4
    assert len(fake.requests) == 4  # three topics of the first round, and the garbage once more


@pytest.mark.parametrize("recorded", [True, False])
def test_usage_counts_calls_tokens_and_cost(fake: FakeOpenAI, domain: Domain, store: Store, recorded: bool) -> None:
    teacher = teacher_at(fake, store if recorded else None)
    teacher.ask_questions(domain, domain.topics, 3, PRACTICE, 5, [])
    usage = teacher.usage()
    assert (usage.calls, usage.reused, usage.prompt_tokens, usage.completion_tokens) == (3, 0, 300, 60)
    assert usage.cost_usd == pytest.approx((300 * 0.15 + 60 * 0.60) / 1e6)


def test_a_model_without_a_price_has_tokens_and_no_cost(domain: Domain) -> None:
    with FakeOpenAI(models=("local",)) as fake:
        teacher = teacher_at(fake, model="local")
        teacher.ask_questions(domain, domain.topics, 1, PRACTICE, 5, [])
        assert (teacher.usage().prompt_tokens, teacher.usage().cost_usd) == (100, None)
