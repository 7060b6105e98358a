"""Read from a run's events which questions were asked, in which order, and which facts each cycle had taught."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from store import queries
from store.database import Store
from store.events import CycleChosen, DesignSealed, QuestionsAsked, Recorded, ReferencesWritten, StudySetPrepared
from store.sealed_test import rows_of_test

_KINDS = (QuestionsAsked, ReferencesWritten, StudySetPrepared, DesignSealed, CycleChosen)


@dataclass(frozen=True)
class AskedQuestions:
    """The questions of a run with their references and distractors, and the design that was sealed before them."""

    questions: Sequence[dict[str, Any]]
    """Rows as of `store/sealed_test.py` with cycle and stage, in the order of the comparison; the test is cycle 0."""
    taught: dict[str, list[str]]
    """Cycle -> passages taught so far; a cycle without an entry compares every test question."""
    design: DesignSealed | None
    """None in runs of earlier versions."""
    chosen: int | None
    """The cycle that was chosen on development questions, the only one that answered the test; None without them."""


def asked_questions(store: Store, run: str) -> AskedQuestions:
    """Read the questions of a run; of a stage that was executed again, those of its last execution."""
    latest: dict[tuple[int, str, str], Recorded] = {}
    for recorded in queries.events_of_kinds(store, run, _KINDS):
        latest[recorded.cycle or 0, recorded.stage or "", type(recorded.event).__name__] = recorded
    # A comparison takes the cycle's own questions first, then the test, then the general ones.
    stages = sorted({(cycle, stage) for cycle, stage, kind in latest if kind == "QuestionsAsked"},
                    key=lambda at: (at[0] == 0, at[0], ("held-out", "general").index(at[1]) if at[0] == 0 else 0))
    questions: list[dict[str, Any]] = []
    for cycle, stage in stages:
        asked = latest[cycle, stage, "QuestionsAsked"].event
        references = _references(latest.values(), cycle, "references" if cycle else stage)
        if isinstance(asked, QuestionsAsked):
            questions += [{"cycle": cycle, "stage": stage, **row} for row in rows_of_test(asked.questions, references)]
    taught = {str(cycle): [fact.passage_id for fact in recorded.event.facts]
              for (cycle, _, _), recorded in latest.items() if isinstance(recorded.event, StudySetPrepared)}
    design = next((one.event for one in latest.values() if isinstance(one.event, DesignSealed)), None)
    chosen = next((one.event.cycle for one in latest.values() if isinstance(one.event, CycleChosen)), None)
    return AskedQuestions(questions, taught, design, chosen)


def _references(latest: Iterable[Recorded], cycle: int, stage: str) -> tuple[Any, ...]:
    return next((one.event.references for one in latest if (one.cycle or 0, one.stage) == (cycle, stage)
                 and isinstance(one.event, ReferencesWritten)), ())
