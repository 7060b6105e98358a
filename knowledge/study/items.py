"""Study items: made of a passage form by form, kept apart from the test's wordings, and counted by key term."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowledge.near_duplicate_questions import NearDuplicateIndex
from knowledge.passages import Passage
from knowledge.study.item_forms import ALL, FORMS
from knowledge.study.passage_parts import Source

MOST_SIBLINGS = 200
"""Of a topic with more passages, so many random ones lend their sentences and terms; the built-in topics have fewer."""
_PIECE_END = re.compile(r"(?<=[.?!:])\s+")


@dataclass(frozen=True)
class StudyItem:
    """One thing to practise: a prompt and its answer, bound to a passage."""

    passage_id: str
    form: str
    """Name of its form, see `FORMS`."""
    wording: str
    """Name of the wording within the form."""
    prompt: str
    """What the student is asked; empty for a document, of which every token is learned."""
    answer: str
    key_term: str = ""
    """The key term that the item asks for; empty if it asks for no single one."""
    complete: bool = True
    """Whether the answer ends here, with the end-of-text token; False for an opening."""


def study_items(passage: Passage, seed: int, forms: Sequence[str] = ALL, siblings: Sequence[Passage] = (),
                reference: str = "") -> tuple[StudyItem, ...]:
    """The study items of a passage, without repetitions; the same arguments give the same items on every machine.

    Args:
        forms: names of forms; a passage without what a form needs (a key term, a second sentence, siblings) has no
            items of it.
        siblings: passages of the same topic that may be trained on; false statements are taken from them.
        reference: the answer to its questions; by default the passage's text.

    Raises:
        ValueError: there is no form of that name.
    """
    if unknown := [name for name in forms if name not in FORMS]:
        raise ValueError(f"no form of study items is called {unknown[0]!r}: use {', '.join(FORMS)}")
    source = Source(passage, " ".join((reference or passage.text).split()), _some(siblings, passage, seed), seed)
    found: dict[tuple[str, str, str], StudyItem] = {}
    for name in forms:
        for wording, prompt, answer, term, complete in FORMS[name].rule(source, FORMS[name]):
            item = StudyItem(passage.id, name, wording, prompt, answer, term, complete)
            found.setdefault((name, prompt, answer), item)
    return tuple(found.values())


def _some(siblings: Sequence[Passage], passage: Passage, seed: int) -> tuple[Passage, ...]:
    """So many of the siblings that the work for one passage does not grow with its topic."""
    if len(siblings) <= MOST_SIBLINGS:
        return tuple(siblings)
    return tuple(random.Random(f"{seed} {passage.id} siblings").sample(siblings, MOST_SIBLINGS))


def without_near_duplicates(items: Iterable[StudyItem],
                            locked: NearDuplicateIndex) -> tuple[tuple[StudyItem, ...], int]:
    """The items that ask none of the locked wordings in nearly the same words, and how many were refused.

    A prompt is compared as a whole and sentence by sentence: a phrase around a locked wording does not hide it.
    """
    given = list(items)
    kept = tuple(item for item in given if not any(locked.find(piece) for piece in _pieces(item.prompt)))
    return kept, len(given) - len(kept)


def coverage(items: Iterable[StudyItem], passage: Passage) -> dict[str, int]:
    """Key term -> number of the passage's items that contain it, in prompt or answer."""
    texts = [f"{item.prompt}\n{item.answer}".casefold() for item in items if item.passage_id == passage.id]
    return {term: sum(term.casefold() in text for text in texts) for term in passage.key_terms}


def _pieces(prompt: str) -> list[str]:
    return list(dict.fromkeys(piece for piece in (prompt, *_PIECE_END.split(prompt)) if piece))
