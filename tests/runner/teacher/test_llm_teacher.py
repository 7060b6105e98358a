"""The chat teacher over a fake endpoint: spread, sides, validation, asking again."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from knowledge.domain import Domain, domain_of
from knowledge.near_duplicate_questions import is_near_duplicate
from knowledge.questions import HELD_OUT, NEW_TOPIC, PARAPHRASE, PRACTICE, Question, validation_errors
from knowledge.split import side_of
from runner.llm.errors import EndpointUnavailable, MissingKey, UnknownModel
from runner.teacher import open_teacher
from store.run_config import RunConfig
from tests.runner.fake_openai import FakeOpenAI, good_words, refuse, say
from tests.runner.fake_teachers import teacher_at


# --- asking ----------------------------------------------------------------------------------------------

def test_open_teacher_opens_a_chat_teacher_named_after_model_and_endpoint(fake: FakeOpenAI) -> None:
    config = dataclasses.replace(RunConfig(), teacher="gpt-4o-mini", teacher_base_url=fake.url)
    assert open_teacher(config, "r1", None).name == f"gpt-4o-mini at {fake.url}"


def test_the_openai_api_without_a_key_says_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingKey, match="OPENAI_API_KEY"):
        open_teacher(dataclasses.replace(RunConfig(), teacher="gpt-4o-mini"), "r1", None)


@pytest.mark.parametrize(("tier", "side"), [(PRACTICE, "practice"), (PARAPHRASE, "practice"), (HELD_OUT, "held-out"),
                                            (NEW_TOPIC, "held-out")])
def test_questions_are_valid_spread_evenly_and_from_their_tiers_side(fake: FakeOpenAI, domain: Domain, tier: str,
                                                                     side: str) -> None:
    questions = teacher_at(fake).ask_questions(domain, domain.topics[:4], 10, tier, 5, [])
    assert len(questions) == 10
    assert max(Counter(q.topic for q in questions).values()) <= 3
    for question in questions:
        passage = domain.passage(question.passage_id)
        assert (side_of(passage.id), passage.topic, question.tier) == (side, question.topic, tier)
        assert validation_errors(question.text, question.evidence, passage) == []
    assert not [(a, b) for a in questions for b in questions if a is not b and is_near_duplicate(a.text, b.text)]


def test_a_second_cycle_turns_to_other_passages_and_neglected_topics(fake: FakeOpenAI, domain: Domain) -> None:
    teacher, topics = teacher_at(fake), domain.topics[:4]
    first = teacher.ask_questions(domain, topics, 2, PRACTICE, 5, [])
    second = teacher.ask_questions(domain, topics, 2, PRACTICE, 6, first)
    assert {q.topic for q in first + second} == set(topics)
    assert len({q.passage_id for q in first + second}) == 4


def test_paraphrases_ask_about_practised_passages_and_the_model_is_told_what_was_asked(fake: FakeOpenAI,
                                                                                       domain: Domain) -> None:
    teacher = teacher_at(fake)
    practised = teacher.ask_questions(domain, domain.topics[:2], 4, PRACTICE, 5, [])
    fake.words = lambda body: good_words(body).replace("What is to be known about", "Which fact stands behind")
    again = teacher.ask_questions(domain, domain.topics[:2], 4, PARAPHRASE, 5, practised)
    assert again
    assert {q.passage_id for q in again} <= {q.passage_id for q in practised}
    assert practised[0].text in "".join(body["messages"][1]["content"] for body in fake.requests)


def test_a_rejected_question_is_kept_with_its_reason_and_asked_again(fake: FakeOpenAI, domain: Domain) -> None:
    fake.script.append(say('{"questions": [{"passage": "P1", "question": "Tell me about it", "evidence": "made up"}]}'))
    teacher = teacher_at(fake)
    questions = teacher.ask_questions(domain, domain.topics[:1], 1, PRACTICE, 5, [])
    assert len(questions) == 1
    (rejected,) = teacher.rejected
    assert rejected.text == "Tell me about it"
    assert "question mark" in rejected.reason and "evidence" in rejected.reason


def test_a_twin_of_what_was_asked_is_rejected(fake: FakeOpenAI, domain: Domain) -> None:
    teacher = teacher_at(fake)
    first = teacher.ask_questions(domain, domain.topics[:1], 1, PRACTICE, 5, [])
    old = Question("q", first[0].text, "elsewhere", HELD_OUT, "p", "e", "t")
    teacher.ask_questions(domain, domain.topics[:1], 1, PRACTICE, 5, [old])
    assert any("asks the same" in rejected.reason for rejected in teacher.rejected)


@pytest.mark.parametrize("words", ["not json", '{"questions": []}', '{"questions": ["Too short?"]}', ""])
def test_a_useless_model_gives_no_question_and_costs_a_bounded_number_of_calls(fake: FakeOpenAI, domain: Domain,
                                                                               words: str) -> None:
    fake.words = lambda body: words
    teacher = teacher_at(fake)
    assert teacher.ask_questions(domain, domain.topics, 4, PRACTICE, 5, []) == []
    assert 3 <= len(fake.requests) <= 20  # at most 5 for a question, in all forms together
    assert all(rejected.reason for rejected in teacher.rejected)


def test_fewer_passages_than_wanted_give_what_there_is(fake: FakeOpenAI, domain: Domain) -> None:
    small = domain_of("D 1", [p for p in domain.of_topic("probes") if side_of(p.id) == "practice"][:2])
    questions = teacher_at(fake).ask_questions(small, ["probes"], 50, PRACTICE, 5, [])
    assert 2 <= len(questions) <= 6


def test_a_prompt_that_is_too_long_is_taken_apart(fake: FakeOpenAI, domain: Domain) -> None:
    fake.script.append(refuse(400, "maximum context length is 4096 tokens", "context_length_exceeded"))
    assert len(teacher_at(fake).ask_questions(domain, domain.topics[:1], 3, PRACTICE, 5, [])) == 3
    assert len(fake.requests) == 4


def test_a_failing_endpoint_is_raised_with_what_was_obtained(fake: FakeOpenAI, domain: Domain) -> None:
    def one_topic_fails(body: dict[str, Any]) -> str:
        if "Topic: Pods" in body["messages"][1]["content"]:
            fake.script.clear()
            raise OSError
        return good_words(body)

    fake.words = one_topic_fails
    with pytest.raises(EndpointUnavailable) as raised:
        teacher_at(fake).ask_questions(domain, ["probes", "pods"], 2, PRACTICE, 5, [])
    assert [q.topic for q in raised.value.obtained] == ["probes"]


def test_an_unknown_model_is_raised(fake: FakeOpenAI, domain: Domain) -> None:
    with pytest.raises(UnknownModel, match="gpt-9"):
        teacher_at(fake, model="gpt-9").ask_questions(domain, domain.topics, 4, PRACTICE, 5, [])
