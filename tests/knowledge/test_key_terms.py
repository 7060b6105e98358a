"""Key terms are facts: the filter against terms checked by hand, and passages that have none."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from knowledge.key_terms import candidate_terms, key_terms
from knowledge.stopwords import is_fact
from knowledge.questions import evidence_of
from tests.knowledge.made_up import make_passage


class Checked(NamedTuple):
    """A row of the sheet, which begins with the rule by which it was judged."""

    draw: str
    source: str
    term: str
    judged: str
    filter: str
    context: str


SHEET = [Checked(*line.split("\t"))
         for line in (Path(__file__).parent / "key_terms_checked.tsv").read_text(encoding="utf-8").splitlines()
         if not line.startswith("#")]


def test_the_filter_keeps_and_drops_what_it_did_when_the_sheet_was_checked() -> None:
    assert [row for row in SHEET if is_fact(row.term, row.context) != (row.filter == "kept")] == []


def test_nearly_all_that_the_filter_keeps_are_facts_and_few_facts_are_lost() -> None:
    before = [row for row in SHEET if row.draw == "1"]
    assert Counter(row.source for row in before) == {"notes": 66, "api": 67, "folder": 67}
    facts = [row for row in before if row.judged == "fact"]
    kept = [row for row in before if row.filter == "kept"]
    assert len(facts) / len(before) < 0.75, "the share of facts before there was a filter"
    assert sum(row.judged == "fact" for row in kept) / len(kept) > 0.95
    assert sum(row.filter == "kept" for row in facts) / len(facts) > 0.9


def test_of_200_key_terms_of_each_source_at_least_80_percent_are_facts() -> None:
    drawn = [row for row in SHEET if row.draw == "3"]
    assert Counter(row.source for row in drawn) == {"notes": 200, "api": 200, "folder": 200}
    facts = Counter(row.source for row in drawn if row.judged == "fact")
    assert facts == {"notes": 193, "api": 176, "folder": 167}
    assert min(facts.values()) >= 0.8 * 200


@pytest.mark.parametrize("term", ["However", "addr", "correctly", "class", "behavior", "declares", "API", "VAR_NAME"])
def test_words_of_a_sentence_s_build_are_no_facts(term: str) -> None:
    assert not is_fact(term, f"This is {term} of the thing.")


@pytest.mark.parametrize("term", ["10", "true", "immutable", "maxSurge", "Defaults to 3", "/healthz", "--force"])
def test_values_identifiers_and_telling_words_are_facts(term: str) -> None:
    assert is_fact(term, f"The thing is {term} here.")


def test_a_verb_between_a_modal_and_an_article_is_no_fact() -> None:
    assert not is_fact("evict", "The system may evict the pod.")
    assert is_fact("evict", "The verb evict is needed.")


def test_a_text_of_plain_words_has_no_key_terms_and_its_first_sentence_is_the_evidence() -> None:
    text = "It generally declares several other things. They may behave accordingly."
    counts = Counter(dict.fromkeys(text.lower().replace(".", "").split(), 5))
    assert key_terms(text, "What is it?", counts) == () and candidate_terms(text, "What is it?", counts) != ()
    assert evidence_of(make_passage("a", "amber", text)) == "It generally declares several other things."


def test_a_term_that_a_test_question_contains_is_no_key_term() -> None:
    text = "The limit is maxSurge and the other one is maxUnavailable."
    assert key_terms(text, "What is the limit?", Counter()) == ("maxSurge", "maxUnavailable")
    assert key_terms(text, "What is the limit? What beside MaxSurge?", Counter()) == ("maxUnavailable",)
