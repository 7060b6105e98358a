"""The offline teacher, and which teacher a configuration opens."""

from __future__ import annotations

import subprocess
import sys

import pytest

from knowledge.domain import Domain
from knowledge.near_duplicate_questions import is_near_duplicate
from knowledge.questions import HELD_OUT, NEW_TOPIC, PARAPHRASE, PRACTICE, Question
from knowledge.split import side_of
from runner.teacher import open_teacher
from runner.teacher.offline_teacher import OfflineTeacher
from store.run_config import RunConfig


def test_the_default_configuration_opens_the_offline_teacher_and_its_name_says_so() -> None:
    teacher = open_teacher(RunConfig(), "r1", None)
    assert isinstance(teacher, OfflineTeacher)
    assert "passages' own words" in teacher.name


def test_the_package_and_the_offline_teacher_do_not_import_openai() -> None:
    code = ("import sys; from runner.teacher import open_teacher; from store.run_config import RunConfig;"
            "open_teacher(RunConfig(), 'r', None); sys.exit('openai' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("tier", "side"), [(PRACTICE, "practice"), (PARAPHRASE, "practice"), (HELD_OUT, "held-out"),
                                            (NEW_TOPIC, "held-out")])
def test_each_tier_keeps_to_its_side_of_the_split(domain: Domain, tier: str, side: str) -> None:
    questions = OfflineTeacher().ask_questions(domain, domain.topics, 10, tier, 1, [])
    assert len(questions) == 10
    assert {side_of(question.passage_id) for question in questions} == {side}


def test_what_was_asked_is_not_asked_again(domain: Domain) -> None:
    teacher, asked = OfflineTeacher(), list[Question]()
    for seed in range(3):
        new = teacher.ask_questions(domain, domain.topics[:2], 8, PRACTICE, seed, asked)
        assert not [q for q in new if any(is_near_duplicate(q.text, old.text) for old in asked)]
        asked += new


def test_paraphrases_are_about_practised_passages(domain: Domain) -> None:
    teacher = OfflineTeacher()
    practised = teacher.ask_questions(domain, domain.topics, 6, PRACTICE, 3, [])
    again = teacher.ask_questions(domain, domain.topics, 6, PARAPHRASE, 3, practised)
    assert again
    assert {q.passage_id for q in again} <= {q.passage_id for q in practised}
    assert not {q.text for q in again} & {q.text for q in practised}


def test_the_same_seed_gives_the_same_questions_and_another_one_others(domain: Domain) -> None:
    one, same, other = (OfflineTeacher().ask_questions(domain, domain.topics, 12, PRACTICE, seed, [])
                        for seed in (7, 7, 8))
    assert one == same != other


def test_a_reference_is_the_passage_with_its_evidence(domain: Domain) -> None:
    teacher = OfflineTeacher()
    (question,) = teacher.ask_questions(domain, domain.topics, 1, PRACTICE, 1, [])
    reference = teacher.write_reference(domain, question)
    assert reference.text == " ".join(domain.passage(question.passage_id).text.split())
    assert reference.evidence == question.evidence
    assert reference.missing is None


def test_a_question_about_a_passage_that_is_gone_has_no_reference_but_a_reason(domain: Domain) -> None:
    question = Question("q", "What is it?", "pods", PRACTICE, "gone", "evidence", "Title")
    reference = OfflineTeacher().write_reference(domain, question)
    assert reference.text is None
    assert "gone" in (reference.missing or "")


def test_the_offline_teacher_costs_nothing_and_rejects_nothing() -> None:
    teacher = OfflineTeacher()
    assert (teacher.usage().calls, teacher.usage().cost_usd, teacher.rejected) == (0, 0.0, [])
