"""Distractors are plausible: each perturbation changes the meaning, and neither length nor subject gives one away."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.distractors import FOREIGN, make_distractors, substituted_passage
from knowledge.domain import Domain, domain_of
from knowledge.passages import Passage
from knowledge.perturbations import CHOICES, OPPOSITES, RULES, perturb
from knowledge.questions import HELD_OUT, draw_questions
from tests.knowledge.made_up import make_passage


@pytest.mark.parametrize(("rule", "text", "changed"), [
    ("negated", "A Pod is mortal.", "A Pod is not mortal."),
    ("negated", "The name must be unique.", "The name must not be unique."),
    ("negated", "It cannot be updated.", "It can be updated."),
    ("negated", "It can be updated.", "It cannot be updated."),
    ("negated", "It does not restart.", "It does restart."),
    ("negated", "The field specifies a name.", "The field does not specify a name."),
    ("negated", "A label that is set matches Pods.", "A label that is set does not match Pods."),
    ("true for false", "Defaults to false.", "Defaults to true."),
    ("true for false", "Set it to True.", "Set it to False."),
    ("another choice", "Choose Forbid here.", "Choose Allow here."),
    ("another choice", "It has a readiness check, a startup check.", "It has a readiness check, a startup check."),
    ("reversed", "The minimum counts.", "The maximum counts."),
    ("reversed", "Before it ends, all is saved by the others.", None),
    ("number changed", "A v1 API with ext4 on 10.0.0.1.", None),
    ("number changed", "The port is 443.", None)])
def test_each_rule_does_what_it_says(rule: str, text: str, changed: str | None) -> None:
    result = RULES[rule](text, random.Random(1))
    if changed is None:  # more than one outcome is right, or none is
        assert result != text
    else:
        assert (result or text) == changed


def test_a_number_never_stays_and_names_with_digits_are_left_alone() -> None:
    for seed in range(30):
        assert RULES["number changed"]("The port is 443.", random.Random(seed)) not in (None, "The port is 443.")
    assert RULES["number changed"]("A v1 API with ext4 on 10.0.0.1/8.", random.Random(1)) is None


def test_a_list_of_all_values_is_not_altered_into_another_true_list() -> None:
    assert RULES["another choice"]("One of Always, Never, IfNotPresent.", random.Random(1)) is None


def test_the_tables_hold_pairs_and_groups_without_repeats() -> None:
    assert all(len(pair.split("/")) == 2 for pair in OPPOSITES)
    assert all(len(set(group.split())) == len(group.split()) > 1 for group in CHOICES)


@given(st.text(min_size=1), st.integers())
def test_a_perturbed_text_always_differs(text: str, seed: int) -> None:
    altered, rule = perturb(text, seed)
    assert altered != text and rule
    assert perturb(text, seed) == (altered, rule)


def test_the_subject_of_an_api_text_is_not_perturbed(api: list[Passage]) -> None:
    for passage in api:
        altered, _ = perturb(passage.text, 3)
        head = passage.text.partition(")")[0]
        assert "." not in passage.title or altered.startswith(head) or altered.startswith("It is not true that")


def test_perturbations_are_mostly_small_and_rarely_a_mere_denial(api: list[Passage]) -> None:
    rules = [perturb(passage.text, 1)[1] for passage in api]
    assert rules.count("denied") < len(rules) / 20
    assert len(set(rules)) >= 5


def test_distractors_are_two_foreign_references_and_the_true_one_perturbed(api_domain: Domain) -> None:
    for question in draw_questions(api_domain, api_domain.topics, 40, HELD_OUT, 1):
        passage = api_domain.passage(question.passage_id)
        made = make_distractors(question.text, passage.text, passage, api_domain, 5)
        assert [distractor.rule == FOREIGN for distractor in made] == [True, True, False]
        assert len({passage.text, *(distractor.text for distractor in made)}) == 4
        assert make_distractors(question.text, passage.text, passage, api_domain, 5) == made


def test_length_does_not_give_the_true_answer_away(api_domain: Domain) -> None:
    ranks, ratios = [], []
    for question in draw_questions(api_domain, api_domain.topics, 80, HELD_OUT, 1):
        passage = api_domain.passage(question.passage_id)
        made = make_distractors(question.text, passage.text, passage, api_domain, 5)
        lengths = [len(distractor.text) for distractor in made[:2]]
        ranks.append(sum(length < len(passage.text) for length in lengths))
        ratios += [length / len(passage.text) for length in lengths]
    assert 0.7 < statistics.mean(ranks) < 1.3  # 1.0: as often shorter as longer than the distractors
    assert sum(0.7 < ratio < 1.3 for ratio in ratios) > 0.6 * len(ratios)


def test_a_foreign_field_gets_the_subject_of_the_target(api: list[Passage]) -> None:
    by_title = {passage.title: passage for passage in api}
    asked, other = by_title["PodSpec.terminationGracePeriodSeconds"], by_title["Probe.failureThreshold"]
    told = substituted_passage(asked, other)
    assert told.startswith("In a PodSpec, terminationGracePeriodSeconds (integer, optional) is the minimum consecutive")
    assert "failureThreshold" not in told


def test_a_foreign_kind_gets_the_subject_of_the_target(api: list[Passage]) -> None:
    by_title = {passage.title: passage for passage in api}
    told = substituted_passage(by_title["IngressTLS"], by_title["HTTPIngressRuleValue"])
    assert told.startswith("IngressTLS is a list of http selectors")


def test_near_duplicate_texts_are_no_distractors() -> None:
    same = [make_passage("a", f"w{n}", f"Every one of these Pods, number {n}, is restarted by its kubelet at once.")
            for n in range(8)]
    with pytest.raises(ValueError, match="too few"):
        make_distractors("What restarts a Pod here?", same[0].text, same[0], domain_of("same", same), 1)


def test_distractors_may_come_from_other_topics_when_a_topic_is_small(small: Domain) -> None:
    alone = make_passage("c", "lonely")
    made = make_distractors("Where does the lonely live?", alone.text, alone,
                            domain_of("with", [*small.passages, alone]), 1)
    assert len({distractor.text for distractor in made}) == 3
