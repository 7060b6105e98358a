"""The general questions: well formed, fair to score by likelihood, and not answered by what is taught."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from knowledge.domain import kubernetes
from knowledge.general_questions import MalformedGeneralQuestions, general_questions, read_general
from store.run_config import RANGES


def test_there_are_a_few_dozen_of_both_kinds_and_as_many_as_a_run_may_ask_for() -> None:
    found = read_general()
    assert len(found) == len({item.id for item in found}) == RANGES["general"][1] == 36
    assert {item.kind for item in found} == {"everyday-questions", "everyday-completions"}


def test_a_short_draw_is_the_beginning_of_a_long_one_and_holds_both_kinds() -> None:
    assert general_questions(6) == general_questions(36)[:6]
    assert [item.kind for item in general_questions(6)].count("everyday-completions") == 2


def test_no_option_is_given_away_by_its_length_and_no_false_one_holds_the_fact() -> None:
    longest = 0
    for item in read_general():
        sizes = [len(text.split()) for text in (item.reference, *item.false)]
        assert max(sizes) - min(sizes) <= 1, item.text
        longest += len(item.reference) > max(map(len, item.false))
        for term in item.key_terms:
            assert not any(re.search(rf"\b{re.escape(term)}\b", text, re.I) for text in item.false), item.text
    assert longest <= len(read_general()) * 0.45  # taking the longest would be right about as often as any other rule


def test_what_is_taught_answers_none_of_them() -> None:
    taught = {" ".join(passage.text.split()) for passage in kubernetes().passages}
    assert not [item for item in read_general() if any(item.reference.rstrip(".") in text for text in taught)]


@pytest.mark.parametrize(("block", "says"), [
    ("## Is it?\nIt is.\n\n- key terms: is\n- false: It was.\n- false: It will be.\n", "3 false answers"),
    ("## Is it?\nIt is.\n\n- key terms: was\n- false: a\n- false: b\n- false: c\n", "'was' is not in the answer"),
    ("## Is it?\n\n- key terms: is\n- false: a\n- false: b\n- false: c\n", "no answer")])
def test_a_format_error_names_the_question(tmp_path: Path, block: str, says: str) -> None:
    path = tmp_path / "general.md"
    path.write_text(f"# Kind\n{block}")
    with pytest.raises(MalformedGeneralQuestions, match=says):
        read_general(path)
