"""Make distractors for choice accuracy: plausible wrong answers, scored by likelihood against the reference answer.

Two distractors are answers to other questions of the same topic, chosen and reworded so that neither their length nor
their subject gives them away; the third is the reference answer with one fact changed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from rapidfuzz import fuzz

from knowledge.domain import Domain
from knowledge.near_duplicate_texts import SAME_TEXT
from knowledge.passages import Passage
from knowledge.passages_by_form import API_SUBJECT, PassagesByForm
from knowledge.perturbations import perturb
from knowledge.split import comparison_text

__all__ = ["FOREIGN", "Distractor", "perturb", "make_distractors"]

FOREIGN = "another passage"
# Distractors are drawn from groups of this many passages, closest in length first.
CLOSEST = 6
_ALL = ""
"""In the place of a topic: all of them."""


@dataclass(frozen=True)
class Distractor:
    """A wrong answer and the rule that made it."""

    text: str
    rule: str


def make_distractors(question_text: str, reference: str, passage: Passage, domain: Domain,
                     seed: int, preferred: frozenset[str] = frozenset(),
                     same_text: float = SAME_TEXT) -> tuple[Distractor, Distractor, Distractor]:
    """Two texts of other passages, and the reference perturbed; deterministic for the same arguments.

    Args:
        question_text: together with the seed it decides which of the eligible passages are used.
        preferred: ids of passages that are used first, such as other taught facts, so that a text that was learned
            is not told from one that was not.
        same_text: similarity from which two texts count as one.

    Raises:
        ValueError: the domain has no two other passages that differ from the reference.
    """
    rng = random.Random(f"{seed} {question_text}")
    foreign: list[Distractor] = []
    for group in _groups(reference, passage, domain, preferred, same_text):
        rng.shuffle(group)
        for other in group:
            text = substituted_passage(passage, other)
            taken = [reference, passage.text, *(distractor.text for distractor in foreign)]
            if len(foreign) < 2 and not any(fuzz.ratio(text, known) >= same_text for known in taken):
                foreign.append(Distractor(text=text, rule=FOREIGN))
        if len(foreign) == 2:
            return foreign[0], foreign[1], Distractor(*perturb(reference, seed))
    raise ValueError(f"no two distractors for {passage.title!r}: the domain {domain.name!r} has too few passages")


def substituted_passage(target: Passage, other: Passage) -> str:
    """The other passage's text, its subject replaced by the target's if the texts name their subjects."""
    ours, theirs = API_SUBJECT.match(target.text), API_SUBJECT.match(other.text)
    if target.source != "api" or other.source != "api" or bool(ours) != bool(theirs):
        return other.text
    body = other.text[theirs.end():] if theirs else other.text
    # Field first: a title is `Kind.field`, and a field may be spelled like a kind.
    for name, new in zip(reversed(other.title.split(".")), reversed(target.title.split(".")), strict=False):
        body = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", new, body, flags=re.IGNORECASE if theirs else 0)
    return f"{ours[0] if ours else ''}{body}"


def _groups(reference: str, passage: Passage, domain: Domain, preferred: frozenset[str],
            same_text: float) -> Iterator[list[Passage]]:
    """Other passages of the topic (of the whole domain, if they are few) in groups, the preferred ones' groups first;
    most similar form and length first."""
    own = comparison_text(passage)
    by_form = _by_form(domain)

    def nearest(topic: str) -> Iterator[Passage]:
        return by_form[topic].nearest(passage, len(reference)) if topic in by_form else iter(())

    def different(others: Iterator[Passage]) -> Iterator[Passage]:
        """Those that say something else, compared only as far as they are asked for."""
        return (other for other in others
                if not fuzz.ratio(comparison_text(other), own, score_cutoff=same_text))

    topic = passage.topic if len(list(islice(different(nearest(passage.topic)), CLOSEST))) == CLOSEST else _ALL
    first = (other for other in nearest(topic) if other.id in preferred) if preferred else iter(())
    for others in (first, (other for other in nearest(topic) if other.id not in preferred)):
        found = different(others)
        while group := list(islice(found, CLOSEST)):
            yield group


@lru_cache(maxsize=8)
def _by_form(domain: Domain) -> dict[str, PassagesByForm]:
    """The passages of each topic, and all of them."""
    return {_ALL: PassagesByForm(domain.passages),
            **{topic: PassagesByForm(domain.of_topic(topic)) for topic in domain.topics}}
