"""Nothing held out is ever practised, nor anything that says nearly the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from knowledge.domain import Domain, domain_of
from knowledge.passages import Passage
from knowledge.questions import HELD_OUT, NEW_TOPIC, PARAPHRASE, PRACTICE, draw_questions
from knowledge.split import comparison_text, held_out_passages, overlapping_passages, practice_passages, side_of
from tests.knowledge.made_up import make_passage


def passage_on(side: str, topic: str, template: str, questions: tuple[str, ...] | None = None) -> Passage:
    """A passage whose text is varied at one unimportant place until it falls on a side."""
    tries = (make_passage(topic, "thing", template.format(n), questions) for n in range(200))
    return next(passage for passage in tries if side_of(passage.id) == side)


@given(st.text())
def test_a_side_is_a_pure_function_of_the_id(id: str) -> None:
    assert side_of(id) == side_of(id)
    assert side_of(id) in ("practice", "held-out")


def test_about_seventy_in_a_hundred_are_for_practice() -> None:
    practised = sum(side_of(f"passage {n}") == "practice" for n in range(10_000))
    assert 6_800 < practised < 7_200


def test_known_ids_stay_on_their_side_for_ever() -> None:
    assert [side_of(f"{n:016x}") for n in range(8)] == KNOWN_SIDES


def test_a_planted_near_duplicate_is_kept_out_of_the_test() -> None:
    template = "A Pod named {} is restarted by the kubelet when its liveness probe has failed three times in a row."
    practised, duplicate = (passage_on(side, "probes", template) for side in ("practice", "held-out"))
    other = passage_on("held-out", "probes", "Quite another fact, number {}.", ("Is another fact here?", "Which one?"))
    domain = domain_of("planted", [practised, duplicate, other])
    assert duplicate not in held_out_passages(domain)
    assert len(held_out_passages(domain)) == 1


def test_a_text_within_a_longer_one_is_a_near_duplicate() -> None:
    short = make_passage("a", "x", "The claim is bound to a volume that the cluster has provisioned for it already.")
    longer = make_passage("a", "y", f"{short.text} A second sentence adds that nothing happens until a Pod uses it.")
    assert overlapping_passages([short], [longer]) == {short.id}


def test_the_same_question_makes_a_near_duplicate() -> None:
    asked = ("How many replicas does a Deployment run by default?", "What is the default replica count?")
    one = make_passage("a", "x", "Replica counts default to one when left out of a manifest.", asked)
    other = make_passage("a", "y", "Quite another sentence with other words.", (asked[0].upper(), "Is this another?"))
    assert overlapping_passages([other], [one]) == {other.id}


def test_the_same_sentence_of_two_kinds_is_a_near_duplicate(api: list[Passage]) -> None:
    by_title = {passage.title: passage for passage in api}
    of_pod, of_container = by_title["PodSecurityContext.seLinuxOptions"], by_title["SecurityContext.seLinuxOptions"]
    assert comparison_text(of_pod).startswith("is the selinux context")
    assert overlapping_passages([of_pod], [of_container]) == {of_pod.id}


def test_different_facts_are_no_near_duplicates(small: Domain) -> None:
    assert overlapping_passages(small.passages[:1], small.passages[1:2]) == frozenset()


def test_sides_of_a_domain_do_not_touch(api_domain: Domain) -> None:
    practised, held_out = practice_passages(api_domain), held_out_passages(api_domain)
    assert not {passage.id for passage in practised} & {passage.id for passage in held_out}
    assert len(held_out) < sum(side_of(passage.id) == "held-out" for passage in api_domain.passages)
    assert {passage.topic for passage in held_out} <= set(api_domain.topics)


def test_no_held_out_passage_or_near_duplicate_is_ever_offered_for_practice(api_domain: Domain) -> None:
    def asked(*tiers: str) -> set[str]:
        return {q.passage_id for tier in tiers for q in draw_questions(api_domain, api_domain.topics, 9999, tier, 1)}

    trained, tested = asked(PRACTICE, PARAPHRASE), asked(HELD_OUT, NEW_TOPIC)
    assert trained and tested and not trained & tested
    assert all(side_of(id) == "practice" for id in trained) and all(side_of(id) == "held-out" for id in tested)
    assert not overlapping_passages([api_domain.passage(id) for id in sorted(tested)],
                               [api_domain.passage(id) for id in sorted(trained)])


KNOWN_SIDES = ["held-out", "practice"] * 4
