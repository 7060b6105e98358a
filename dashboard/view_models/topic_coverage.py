"""Corpus statistics by topic: passages, questions, split, and how many were used in runs. No I/O."""

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
    """Counts of one topic. `asked` counts questions of all runs and tiers, `passages_asked` their passages."""

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
    """Filter values of the page; ANY matches everything."""

    topic: str = ANY
    side: str = ANY
    text: str = ""


def split_of_passages(domain: Domain) -> dict[str, str]:
    """Passage id -> practice, held-out, or neither (held out, but a near-duplicate of a practice passage)."""
    sides = dict.fromkeys((passage.id for passage in domain.passages), NEITHER)
    sides |= dict.fromkeys((passage.id for passage in practice_passages(domain)), PRACTICE)
    return sides | dict.fromkeys((passage.id for passage in held_out_passages(domain)), HELD_OUT)


def asked_passages(asked: Sequence[AskedPassage]) -> dict[str, int]:
    """Passage id -> number of questions in runs; runs on other corpora have other passage ids."""
    counted: Counter[str] = Counter()
    for row in asked:
        counted[row.passage_id] += row.questions
    return dict(counted)


def by_topic(domain: Domain, sides: Mapping[str, str], asked: Mapping[str, int]) -> list[TopicCoverage]:
    """One row per topic, in the order of the domain."""
    counted, names = counts(domain), domain.topic_names
    return [_row(slug, names[slug], domain.of_topic(slug),
                 {source: count.passages for source, count in counted[slug].items()}, sides, asked)
            for slug in domain.topics]


def filter_passages(passages: Sequence[Passage], sides: Mapping[str, str], choice: PassageFilter) -> list[Passage]:
    """The passages that match the filters and contain every word, in the order of the domain."""
    words = choice.text.casefold().split()
    return [passage for passage in passages
            if choice.topic in (ANY, passage.topic) and choice.side in (ANY, sides[passage.id])
            and all(word in _searchable(passage) for word in words)]


def _row(slug: str, name: str, passages: Sequence[Passage], by_source: Mapping[str, int], sides: Mapping[str, str],
         asked: Mapping[str, int]) -> TopicCoverage:
    on_side = Counter(sides[passage.id] for passage in passages)
    used = [asked[passage.id] for passage in passages if passage.id in asked]
    return TopicCoverage(slug, name, by_source, sum(len(passage.questions) for passage in passages),
                         on_side[PRACTICE], on_side[HELD_OUT], sum(used), len(used))


def _searchable(passage: Passage) -> str:
    return "\n".join((passage.title, passage.text, passage.address, *passage.key_terms, *passage.questions)).casefold()
