"""Question validation, near-duplicates, and drawing questions."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.domain import Domain, domain_of, kubernetes
from knowledge.kubernetes.topics import TOPICS
from knowledge.near_duplicate_questions import NearDuplicateIndex, find_near_duplicate, is_near_duplicate
from knowledge.questions import (
    HELD_OUT, NEW_TOPIC, PARAPHRASE, PRACTICE, TIERS, PassageChoice, draw_questions, evidence_of, question_id,
    validation_errors,
)
from knowledge.split import held_out_passages, practice_passages
from tests.knowledge.made_up import WORDS, make_passage

PASSAGE = make_passage("a", "amber", "The kubelet restarts a container. It waits ten seconds.")


@pytest.mark.parametrize("text", [
    "What does the kubelet restart?", "In a PodSpec, what is hostNetwork for?", "Is a Pod restarted in place?",
    "Load dropped a minute ago; which mechanism delays the shrinking?", "A sidecar is there; can it see the contents?",
    "Under which condition does the kubelet wait?", "Name what does the kubelet restart?"])
def test_real_questions_are_valid(text: str) -> None:
    assert validation_errors(text, "restarts a container", PASSAGE) == []


@pytest.mark.parametrize(("text", "error"), [
    ("What does the kubelet restart", "question mark"),
    ("The kubelet restarts a container?", "ask like a question"),
    ("What is it?", "words"),
    ("What " + "very " * 40 + "long thing is this?", "words"),
    ("What does this passage say about the kubelet?", "leans"),
    ("According to the text, what does the kubelet restart?", "leans"),
    ("What is restarted by the component described above?", "leans"),
    ("What does the text above say about it?", "leans")])
def test_each_validation_error_is_reported(text: str, error: str) -> None:
    assert [error in found for found in validation_errors(text, "restarts a container", PASSAGE)].count(True) == 1


@pytest.mark.parametrize(("evidence", "found"), [
    ("restarts  a\nCONTAINER", True), ("It waits ten seconds.", True), ("restarts a volume", False), (" ", False)])
def test_evidence_must_occur_white_space_and_case_aside(evidence: str, found: bool) -> None:
    assert (validation_errors("What does the kubelet restart?", evidence, PASSAGE) == []) == found


@pytest.mark.parametrize(("one", "other"), [
    ("What is a Pod?", "what is a pod"),
    ("What is the default of spec.replicas in a Deployment?", "In a Deployment, what is spec.replicas' default?"),
    ("How are labels selected by Services?", "How are the labels selected by a Service?"),
    ("Which colour does the dashboard show for errors?", "Which color does the dashboard show for errors?"),
    ("What does the scheduler do with Pods that fit on no node of the cluster at the moment?",
     "What does the scheduler do with the Pods that fit on no node of the cluster at the very moment?")])
def test_near_duplicates_are_found(one: str, other: str) -> None:
    assert is_near_duplicate(one, other) and is_near_duplicate(other, one)


@pytest.mark.parametrize(("one", "other"), [
    ("What is spec.replicas of a Deployment?", "What is spec.replicas of a StatefulSet?"),
    ("What is the maxSurge of a Deployment?", "What is the maxUnavailable of a Deployment?"),
    ("When is a Pod evicted?", "When is a Pod not evicted?"),
    ("What happens when a liveness probe fails?", "What happens when a readiness probe fails?"),
    ("What changed in version 1.27 of the API?", "What changed in version 1.28 of the API?"),
    ("What is the minimum of replicas?", "What is the maximum of replicas?")])
def test_different_facts_are_not_near_duplicates(one: str, other: str) -> None:
    assert not is_near_duplicate(one, other) and not is_near_duplicate(other, one)
    assert find_near_duplicate(one, [other]) is None


@given(st.text(max_size=60), st.text(max_size=60))
def test_near_duplication_is_symmetric_and_reflexive(one: str, other: str) -> None:
    assert is_near_duplicate(one, one)
    assert is_near_duplicate(one, other) == is_near_duplicate(other, one)


def test_evidence_is_the_sentence_with_the_key_terms() -> None:
    assert evidence_of(make_passage("a", "amber")) == "It is opened by amber-key."


def test_an_id_depends_on_the_text_alone(small: Domain) -> None:
    assert question_id("What is a Pod?") == question_id(" what is a pod ?")
    assert all(question.id == question_id(question.text) for question in draw_questions(small, ["a"], 5, PRACTICE, 1))


@pytest.mark.parametrize("tier", TIERS)
def test_every_drawn_question_is_valid_and_says_where_it_is_from(api_domain: Domain, tier: str) -> None:
    for question in draw_questions(api_domain, api_domain.topics, 100, tier, 7):
        passage = api_domain.passage(question.passage_id)
        assert validation_errors(question.text, question.evidence, passage) == []
        assert (question.tier, question.topic, question.title) == (tier, passage.topic, passage.title)


def test_a_draw_is_even_over_the_topics(api_domain: Domain) -> None:
    drawn = Counter(question.topic
                    for question in draw_questions(api_domain, ["pods", "jobs", "rbac"], 31, PRACTICE, 3))
    assert sorted(drawn.values()) == [10, 10, 11]


def test_half_a_draw_comes_from_notes_while_they_last(small: Domain) -> None:
    drawn = draw_questions(small, ["a"], 6, PRACTICE, 5)
    assert Counter(small.passage(question.passage_id).source for question in drawn) == {"notes": 3, "api": 3}


def test_a_thousand_distinct_practice_questions_can_be_drawn(api_domain: Domain) -> None:
    drawn = draw_questions(api_domain, api_domain.topics, 1000, PRACTICE, 11)
    assert len(drawn) == len({question.id for question in drawn}) == 1000


def test_fifty_of_one_topic_can_be_drawn_by_asking_again_in_other_words(api_domain: Domain) -> None:
    drawn = draw_questions(api_domain, ["statefulsets"], 50, PRACTICE, 11)
    assert len(drawn) == len({question.text for question in drawn}) == 50
    first_round = len({question.passage_id for question in drawn})
    assert len({question.passage_id for question in drawn[:first_round]}) == first_round


@pytest.mark.parametrize("slug", [topic.slug for topic in TOPICS])
def test_every_topic_of_the_built_in_domain_yields_fifty_and_can_be_tested(slug: str) -> None:
    assert len(draw_questions(kubernetes(), [slug], 50, PRACTICE, 1)) == 50
    assert len({question.passage_id for question in draw_questions(kubernetes(), [slug], 50, HELD_OUT, 1)}) >= 5


def test_every_question_of_the_built_in_domain_is_valid() -> None:
    assert [(question, found) for passage in kubernetes().passages for question in passage.wordings
            if (found := validation_errors(question, passage.text, passage))] == []


def test_no_test_question_of_the_built_in_domain_nearly_repeats_another_wording_of_any_passage() -> None:
    index = NearDuplicateIndex(text for passage in kubernetes().passages for text in passage.questions)
    repeated = []
    for text in (text for passage in kubernetes().passages for text in passage.test_questions):
        repeated += [(text, found)] if (found := index.find(text)) else []
        index.add(text)
    assert repeated == []


def test_fewer_than_asked_for_are_returned_when_there_are_no_more(small: Domain) -> None:
    assert 0 < len(draw_questions(small, ["a"], 999, HELD_OUT, 1)) < 40
    assert draw_questions(small, ["nowhere"], 5, PRACTICE, 1) == [] == draw_questions(small, ["a"], 0, PRACTICE, 1)


def test_paraphrases_ask_practised_passages_in_other_words(api_domain: Domain) -> None:
    practised = draw_questions(api_domain, ["pods"], 20, PRACTICE, 1)
    again = draw_questions(api_domain, ["pods"], 20, PARAPHRASE, 1,
                           exclude_texts=[question.text for question in practised],
                           choice=PassageChoice(only=frozenset(question.passage_id for question in practised)))
    assert len(again) == 20
    assert {question.passage_id for question in again} <= {question.passage_id for question in practised}
    assert not {question.text for question in again} & {question.text for question in practised}


def with_test_questions(every: int) -> Domain:
    """Thirty passages, of which each `every`-th has a test question."""
    made = [make_passage("a", word) for word in WORDS[:30]]
    return domain_of("some", [replace(passage, test_questions=(f"What is so special about {passage.title}?",))
                              if not place % every else passage for place, passage in enumerate(made)])


def test_practice_never_uses_a_test_question() -> None:
    domain = with_test_questions(1)
    reserved = {text for passage in domain.passages for text in passage.test_questions}
    practised = {question.text for question in draw_questions(domain, ["a"], 999, PRACTICE, 1)}
    assert len(practised) == 2 * len(practice_passages(domain)) and not practised & reserved


def test_paraphrases_are_test_questions_and_the_last_wordings_only_of_passages_without_one() -> None:
    domain = with_test_questions(3)
    for question in (drawn := draw_questions(domain, ["a"], len(practice_passages(domain)), PARAPHRASE, 1)):
        passage = domain.passage(question.passage_id)
        assert question.text == (passage.test_questions or passage.questions)[-1]
    assert {question.passage_id for question in drawn} == {passage.id for passage in practice_passages(domain)}
    asked = {question.text for question in draw_questions(domain, ["a"], 999, PARAPHRASE, 1)}
    assert not asked & {text for passage in domain.passages if passage.test_questions for text in passage.questions}


def test_held_out_may_use_any_wording() -> None:
    domain = with_test_questions(1)
    asked = {question.text for question in draw_questions(domain, ["a"], 999, HELD_OUT, 1)}
    assert asked == {text for passage in held_out_passages(domain) for text in passage.wordings}


def test_excluded_texts_their_near_duplicates_and_passages_are_not_drawn(small: Domain) -> None:
    everything = draw_questions(small, ["a", "b"], 999, PRACTICE, 1)
    first, second = everything[0], next(q for q in everything if q.passage_id != everything[0].passage_id)
    rest = draw_questions(small, ["a", "b"], 999, PRACTICE, 1, exclude_texts=[first.text.upper()],
                          choice=PassageChoice(exclude=frozenset([second.passage_id])))
    assert first.text not in {question.text for question in rest}
    assert second.passage_id not in {question.passage_id for question in rest}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(), count=st.integers(0, 60), tier=st.sampled_from(TIERS))
def test_no_draw_has_near_duplicates(small: Domain, seed: int, count: int, tier: str) -> None:
    texts = [question.text for question in draw_questions(small, small.topics, count, tier, seed)]
    assert len(texts) <= count
    assert all(find_near_duplicate(text, texts[:place]) is None for place, text in enumerate(texts))


def test_a_planted_near_duplicate_is_drawn_once() -> None:
    texts = ("What opens the vault of the amber?", "Which key is for amber?")
    twice = domain_of("twice", [make_passage("a", f"w{n}", f"Fact {n} stands alone here.", (texts[0], f"Is {n} one?"))
                                for n in range(9)])
    assert Counter(q.text for q in draw_questions(twice, ["a"], 99, PRACTICE, 1))[texts[0]] == 1


def test_the_draw_depends_on_the_seed_and_not_on_hash_randomisation() -> None:
    code = ("from knowledge.kubernetes.api_reference import read_api_reference as r; "
            "from knowledge.domain import domain_of\n"
            "from knowledge.questions import draw_questions as ask\n"
            "d = domain_of('some', [p for p in r() if p.topic < 'd'])\n"
            "print([q.id for t in ('practice', 'held-out') for q in ask(d, d.topics, 80, t, 42)])")
    runs = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
                             cwd=Path(__file__).parents[2], env={**os.environ, "PYTHONHASHSEED": seed})
            for seed in ("1", "2")]
    one, other = (run.communicate(timeout=600)[0] for run in runs)
    assert one == other != ""


def test_other_seeds_draw_other_questions(api_domain: Domain) -> None:
    one, other = (draw_questions(api_domain, ["pods"], 20, PRACTICE, seed) for seed in (1, 2))
    assert [question.id for question in one] != [question.id for question in other]
    assert draw_questions(api_domain, ["pods"], 20, NEW_TOPIC, 1) == draw_questions(api_domain, ["pods"], 20, NEW_TOPIC,
                                                                                    1)
