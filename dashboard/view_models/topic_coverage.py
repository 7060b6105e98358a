"""How much a knowledge base holds on each topic, and how much of it was asked so far. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from knowledge.domain import Domain, counts
from knowledge.passages import Passage
from knowledge.split import held_out_passages, practice_passages
from store.queries import AskedPassage

ANY = "all"
PRACTICE, HELD_OUT, NEITHER = "practice", "held-out", "neither"
SIDES = (PRACTICE, HELD_OUT, NEITHER)


@dataclass(frozen=True)
class TopicCoverage:
    """One topic. `asked` counts questions of all runs and tiers; `passages_asked` the passages behind them."""

    slug: str
    name: str
    by_source: Mapping[str, int]
    questions: int
    practice: int
    held_out: int
    asked: int
    passages_asked: int

    @property
    def passages(self) -> int:
        return sum(self.by_source.values())


@dataclass(frozen=True)
class PassageFilter:
    """Which passages a person wants to see; ANY leaves a filter open."""

    topic: str = ANY
    side: str = ANY
    words: str = ""


def split_of_passages(domain: Domain) -> dict[str, str]:
    """Passage id -> practice, held-out, or neither: a held-out passage that a practice one gives away."""
    sides = dict.fromkeys((passage.id for passage in domain.passages), NEITHER)
    sides |= dict.fromkeys((passage.id for passage in practice_passages(domain)), PRACTICE)
    return sides | dict.fromkeys((passage.id for passage in held_out_passages(domain)), HELD_OUT)


def asked_passages(asked: Sequence[AskedPassage]) -> dict[str, int]:
    """Passage id -> questions asked about it; runs on other knowledge rest on other ids."""
    found: Counter[str] = Counter()
    for row in asked:
        found[row.passage_id] += row.questions
    return dict(found)


def by_topic(domain: Domain, sides: Mapping[str, str], asked: Mapping[str, int]) -> list[TopicCoverage]:
    """One row a topic, in the order of the domain."""
    counted, names = counts(domain), domain.topic_names
    return [_row(slug, names[slug], domain.of_topic(slug),
                 {source: count.passages for source, count in counted[slug].items()}, sides, asked)
            for slug in domain.topics]


def filter_passages(passages: Sequence[Passage], sides: Mapping[str, str], choice: PassageFilter) -> list[Passage]:
    """The passages that fit the filters and hold every word, in the order of the domain."""
    words = choice.words.casefold().split()
    return [passage for passage in passages
            if choice.topic in (ANY, passage.topic) and choice.side in (ANY, sides[passage.id])
            and all(word in _searchable(passage) for word in words)]


def _row(slug: str, name: str, passages: Sequence[Passage], by_source: Mapping[str, int], sides: Mapping[str, str],
         asked: Mapping[str, int]) -> TopicCoverage:
    on_side = Counter(sides[passage.id] for passage in passages)
    behind = [asked[passage.id] for passage in passages if passage.id in asked]
    return TopicCoverage(slug, name, by_source, sum(len(passage.questions) for passage in passages),
                         on_side[PRACTICE], on_side[HELD_OUT], sum(behind), len(behind))


def _searchable(passage: Passage) -> str:
    return "\n".join((passage.title, passage.text, passage.address, *passage.key_terms, *passage.questions)).casefold()
