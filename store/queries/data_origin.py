"""Query who wrote a run's questions and references."""

from __future__ import annotations

from collections import Counter

from store.data_origin import Origin, kind_of_writer
from store.database import Store
from store.events import QuestionsAsked, QuestionsRejected, Recorded, ReferencesWritten
from store.queries.event_log import events_of_kinds

_PARTS = {"held-out": "test", "general": "general", "questions": "training", "references": "training"}
"""Stage that recorded questions or references -> the set, as sentences name it."""


def origins_of(store: Store, run: str) -> list[Origin]:
    """Return who wrote each set of a run; of a stage that was executed again, its last execution counts."""
    latest: dict[tuple[int, str, str], Recorded] = {}
    for recorded in events_of_kinds(store, run, (QuestionsAsked, QuestionsRejected, ReferencesWritten)):
        if recorded.stage in _PARTS:
            latest[recorded.cycle or 0, recorded.stage, recorded.event.event_type] = recorded
    questions, references, rejected = Counter[tuple[str, str]](), Counter[tuple[str, str]](), Counter[str]()
    for (_, stage, _), recorded in latest.items():
        event, part = recorded.event, _PARTS[stage]
        if isinstance(event, QuestionsAsked):
            questions[part, event.teacher] += len(event.questions)
        elif isinstance(event, ReferencesWritten):
            references[part, event.teacher] += sum(one.text is not None for one in event.references)
        elif isinstance(event, QuestionsRejected):
            rejected[part] += len(event.rejected)
    return [Origin(part, kind_of_writer(writer), writer, count, references[part, writer], rejected[part])
            for (part, writer), count in questions.items()]
