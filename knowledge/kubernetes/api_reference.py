"""Passages from the Kubernetes v1.28 API reference, one per kind or field.

Selects the descriptions that are worth asking about and gives their address. `api_models` reads the descriptions,
`api_wording` words the passages, `api_questions` the questions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from knowledge.key_terms import candidate_terms, key_terms, word_counts
from knowledge.kubernetes.api_models import ApiField, ApiKind, ApiReferenceMissing, read_kinds
from knowledge.kubernetes.api_questions import Wordings, field_questions, kind_questions
from knowledge.kubernetes.api_sentences import sentences
from knowledge.kubernetes.api_wording import field_text, is_boilerplate, kind_text
from knowledge.kubernetes.topics import topic_of_kind
from knowledge.near_duplicate_questions import NearDuplicateIndex
from knowledge.passages import Passage, passage_id

__all__ = ["ApiReferenceMissing", "read_api_reference"]

REFERENCE_PAGE = "https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.28/"
FEWEST_WORDS, MOST_WORDS = 15, 75

# Suffix of an API group's name in addresses, where it differs from the module's name.
_GROUP_SUFFIX = {"admissionregistration": "-k8s-io", "apiextensions": "-k8s-io", "apiregistration": "-k8s-io",
                 "authentication": "-k8s-io", "authorization": "-k8s-io", "certificates": "-k8s-io",
                 "coordination": "-k8s-io", "discovery": "-k8s-io", "events": "-k8s-io", "networking": "-k8s-io",
                 "node": "-k8s-io", "rbac": "-authorization-k8s-io", "scheduling": "-k8s-io", "storage": "-k8s-io",
                 "flowcontrol": "-apiserver-k8s-io"}
_NOT_WORTH_ASKING = re.compile(r"\bdeprecated\b|no longer (?:used|supported|implemented)|not (?:yet )?implemented|"
                               r"placeholder|tombstone|for internal use", re.I)


@dataclass(frozen=True)
class _Draft:
    """A passage without key terms, which need the texts of all passages."""

    kind: ApiKind
    title: str
    text: str
    body: str
    wordings: Wordings


def read_api_reference(package_folder: Path | None = None) -> list[Passage]:
    """One passage for every kind and field that belongs to a topic and has a specific description.

    Raises:
        ApiReferenceMissing: the package `lightkube-models` is not installed.
    """
    drafts = list(_without_repeats(_drafts(read_kinds(package_folder))))
    document_counts = word_counts(draft.text for draft in drafts)
    asked = NearDuplicateIndex(question for draft in drafts for question in draft.wordings.questions)
    passages = []
    for draft in drafts:
        topic, questions = topic_of_kind(draft.kind.name), draft.wordings.questions
        if topic and _says_enough(draft, candidate_terms(draft.text, " ".join(questions), document_counts)):
            test_questions = _test_question(draft, asked)
            passages.append(Passage(id=passage_id(topic.slug, draft.text), topic=topic.slug, source="api",
                                    title=draft.title, text=draft.text, address=address_of(draft.kind),
                                    key_terms=key_terms(draft.text, " ".join((*questions, *test_questions)),
                                                        document_counts),
                                    questions=questions, test_questions=test_questions))
    return passages


def _test_question(draft: _Draft, asked: NearDuplicateIndex) -> tuple[str, ...]:
    """The draft's first test question that nearly repeats no other question, which is added to `asked`; or none."""
    for text in draft.wordings.test_questions:
        if asked.find(text) is None:
            asked.add(text)
            return (text,)
    return ()


def address_of(kind: ApiKind) -> str:
    """The kind's URL on the official reference page."""
    return f"{REFERENCE_PAGE}#{kind.name.lower()}-{kind.version}-{kind.group}{_GROUP_SUFFIX.get(kind.group, '')}"


def _drafts(kinds: list[ApiKind]) -> Iterator[_Draft]:
    for kind in kinds:
        if topic_of_kind(kind.name) is None or kind.name.endswith("List") or _NOT_WORTH_ASKING.search(kind.description):
            continue
        if not kind.name.endswith("Condition") and _fits(text := kind_text(kind)):
            yield _Draft(kind, kind.name, text, text, kind_questions(kind, text))
        for field in kind.fields:
            if _worth_asking(kind, field) and _fits(text := field_text(kind, field)):
                body = " ".join(sentences(field.description))
                yield _Draft(kind, f"{kind.name}.{field.name}", text, body, field_questions(kind, field, text))


def _worth_asking(kind: ApiKind, field: ApiField) -> bool:
    if is_boilerplate(field) or _NOT_WORTH_ASKING.search(field.description):
        return False
    # Short descriptions of specs, statuses and conditions are the same for every kind.
    boilerplate = field.name in ("spec", "status") or kind.name.endswith("Condition")
    return len(field.description) > (200 if boilerplate else 0)


def _says_enough(draft: _Draft, terms: tuple[str, ...]) -> bool:
    """Whether the text holds enough terms to be worth asking about: two, or a single one in a longer text."""
    return len(terms) > 1 or (len(terms) == 1 and len(draft.body.split()) > 12)


def _fits(text: str) -> bool:
    return FEWEST_WORDS <= len(text.split()) <= MOST_WORDS


def _without_repeats(drafts: Iterator[_Draft]) -> Iterator[_Draft]:
    """Drop repeated descriptions: many kinds share one (`secretRef`, `fsType`); the first is kept."""
    seen: set[str] = set()
    for draft in drafts:
        normalized = re.sub(r"\W+", " ", draft.body).casefold()
        if normalized not in seen:
            seen.add(normalized)
            yield draft
