"""The notes: every topic has enough passages in the right form, and none says what another says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from knowledge.kubernetes.notes import MalformedNote, read_note_file, read_notes
from knowledge.kubernetes.topics import TOPICS

NOTES = read_notes()


def test_every_topic_has_at_least_fifteen_passages() -> None:
    counts = Counter(passage.topic for passage in NOTES)
    assert set(counts) == {topic.slug for topic in TOPICS}
    assert min(counts.values()) >= 15


def test_no_text_question_or_heading_stands_twice() -> None:
    texts = Counter(" ".join(passage.text.casefold().split()) for passage in NOTES)
    questions = Counter(question.casefold() for passage in NOTES for question in passage.wordings)
    headings = Counter((passage.topic, passage.title.casefold()) for passage in NOTES)
    assert [text for counter in (texts, questions, headings) for text, count in counter.items() if count > 1] == []


def test_every_passage_has_one_to_four_sentences_three_wordings_and_an_official_address() -> None:
    for passage in NOTES:
        sentences = passage.text.count(". ") + 1
        assert 1 <= sentences <= 4, passage.title
        assert len(passage.questions) >= 2 and len(passage.test_questions) >= 1, passage.title
        assert passage.address.startswith(("https://kubernetes.io/", "https://github.com/kubernetes/")), passage.address


def test_every_key_term_occurs_in_its_passage() -> None:
    assert [(passage.title, term) for passage in NOTES for term in passage.key_terms
            if term.casefold() not in passage.text.casefold()] == []


def test_no_test_question_contains_a_key_term_of_its_passage() -> None:
    assert [(term, question) for passage in NOTES for question in passage.test_questions for term in passage.key_terms
            if term.casefold() in question.casefold()] == []


SOURCE, TERMS, ASKED = "- source: https://kubernetes.io/x\n", "- key terms: small\n", "- question: A?\n- question: B?\n"


@pytest.mark.parametrize(("slip", "says"), [
    (f"{SOURCE}- key terms: absent\n{ASKED}- test: C?", "does not occur"),
    (f"- source: here\n{TERMS}{ASKED}- test: C?", "not an https address"),
    (f"{SOURCE}{TERMS}- question: A?\n- test: C?", "fewer than two questions"),
    (f"{SOURCE}{TERMS}- question: A?\n- question: B\n- test: C?", "'B' does not end in a question mark"),
    (f"{SOURCE}{TERMS}{ASKED}- test: C", "'C' does not end in a question mark"),
    (f"{SOURCE}{TERMS}{ASKED}", "no test question; add a line '- test: ...\\?'"),
    (f"{SOURCE}{TERMS}{ASKED}- test: Is it Small?", "'Is it Small\\?' contains the key term 'small'"),
    (f"{SOURCE}{TERMS}- question: How big is a Pod?\n- question: B?\n- test: How big are the Pods?",
     "'How big are the Pods\\?' nearly repeats the question 'How big is a Pod\\?'"),
])
def test_a_format_error_names_file_and_heading(tmp_path: Path, slip: str, says: str) -> None:
    path = tmp_path / "pods.md"
    path.write_text(f"# Pods\n\n## A heading\nA Pod is small.\n\n{slip}\n")
    with pytest.raises(MalformedNote, match=rf"pods\.md, 'A heading'.*{says}"):
        read_note_file(path)
