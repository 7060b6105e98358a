"""A small model as the teacher: simpler forms after failures, evidence by number, what is shown meanwhile."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fakes
import pytest

from knowledge.domain import Domain
from knowledge.questions import PRACTICE
from runner.pipeline.resources import RunResources
from runner.pipeline.worker import execute_claimed_run
from runner.teacher.factory import open_llm_teacher
from runner.teacher.question_forms import FORMS, forms_for
from runner.teacher.reply_parsing import parse_numbered_question, parse_plain_answer, parse_plain_question
from store import commands, queries
from store.database import open_store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import QuestionsRejected, StageProgressed
from store.paths import Paths
from store.run_config import RunConfig
from tests.plain_runs import plain_run
from tests.runner.fake_openai import FakeOpenAI, good_words
from tests.runner.fake_teachers import IMPATIENT, teacher_at


def user_of(body: dict[str, Any]) -> str:
    return str(body["messages"][-1]["content"])


def only_sentences(body: dict[str, Any]) -> str:
    """A very small model: it echoes JSON prompts, and turns a fact into a question."""
    user = user_of(body)
    if not user.startswith("Fact about "):
        return user[:200]
    title = user.removeprefix("Fact about ").partition(":")[0]
    return f"Question: What is the purpose of {title}?\n\nQuestion: What is it?"


def only_numbers(body: dict[str, Any]) -> str:
    """A small model: valid JSON for one passage, none for several."""
    user = user_of(body)
    if not user.startswith("Subject: "):
        return "I would rather not."
    title = user.removeprefix("Subject: ").partition("\n")[0]
    return json.dumps({"question": f"What does one have to know about {title} here?", "sentence": 1})


def forms_asked(fake: FakeOpenAI) -> list[str]:
    begins = {"Topic: ": "passages", "Subject: ": "numbered", "Fact about ": "sentence"}
    return list(dict.fromkeys(form for body in fake.requests for mark, form in begins.items()
                              if user_of(body).startswith(mark)))


@pytest.mark.parametrize(("words", "forms"), [
    (good_words, ["passages"]), (only_numbers, ["passages", "numbered"]),
    (only_sentences, ["passages", "numbered", "sentence"])])
def test_the_form_becomes_simpler_until_the_model_manages_it(
        fake: FakeOpenAI, domain: Domain, words: Callable[[dict[str, Any]], str], forms: list[str]) -> None:
    fake.words = words
    teacher = teacher_at(fake)
    questions = teacher.ask_questions(domain, domain.topics[:4], 8, PRACTICE, 5, [])
    assert forms_asked(fake) == forms
    assert len(questions) == 8
    for question in questions:
        assert question.evidence in " ".join(domain.passage(question.passage_id).text.split())


def test_plain_text_is_asked_for_without_a_response_format(fake: FakeOpenAI, domain: Domain) -> None:
    fake.words = only_sentences
    teacher_at(fake).ask_questions(domain, domain.topics[:2], 4, PRACTICE, 5, [])
    assert all(("response_format" in body) != user_of(body).startswith("Fact about ") for body in fake.requests)


@pytest.mark.parametrize(("model", "first"), [
    ("gpt-4o-mini", "passages"), ("Qwen2.5-7B-Instruct", "numbered"), ("llama3.2:1b", "numbered"),
    ("/models/smollm2-135m-instruct", "sentence"), ("Qwen3-30B-A3B", "passages"), ("mixtral-8x7B", "passages"),
    ("gemma-2-9b", "passages")])
def test_the_size_in_a_models_name_decides_the_first_form(model: str, first: str) -> None:
    assert forms_for("auto", model)[0].name == first
    assert forms_for("passages", model) == FORMS[:1]


def test_a_run_of_before_the_forms_asks_as_it_did() -> None:
    from store.run_config import from_json
    assert from_json({"preset": "embedded", "teacher": "qwen2.5:7b"}).question_form == "passages"


@pytest.mark.parametrize(("reply", "question", "evidence"), [
    ('{"question": "What is X?", "sentence": 2}', "What is X?", "two"),
    ('{"question": "What is X?", "sentence": "[1]"}', "What is X?", "one"),
    ('{"questions": [{"question": "What is X?", "sentence": 2}]}', "What is X?", "two"),
    ("Question: What is X?\nSentence number: 2", "What is X?", "two"),
    ('**Question:** "What is X?"\n**Sentence:** [1]', "What is X?", "one"),
    ("What is X?", "What is X?", ""), ('{"question": "What is X?", "sentence": 9}', "What is X?", "")])
def test_evidence_is_a_sentences_number(reply: str, question: str, evidence: str) -> None:
    draft = parse_numbered_question(reply, ["one", "two"])
    assert (draft.text, draft.evidence) == (question, evidence)


@pytest.mark.parametrize(("reply", "question"), [
    ("What is X?\n\nWhat is Y?", "What is X?"), ("1. What is X?", "What is X?"), ('Q: "What is X?"', "What is X?"),
    ("Sure!\nWhat is X? The answer is Y.", "What is X?")])
def test_the_first_question_of_a_plain_reply_counts(reply: str, question: str) -> None:
    assert parse_plain_question(reply) == question


def test_a_plain_answer_ends_with_its_last_whole_sentence() -> None:
    assert parse_plain_answer("Answer: It waits 27 ms. Then it op") == "It waits 27 ms."


@pytest.mark.parametrize(("text", "reason"), [
    ("What does this fact say of it?", "leans on a text"),
    ("What is the colour of elephants in Africa?", "shares too few words")])
def test_a_picked_sentence_does_not_excuse_a_question_about_something_else(
        fake: FakeOpenAI, domain: Domain, text: str, reason: str) -> None:
    fake.words = lambda body: text
    teacher = teacher_at(fake, model="gpt-4o-mini")
    assert teacher.ask_questions(domain, domain.topics[:2], 2, PRACTICE, 5, []) == []
    assert any(reason in rejected.reason for rejected in teacher.rejected)


# --- through a run -------------------------------------------------------------------------------------

def carry_out(fake: FakeOpenAI, data: Path) -> tuple[queries.Run, list[Any]]:
    store = open_store(f"sqlite:///{data / 'events.db'}")

    def bench(config: RunConfig, run: str, *others: Any) -> RunResources:
        return dataclasses.replace(fakes.fake_resources(config, run, *others),
                                   open_teacher=lambda: open_llm_teacher(config, run, store, None, IMPATIENT))

    config = plain_run(teacher="gpt-4o-mini", teacher_base_url=fake.url, questions=2, held_out=6,
                    topics=("pods", "services"), steps=2)
    run = commands.launch_run(store, config, "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim
    execute_claimed_run(claim, Paths(data, store.url), bench)
    found = queries.find_run(store, run)
    assert found
    return found, [item.event for item in read_events(store, run)]


def test_the_share_of_valid_drafts_and_the_reasons_are_shown_while_it_asks(fake: FakeOpenAI, tmp_path: Path) -> None:
    fake.words = only_sentences
    run, events = carry_out(fake, tmp_path)
    assert run.work == "finished", run.trace
    shown = [event.detail for event in events if isinstance(event, StageProgressed) and event.unit == "questions"]
    assert any("0 of " in detail and "not JSON" in detail for detail in shown)
    assert any("6 of " in detail and "drafts valid; not valid: " in detail for detail in shown)


def test_a_teacher_that_cannot_ask_ends_the_run_with_what_it_wrote_and_why_that_is_not_valid(
        fake: FakeOpenAI, tmp_path: Path) -> None:
    fake.words = lambda body: "Which elephants of Africa are the largest ones of all?"
    run, events = carry_out(fake, tmp_path)
    assert run.work == "failed"
    assert run.error and "elephants" in run.error and "shares too few words with its passage" in run.error
    assert "documents or topics" not in run.error and "not JSON" in run.error
    (rejected,) = [event for event in events if isinstance(event, QuestionsRejected)]
    assert all(record.reason for record in rejected.rejected)
