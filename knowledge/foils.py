"""Wrong answers that look right: what a student's likelihood of the true reference is compared with.

Two foils are answers to other questions of the same topic, chosen and reworded so that neither their
length nor their subject gives them away; one is the true answer with one thing changed.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from rapidfuzz import fuzz

from knowledge.alterations import alter
from knowledge.domain import Domain
from knowledge.passages import Passage
from knowledge.split import SAME_TEXT, comparable

__all__ = ["FOREIGN", "Foil", "alter", "foils"]

FOREIGN = "another passage"
# Lengths this much apart, as a share of the reference's, count as equal.
LENGTH_LEEWAY = 0.25
# How many of the closest passages the draw is made from.
CLOSEST = 6

_API_SUBJECT = re.compile(r"^In an? \w+, [\w-]+ \((?P<type>[^)]*), (?:optional|required)\)")


@dataclass(frozen=True)
class Foil:
    """A wrong answer and the rule it was made by."""

    text: str
    rule: str


def foils(question_text: str, reference: str, passage: Passage, domain: Domain, seed: int) -> tuple[Foil, Foil, Foil]:
    """Two references of other passages and the true one altered; the same for the same arguments.

    Raises:
        ValueError: the domain has no two other passages that differ from the reference.
    """
    chance = random.Random(f"{seed} {question_text}")
    foreign: list[Foil] = []
    for group in _closest_first(reference, passage, domain):
        chance.shuffle(group)
        for other in group:
            text = in_place_of(passage, other)
            taken = [reference, passage.text, *(foil.text for foil in foreign)]
            if len(foreign) < 2 and not any(fuzz.ratio(text, known) >= SAME_TEXT for known in taken):
                foreign.append(Foil(text=text, rule=FOREIGN))
        if len(foreign) == 2:
            return foreign[0], foreign[1], Foil(*alter(reference, seed))
    raise ValueError(f"no two foils for {passage.title!r}: the domain {domain.name!r} has too few passages")


def in_place_of(asked: Passage, other: Passage) -> str:
    """The other passage's text, said of the asked passage's subject where a text names its subject."""
    ours, theirs = _API_SUBJECT.match(asked.text), _API_SUBJECT.match(other.text)
    if asked.source != "api" or other.source != "api" or bool(ours) != bool(theirs):
        return other.text
    said = other.text[theirs.end():] if theirs else other.text
    # Field first: a title is `Kind.field`, and a field may be spelled like a kind.
    for name, new in zip(reversed(other.title.split(".")), reversed(asked.title.split(".")), strict=False):
        said = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", new, said, flags=re.IGNORECASE if theirs else 0)
    return f"{ours[0] if ours else ''}{said}"


def _closest_first(reference: str, passage: Passage, domain: Domain) -> list[list[Passage]]:
    """The other passages of the topic (of the domain, if they are few), in groups of like form and length."""
    own = comparable(passage)

    def distance(other: Passage) -> tuple[bool, bool, bool, bool, float]:
        apart = abs(len(other.text) - len(reference)) / max(1, len(reference))
        return (other.topic != passage.topic, other.source != passage.source, _shape(other) != _shape(passage),
                apart > LENGTH_LEEWAY, apart)

    ranked: list[Passage] = []
    for others in (domain.of_topic(passage.topic), domain.passages):
        if len(ranked) < CLOSEST:
            ranked = sorted((other for other in others if fuzz.ratio(comparable(other), own) < SAME_TEXT), key=distance)
    return [ranked[start:start + CLOSEST] for start in range(0, len(ranked), CLOSEST)]


def _shape(passage: Passage) -> str:
    """What an answer is about, as its form shows it: a field's type, a whole kind, or plain prose."""
    field = _API_SUBJECT.match(passage.text)
    if field:
        return re.sub(r"list of .*", "list", field["type"]) if field["type"][0].islower() else "object"
    return passage.source
