"""A domain finds its passages, keeps each once, and counts them."""

from __future__ import annotations

import pytest

from knowledge.domain import Count, Domain, counts, domain_of
from knowledge.kubernetes.topics import TOPICS
from knowledge.passages import Passage, collection_hash
from tests.knowledge.made_up import make_passage


def test_a_passage_is_found_by_its_id(small: Domain) -> None:
    assert all(small.passage(passage.id) is passage for passage in small.passages)
    with pytest.raises(KeyError):
        small.passage("unknown")


def test_duplicates_by_id_are_removed_and_the_first_stays() -> None:
    first, same = make_passage("a", "amber"), make_passage("a", "amber", source="api")
    assert domain_of("twice", [first, same]).passages == (first,)


def test_topics_come_in_their_own_order_and_others_after_them() -> None:
    domain = domain_of("mixed", [make_passage(topic, "amber") for topic in ("zoo", "probes", "pods")])
    assert domain.topics == ("pods", "probes", "zoo")
    assert domain.of_topic("nowhere") == ()


def test_the_api_reference_covers_all_topics(api_domain: Domain) -> None:
    assert api_domain.topics == tuple(topic.slug for topic in TOPICS)
    assert sum(len(api_domain.of_topic(slug)) for slug in api_domain.topics) == len(api_domain.passages)


def test_counts_tell_passages_and_questions_by_source(small: Domain) -> None:
    assert counts(small) == {topic: {"notes": Count(10, 20), "api": Count(10, 20)} for topic in "ab"}


def test_the_hash_does_not_depend_on_order(small: Domain, api: list[Passage]) -> None:
    assert domain_of("back", reversed(small.passages)).hash == small.hash == collection_hash(small.passages)
    assert domain_of("less", small.passages[1:]).hash != small.hash
