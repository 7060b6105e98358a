"""The teacher's words: prompts, replies, and the quality of references."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.passages import Passage
from knowledge.questions import PARAPHRASE, PRACTICE
from runner.llm.errors import UnreadableReply
from runner.teacher.prompts import PassageMaterial, question_prompt, reference_prompt, subject_of
from runner.teacher.reference_checks import reference_rejection
from runner.teacher.reply_parsing import Draft, extract_json, parse_answer, parse_questions

PASSAGE = Passage("p", "probes", "notes", "Default timing", "A probe runs every 10 seconds unless periodSeconds says "
                  "otherwise. By default failureThreshold is 3.", "https://x", ("10 seconds",), ())
DRAFT = Draft("How often does a probe run?", "P1", "every 10 seconds")
OBJECT = '{"passage": "P1", "question": "How often does a probe run?", "evidence": "every 10 seconds"}'


# --- prompts ---------------------------------------------------------------------------------------------

def test_the_question_prompt_names_domain_topic_and_passages() -> None:
    prompt = question_prompt("Kubernetes v1.28", "Probes", PRACTICE, [PassageMaterial(PASSAGE, asked=("Old one?",))])
    assert prompt.system == "You are an expert Kubernetes question generator specializing in Kubernetes v1.28."
    assert "Topic: Probes" in prompt.user
    assert "[P1] Default timing\nA probe runs every 10 seconds" in prompt.user
    assert "Already asked: Old one?" in prompt.user
    assert "JSON" in prompt.user  # the json_object form demands the word


@pytest.mark.parametrize(("name", "subject"), [("Kubernetes v1.28", "Kubernetes"), ("House rules", "House rules"),
                                               ("Python 3.11.7", "Python"), ("Area 51 manual", "Area 51 manual")])
def test_the_subject_is_the_name_without_its_version(name: str, subject: str) -> None:
    assert subject_of(name) == subject


def test_a_paraphrase_is_asked_for_as_one_and_a_refused_try_says_why() -> None:
    user = question_prompt("D 1", "T", PARAPHRASE, [PassageMaterial(PASSAGE, ("Old?",), ("Bad? (too short)",))]).user
    assert "same fact as these, in entirely other words: Old?" in user
    assert "Not usable, do better: Bad? (too short)" in user


def test_the_reference_prompt_holds_passage_and_question() -> None:
    user = reference_prompt("D 1", "How often?", PASSAGE).user
    assert PASSAGE.text in user
    assert "Question: How often?" in user


# --- replies ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("reply", [
    f'{{"questions": [{OBJECT}]}}', f"[{OBJECT}]", OBJECT,
    f'```json\n{{"questions": [{OBJECT}]}}\n```', f"```\n[{OBJECT}]\n```",
    f'Sure! Here you are [as asked]:\n{{"questions": [{OBJECT}]}}\nHope that helps {{smile}}.',
    f'<think>Maybe {{"questions": []}}?</think>{{"questions": [{OBJECT}]}}',
    f'{{"questions": [{OBJECT.replace("P1", "[P1]")}, null, 3]}}',
    f'{{"result": [{OBJECT.replace(chr(34) + "P1" + chr(34), "1")}]}}',
])
def test_a_question_is_found_in_every_wrapping(reply: str) -> None:
    assert parse_questions(reply) == [DRAFT]


@pytest.mark.parametrize("reply", ["", "I cannot do that.", '{"questions": []}', f'{{"questions": [{OBJECT}, {{"pas',
                                   "{}", "[1, 2]", "null", "[" * 5000])
def test_a_reply_without_a_question_is_unreadable_and_says_how_it_begins(reply: str) -> None:
    with pytest.raises(UnreadableReply):
        parse_questions(reply)


@pytest.mark.parametrize(("reply", "answer", "evidence"), [
    ('{"answer": "Every 10\\nseconds.", "evidence": "10 seconds"}', "Every 10 seconds.", "10 seconds"),
    ('```json\n{"answer": "A."}\n```', "A.", ""), ('[{"answer": "A."}]', "A.", ""), ("Every 10 seconds.",) * 2 + ("",),
    ('Here it is: {"answer": "A.", "evidence": "E"}', "A.", "E"),
])
def test_an_answer_is_found_in_every_wrapping(reply: str, answer: str, evidence: str) -> None:
    assert parse_answer(reply) == (answer, evidence)


@pytest.mark.parametrize("reply", ['{"answer": "cut o', '{"reply": "A."}', '{"answer": null}', "```json\n{"])
def test_a_broken_answer_is_never_taken_for_plain_words(reply: str) -> None:
    with pytest.raises(UnreadableReply):
        parse_answer(reply)


@given(st.text(max_size=200))
def test_no_reply_breaks_the_reader(reply: str) -> None:
    for read in (parse_questions, parse_answer, extract_json):
        with contextlib.suppress(UnreadableReply):
            read(reply)


# --- quality ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("answer", ["Every 10 seconds.", "A probe runs every 10 seconds by default.",
                                    "Unless periodSeconds is set, probes run each 10 seconds, with a threshold of 3."])
def test_an_answer_in_the_passages_words_may_be_used(answer: str) -> None:
    assert reference_rejection(answer, "How often does a probe run?", PASSAGE) is None


@pytest.mark.parametrize(("answer", "reason"), [
    ("", "empty"), (" ... ", "empty"), ("I'm sorry, I can't help with that.", "refusal"),
    ("The passage does not say how often a probe runs.", "refusal"), ("How often does a probe run?", "repeats"),
    ("Paris has been the capital of France for centuries.", "no word"),
    ("A probe runs whenever administrators manually trigger diagnostics through console dashboards.", "words"),
    ("A probe runs every 30 seconds.", "states 30"),
])
def test_an_answer_that_may_not_be_used_says_why(answer: str, reason: str) -> None:
    assert reason in (reference_rejection(answer, "How often does a probe run?", PASSAGE) or "")
