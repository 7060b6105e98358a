"""Sentences that offline questions are not asked about, since the question would be broken or say its own answer."""

from __future__ import annotations

import re

import pytest

from knowledge.documents.chunking import Chunk
from knowledge.documents.question_generator import finished, ranked_drafts
from knowledge.documents.sentence_splitter import sentences
from knowledge.documents.subject_phrases import page_context


def asked(sentence: str, *headings: str) -> list[str]:
    """Every question that the rules ask about a passage of one sentence."""
    chunk = Chunk("valves.html", headings or ("Feed valves",), "", (sentence,), True)
    drafts = ranked_drafts(chunk, page_context(chunk, "Plant"), frozenset())
    return [finished(text) for _, draft in drafts for text in (draft.first, draft.second) if text]


def test_an_order_with_a_clause_inside_is_no_statement_about_a_thing() -> None:
    broken = "Update the registered gauges to match what the controller expects by reading the missing values."
    assert not [text for text in asked(broken) if text.startswith("What does update")]
    assert "What does the feed controller expect?" in " ".join(asked("The feed controller expects a reply in 20 ms."))


def test_a_list_is_not_cut_before_its_last_item() -> None:
    pair = "The feed valve uses a pair of springs, a steel spring on the inner side, and a brass spring on the outer."
    assert not [text for text in asked(pair) if text.endswith("on the inner side?")]
    whole = "The feed valve uses a steel spring on the inner side of its housing, and it is tested twice."
    assert any(text.endswith("a steel spring on the inner side of its housing?") for text in asked(whole))


def test_what_is_done_to_a_thing_does_not_say_what_it_does() -> None:
    assert not [text for text in asked("`print_state()` gets invoked by `run_state()` in the main loop.")
                if text == "What does print_state() do?"]
    assert "What does print_state() do?" in " ".join(asked("`print_state()` closes the valve of every gauge in turn."))


@pytest.mark.parametrize("sentence", [
    "Valves outside the hall will be treated the same way as if they were closed by hand.",
    "<2> creates a new gauge in the northern hall of the plant.",
    "The plant does restrict the set of gauges and sensors that a feed controller may read.",
    "This reads the contents of each northern gauge into a register of its own."])
def test_what_is_asked_has_its_answer_in_the_sentence_and_is_english(sentence: str) -> None:
    found = asked(sentence, "Feed valves", "`print_state`")
    assert not [text for text in found if re.search(r"[Ww]hen will|<2>|[Ww]hat does restrict|[Ww]hat reads", text)]


def test_a_name_in_other_words_with_a_pointer_is_no_answer() -> None:
    assert asked("Set the plant namespace; see plantnamespaces(7) for details.", "PLANT_NAMESPACE") == []
    assert asked("Set the folder under which every gauge stores its log; see plant(7).", "PLANT_NAMESPACE")


@pytest.mark.parametrize("text", ['It is copied into the log message of the "amend!" commit and opened in an editor.',
                                  "The button “Stop!” closes every valve.", "The name (why?) is kept as it is."])
def test_a_mark_in_quotes_inside_a_sentence_does_not_end_it(text: str) -> None:
    assert sentences(text) == [text]
