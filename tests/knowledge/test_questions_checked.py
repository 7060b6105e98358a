"""Questions of real documents that were checked by hand: each is still asked, and enough of them pass."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from knowledge.documents.chunking import Chunk
from knowledge.documents.question_checks import may_be_asked
from knowledge.documents.question_generator import finished, ranked_drafts
from knowledge.documents.subject_phrases import page_context

FOLDER = Path(__file__).parent / "questions_checked"
TREES = {"git": "Git", "postgresql": "PostgreSQL", "python": "Python", "sqlite": "SQLite"}
CRITERIA = ("answerable", "self_contained", "not_trivial")
Row = dict[str, str]


def sheet(tree: str) -> list[Row]:
    """The rows of a tree's sheet."""
    with (FOLDER / f"{tree}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def asked_of(row: Row, project: str) -> list[str]:
    """All questions that the rules ask about a row's passage."""
    chunk = Chunk(row["path"], tuple(row["headings"].split(" > ")), "", tuple(row["passage"].split("\n")),
                  row["opens"] == "yes")
    drafts = ranked_drafts(chunk, page_context(chunk, project), frozenset(row["lower_words"].split()))
    return [finished(text) for _, draft in drafts for text in (draft.first, draft.second) if text]


@pytest.mark.parametrize(("tree", "project"), TREES.items())
def test_the_rules_still_ask_every_question_of_the_sheet(tree: str, project: str) -> None:
    rows = sheet(tree)
    assert [int(row["number"]) for row in rows] == list(range(1, 61))
    assert [row["question"] for row in rows if row["question"] not in asked_of(row, project)] == []


@pytest.mark.parametrize("tree", TREES)
def test_at_least_80_percent_are_answerable_self_contained_and_not_trivial(tree: str) -> None:
    rows = sheet(tree)
    for row in rows:
        assert {row[name] for name in (*CRITERIA, "passes")} <= {"yes", "no"}
        assert (row["passes"] == "yes") == all(row[name] == "yes" for name in CRITERIA)
        assert (row["reason"] == "") == (row["passes"] == "yes"), "a question that fails has a reason"
        assert row["answer"] in row["passage"].replace("`", "").replace("\n", " ")
    passed = sum(row["passes"] == "yes" for row in rows)
    assert passed >= 0.8 * len(rows)
    told = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"| {passed} of {len(rows)} ({passed / len(rows):.0%}) |" in told


@pytest.mark.parametrize("question", [
    "works correctly with", "matter to somebody", "What is true of", "What role does"])
def test_forms_that_ask_for_nothing_in_particular_are_gone(question: str) -> None:
    assert not any(question in text for tree, project in TREES.items() for row in sheet(tree)
                   for text in asked_of(row, project))


@pytest.mark.parametrize("sentence", [
    "the rest of a sentence that began elsewhere is here.", "See the list below for all of the options.",
    "--signoff:: Add a trailer to the commit.", "As in the previous section, the same holds."])
def test_what_is_no_whole_sentence_or_points_elsewhere_is_not_asked_about(sentence: str) -> None:
    assert not may_be_asked(sentence)


def test_the_sheets_hold_no_path_of_a_machine() -> None:
    assert not any(re.search(r"^/(?:tmp|home|root|work)", row["path"]) for tree in TREES for row in sheet(tree))
