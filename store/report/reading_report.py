"""Gather what reading a folder of documents came to, for its owner: what is taught, what is left out, and why."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rapidfuzz import fuzz, process

from knowledge.documents.file_discovery import SkippedFile
from knowledge.documents.ingest import IngestResult, ReadFile
from knowledge.documents.left_out_sentences import LeftOutSentence
from knowledge.domain import Domain
from knowledge.languages import language_of
from knowledge.passages import Passage
from knowledge.split import HELD_OUT_SIDE, comparison_text, held_out_passages, practice_passages, side_of

NEAR_DUPLICATES_SHOWN = 10


@dataclass(frozen=True)
class TopicCounts:
    """One topic's passages by side of the split."""

    name: str
    passages: int
    training: int
    held_out: int


@dataclass(frozen=True)
class NearDuplicate:
    """A held-out passage that says nearly the same as a training passage, and is used on neither side."""

    held_out: str
    held_out_address: str
    training: str
    training_address: str
    similarity: float
    """0 to 1."""


@dataclass(frozen=True)
class ReadingReport:
    """What a folder holds for a run."""

    name: str
    folder: str
    made_at: str
    """UTC, ISO 8601."""
    knowledge_hash: str
    """Of the passages; a run on these documents records the same."""
    files_sha256: str
    """Hash of the paths and hashes of all files that were read."""
    passages: int
    training: int
    held_out: int
    near_duplicates: int
    """Passages that are on neither side."""
    repeated: int
    """Passages left out because an earlier one has the same text."""
    passed_over: int
    """Passages beyond the most that are kept."""
    with_questions: int
    """Passages that the offline teacher has a question about."""
    languages: Mapping[str, int]
    """Language code -> passages."""
    topics: Sequence[TopicCounts]
    files: Sequence[ReadFile]
    left_out: Sequence[SkippedFile]
    remarks: Sequence[SkippedFile]
    sentences_left_out: Mapping[str, int]
    """Rule -> sentences."""
    examples: Mapping[str, Sequence[LeftOutSentence]]
    """Rule -> up to ten of its sentences."""
    near_duplicate_examples: Sequence[NearDuplicate]


def reading_report(reading: IngestResult, domain: Domain, folder: str) -> ReadingReport:
    """Gather the report of a folder.

    Args:
        reading: what was read.
        domain: the domain of its passages.
        folder: as the owner named it.
    """
    training, held_out = practice_passages(domain), held_out_passages(domain)
    tested = {passage.id for passage in held_out}
    excluded = [passage for passage in domain.passages
                if side_of(passage.id) == HELD_OUT_SIDE and passage.id not in tested]
    sides = [Counter(passage.topic for passage in side) for side in (domain.passages, training, held_out)]
    hashes = "\n".join(f"{file.sha256} {file.path}" for file in reading.files)
    return ReadingReport(
        name=domain.name, folder=folder, made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        knowledge_hash=domain.hash, files_sha256=hashlib.sha256(hashes.encode()).hexdigest(),
        passages=len(domain.passages), training=len(training), held_out=len(held_out), near_duplicates=len(excluded),
        repeated=reading.repeated, passed_over=reading.passed_over,
        with_questions=sum(bool(passage.wordings) for passage in domain.passages),
        languages=dict(Counter(language_of(passage.text) for passage in domain.passages).most_common()),
        topics=[TopicCounts(name, *(side[slug] for side in sides)) for slug, name in domain.topic_names.items()],
        files=reading.files, left_out=reading.skipped, remarks=reading.remarks,
        sentences_left_out=reading.sentences_left_out, examples=reading.examples,
        near_duplicate_examples=_nearest(excluded[:NEAR_DUPLICATES_SHOWN], training))


def reading_json(report: ReadingReport) -> str:
    """The whole report as JSON; nothing is shortened but examples, of which there are ten a rule."""
    return json.dumps(dataclasses.asdict(report), ensure_ascii=False, indent=1)


def _nearest(excluded: Sequence[Passage], training: Sequence[Passage]) -> list[NearDuplicate]:
    texts = [comparison_text(passage) for passage in training]
    found = []
    for passage in excluded:
        text = comparison_text(passage)
        nearest = max((process.extractOne(text, texts, scorer=scorer) for scorer in (fuzz.ratio, fuzz.token_set_ratio)),
                      key=lambda match: match[1])
        other = training[nearest[2]]
        found.append(NearDuplicate(passage.text, passage.address, other.text, other.address, nearest[1] / 100))
    return found
