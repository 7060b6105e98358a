"""A domain: all passages that can be taught, indexed by topic and by id."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

from knowledge.disk_cache import cached, input_digest
from knowledge.given_questions import GivenQuestion, QuestionFile
from knowledge.kubernetes.api_models import models_folder
from knowledge.kubernetes.api_reference import read_api_reference
from knowledge.kubernetes.notes import NOTES_FOLDER, read_notes
from knowledge.kubernetes.topics import BUILT_IN, BUILT_IN_NAME, TOPIC_BY_SLUG, TOPICS
from knowledge.passages import Passage, collection_hash


@dataclass(frozen=True)
class Count:
    """Number of passages and questions of one source on one topic."""

    passages: int
    questions: int


# Compared by identity: a domain is built once; compare `hash` to see whether two have the same passages.
@dataclass(frozen=True, eq=False)
class Domain:
    """A named collection of passages."""

    name: str
    passages: tuple[Passage, ...]
    hash: str
    """`collection_hash` of the passages; a run records it as the knowledge it used."""
    given_names: Mapping[str, str] = field(default_factory=dict)
    """Topic names supplied with the passages, by slug; `topic_names` has all."""
    follows_from: str = ""
    """Hash of everything the passages are derived from, as key for `disk_cache`; empty: nothing is cached."""
    given: tuple[GivenQuestion, ...] = ()
    """Questions that people brought, with their answers; then `hash` covers them too."""
    given_in: tuple[QuestionFile, ...] = ()
    """The files that they came in."""
    excluded: frozenset[str] = frozenset()
    """Ids of passages that are used on neither side, because an earlier run had them on the other (`earlier`)."""

    @cached_property
    def topics(self) -> tuple[str, ...]:
        """Slugs of the topics that have passages: the built-in ones in their order, then any others."""
        present = dict.fromkeys(passage.topic for passage in self.passages)
        built_in = [topic.slug for topic in TOPICS if topic.slug in present]
        return (*built_in, *(slug for slug in present if slug not in built_in))

    @cached_property
    def topic_names(self) -> dict[str, str]:
        """Slug -> display name, in the order of `topics`: the given name, the built-in one, else the slug."""
        built_in = {slug: topic.name for slug, topic in TOPIC_BY_SLUG.items()}
        return {slug: self.given_names.get(slug) or built_in.get(slug, slug) for slug in self.topics}

    def of_topic(self, slug: str) -> tuple[Passage, ...]:
        """The passages of a topic; empty for an unknown topic."""
        return self._by_topic.get(slug, ())

    def passage(self, id: str) -> Passage:
        """The passage with an id.

        Raises:
            KeyError: no such passage.
        """
        return self._by_id[id]

    @cached_property
    def _by_id(self) -> dict[str, Passage]:
        return {passage.id: passage for passage in self.passages}

    @cached_property
    def _by_topic(self) -> dict[str, tuple[Passage, ...]]:
        return {slug: tuple(passage for passage in self.passages if passage.topic == slug) for slug in self.topics}


def domain_of(name: str, passages: Iterable[Passage], topic_names: Mapping[str, str] | None = None) -> Domain:
    """Build a domain; of passages with the same id, the first is kept.

    Args:
        topic_names: slug -> display name, for topics that are not built in.
    """
    unique: dict[str, Passage] = {}
    for passage in passages:
        unique.setdefault(passage.id, passage)
    return Domain(name=name, passages=tuple(unique.values()), hash=collection_hash(unique.values()),
                  given_names=topic_names or {})


def with_passages(domain: Domain, passages: Iterable[Passage]) -> Domain:
    """Return a domain with further passages; its hash stays that of the documents, and nothing of it is cached."""
    unique = {passage.id: passage for passage in (*domain.passages, *passages)}
    return replace(domain, passages=tuple(unique.values()), follows_from="")


@functools.cache
def kubernetes() -> Domain:
    """The built-in domain: the project's notes, then the API reference.

    Raises:
        MalformedNote: a note has a format error.
        ApiReferenceMissing: `lightkube-models` is not installed.
    """
    digest = input_digest([*sorted(NOTES_FOLDER.glob("*.md")), *sorted(models_folder().glob("*.py"))])
    found = cached(BUILT_IN, digest, lambda: [asdict(passage) for passage in (*read_notes(), *read_api_reference())])
    return replace(domain_of(BUILT_IN_NAME, map(passage_from_values, found)), follows_from=digest)


def passage_from_values(values: dict[str, Any]) -> Passage:
    """The passage with these fields, as read from JSON."""
    return Passage(**values | {name: tuple(values[name]) for name in ("key_terms", "questions", "test_questions")})


def counts(domain: Domain) -> dict[str, dict[str, Count]]:
    """Topic -> source -> number of passages and questions."""
    table: dict[str, dict[str, Count]] = {}
    for slug in domain.topics:
        passages = domain.of_topic(slug)
        table[slug] = {source: Count(passages=sum(p.source == source for p in passages),
                                     questions=sum(len(p.questions) for p in passages if p.source == source))
                       for source in dict.fromkeys(passage.source for passage in passages)}
    return table
