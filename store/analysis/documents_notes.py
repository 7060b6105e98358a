"""Say before a launch where documents hold fewer facts than are asked for, and in which language. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from knowledge.domain import Domain
from knowledge.languages import is_english
from knowledge.passages import Passage
from knowledge.split import held_out_passages, practice_passages
from store.run_config import OFFLINE_TEACHER, RunConfig

_FOLDER = "folder"
"""`Passage.source` of people's own documents."""
ENGLISH_ONLY = "the offline teacher asks in English only"


@dataclass(frozen=True)
class SideCounts:
    """Passages on one side of the split, by topic."""

    all: Mapping[str, int]
    asked_offline: Mapping[str, int]
    """Those that the offline teacher has a question about."""

    def of(self, topics: Iterable[str], offline: bool) -> int:
        """Number of passages of some topics, or of those that the offline teacher asks about."""
        counted = self.asked_offline if offline else self.all
        return sum(counted.get(topic, 0) for topic in set(topics))


@dataclass(frozen=True)
class DocumentCounts:
    """How many passages documents have for each use."""

    topics: tuple[str, ...]
    passages: int
    in_another_language: int
    """Passages of people's own documents that are not in English."""
    training: SideCounts
    held_out: SideCounts


def count_documents(domain: Domain) -> DocumentCounts:
    """Count a domain's passages; takes as long as the split of the domain where that is not known yet."""
    return DocumentCounts(domain.topics, len(domain.passages),
                          sum(one.source == _FOLDER and not is_english(one.text) for one in domain.passages),
                          _side(practice_passages(domain)), _side(held_out_passages(domain)))


def _side(passages: Iterable[Passage]) -> SideCounts:
    found, asked = Counter[str](), Counter[str]()
    for passage in passages:
        found[passage.topic] += 1
        asked[passage.topic] += bool(passage.questions)
    return SideCounts(found, asked)


def facts_notes(config: RunConfig, counts: DocumentCounts) -> list[str]:
    """Both numbers, where more questions are asked for than there are passages on that side of the split.

    The offline teacher asks about a part of them only; then that part counts.
    """
    topics, offline = config.topics or counts.topics, config.teacher == OFFLINE_TEACHER
    sides = (("training", config.questions * config.cycles, counts.training),
             ("held-out", config.held_out, counts.held_out))
    which = " that the offline teacher asks about" if offline else ""
    return [f"Note: {asked:,} {side} questions are asked for, and the chosen topics have {found:,} {side} "
            f"passages{which}: some are asked about more than once, or there are fewer questions."
            for side, asked, on_side in sides if asked > (found := on_side.of(topics, offline))]


def language_note(teacher: str, counts: DocumentCounts) -> str:
    """A sentence where the offline teacher would be asked about documents in other languages; empty elsewhere."""
    if teacher != OFFLINE_TEACHER or not counts.in_another_language:
        return ""
    return (f"Note: {ENGLISH_ONLY}, and {counts.in_another_language:,} of {counts.passages:,} passages are in another "
            "language: choose a chat teacher, which asks in theirs.")


def nothing_to_ask(teacher: str, passages: int, asked_offline: int, documents: str, flag: str = "") -> str:
    """A sentence where the offline teacher has no question about any passage of the documents; empty elsewhere.

    Args:
        teacher: the teacher's name.
        passages: how many passages the documents have.
        asked_offline: about how many of them the offline teacher has a question.
        documents: the folder or address.
        flag: how the command line names the teacher.
    """
    if teacher != OFFLINE_TEACHER or asked_offline:
        return ""
    return (f"{ENGLISH_ONLY}, and has no question about any of the {passages:,} passages of {documents!r}: choose a "
            f"chat teacher{flag}, which asks in the documents' own language")
