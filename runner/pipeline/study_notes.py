"""What is not as planned in a cycle's study items, one sentence each. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from knowledge.given_questions import ANSWER_ALONE, GIVEN
from knowledge.passages import Passage
from knowledge.study.passage_parts import sentences
from store.analysis.training_note import FEWEST
from store.control_arms import CONTEXT_ITEMS
from store.events import FactsWritten

_SHOWN_REASONS = 160


def passage_notes(passages: Sequence[Passage]) -> list[str]:
    """Say how many passages lack what a form needs: a key term, a second sentence."""
    notes = []
    if count := sum(not passage.key_terms for passage in passages):
        notes.append(f"{_of(count, passages)} without a key term: no gaps, short answers and choices of terms about "
                     "them, and no fact recall")
    if count := sum(len(sentences(passage.text)) < 2 for passage in passages):
        notes.append(f"{_of(count, passages)} of one sentence: no sentence order about them")
    return notes


def given_notes(passages: Sequence[Passage]) -> list[str]:
    """Say what cannot be had of questions that people brought: most forms, and without a passage reading too."""
    notes = []
    if count := sum(passage.source in GIVEN for passage in passages):
        notes.append(f"{_of(count, passages)} a question that people brought, without a title of its own: studied as "
                     "questions, short answers and gaps only")
    if count := sum(passage.source == ANSWER_ALONE for passage in passages):
        notes.append(f"{_of(count, passages)} an answer alone, without a passage: no evidence, no faithfulness, and "
                     "nothing to retrieve or to read")
    return notes


def edited_notes(count: int) -> list[str]:
    """Say how many questions people edited, which are studied without their passages."""
    return [f"{count} questions or references that people edited: studied as questions, short answers and gaps of "
            "the edited answer, without the passage, which may say otherwise"] if count else []


def question_notes(asked: int, wanted: int) -> list[str]:
    """Say that fewer training questions were found than were asked for."""
    return [f"{asked} of {wanted} training questions could be asked: the documents hold no more that are new and not "
            "in the test; add documents or topics, or ask for fewer"] if asked < wanted else []


def reading_notes(shortened: int, tokens: int, refused: int, taught: int) -> list[str]:
    """Say what is not as planned of the reading items.

    Args:
        shortened: items that show fewer passages than the retrieval arm, so that they fit into `tokens`.
        tokens: the longest example.
        refused: items that nearly repeat a test question.
        taught: passages that are both read and taught closed-book.
    """
    notes = []
    if shortened:
        notes.append(f"{shortened} reading items show fewer than {CONTEXT_ITEMS} passages: more would not fit into "
                     f"{tokens} tokens")
    if refused:
        notes.append(f"{refused} reading items were left out: they nearly repeat a test question")
    if taught:
        notes.append(f"reading is trained on {taught} passages that are also taught without notes, because there are "
                     "too few others with questions: the student may answer these from memory instead of reading")
    return notes


def written_notes(event: FactsWritten, passages: Sequence[Passage], alone: bool) -> list[str]:
    """Say what the teacher did not write, and what was refused.

    Args:
        alone: whether only the teacher's facts are studied; else items by rule stand beside them.
    """
    notes = []
    if event.without:
        instead = "their training question and text alone" if alone else "items by rule alone"
        notes.append(f"{_of(len(event.without), passages)} without a usable fact of the teacher "
                     f"({event.without[0].reason[:_SHOWN_REASONS]}): taught by {instead}")
    if event.refused:
        notes.append(f"{len(event.refused)} texts of the teacher refused, such as "
                     f"{event.refused[0].text[:_SHOWN_REASONS]!r} ({event.refused[0].reason})")
    return notes


def presentation_notes(shown: Mapping[str, int], facts: Sequence[str]) -> list[str]:
    """Say how many facts the training's length leaves out, or presents too seldom.

    Args:
        shown: passage id -> number of presentations.
        facts: ids of the passages that are trained.
    """
    never = sum(not shown.get(id) for id in facts)
    rarely = sum(0 < shown.get(id, 0) < FEWEST for id in facts)
    notes = [f"{never} of {len(facts)} facts are never presented, because training is too short for them: allow more "
             "time, or ask for fewer questions"] if never else []
    if rarely:
        notes.append(f"{rarely} of {len(facts)} facts are presented fewer than {FEWEST} times each: too seldom to be "
                     "learned")
    return notes


def _of(count: int, passages: Sequence[Passage]) -> str:
    return f"{count} of {len(passages)} passages {'is' if count == 1 else 'are'}"
