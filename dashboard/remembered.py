"""What was read of a run or of a folder, kept until it changes; bounded, so that a long-lived process does not grow.

Keys are the store's address, the run and its last event id; the store itself is no part of a key (its name
begins with an underscore, which Streamlit takes for that). What is kept is shared by all sessions as it is, not copied
for each look: nobody changes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard import knowledge_source
from dashboard.knowledge_source import Knowledge
from store import queries, tuned_beside_tuned
from store.database import Store
from store.queries import (
    AnswerPair, ArmAnswer, ArmChange, ArmPrompt, AskedPassage, Audit, ChangeRow, CurveRow, Cycle, Gap, Happening,
    Judging, PastStage, Rating, Run, StageState, TeacherUsage,
)
from store.queries.best import BestAdapter, best_adapter
from store.queries.memory import StageMemory, memory_by_stage
from store.tuned_beside_tuned import Beside, Refused, side


@dataclass(frozen=True)
class Arms:
    """Everything that was recorded of a run's control arms."""

    changes: list[ArmChange]
    gaps: list[Gap]
    prompts: list[ArmPrompt]


@dataclass(frozen=True)
class Judges:
    """Who judged a run's answers: the trials of its own judges, and every later judging with its trials and changes."""

    trials: list[Audit]
    again: list[tuple[Judging, list[ChangeRow], list[Audit]]]


def answers(store: Store, run: Run, cycle: int, judging: int = 0) -> list[AnswerPair]:
    """The scores are the run's own, or those of a later judging."""
    return _answers(store, store.url, run.id, cycle, judging, run.last_event_id)


def judges(store: Store, run: Run) -> Judges:
    return _judges(store, store.url, run.id, run.last_event_id)


def changes(store: Store, run: Run) -> list[ChangeRow]:
    return _changes(store, store.url, run.id, run.last_event_id)


def arms(store: Store, run: Run) -> Arms:
    return _arms(store, store.url, run.id, run.last_event_id)


def arm_answers(store: Store, run: Run) -> list[ArmAnswer]:
    return _arm_answers(store, store.url, run.id, run.last_event_id)


def curve(store: Store, run: Run) -> list[CurveRow]:
    """The learning curve within the training of each cycle."""
    return _curve(store, store.url, run.id, run.last_event_id)


def stages(store: Store, run: Run) -> list[StageState]:
    """The run's stages in the order in which they began."""
    return _stages(store, store.url, run.id, run.last_event_id)


def cycles(store: Store, run: Run) -> list[Cycle]:
    return _cycles(store, store.url, run.id, run.last_event_id)


def log(store: Store, run: Run) -> tuple[list[Happening], list[Happening]]:
    """The newest happenings, and the newest incidents; numbers and counts, which come often, are none of them."""
    newest = _newest_line(store, store.url, run.id, run.last_event_id)
    return _log(store, store.url, run.id, newest)


def usage(store: Store, run: Run) -> TeacherUsage | None:
    """What the run's teacher used; None where it was never called."""
    return _usage(store, store.url, run.id, run.last_event_id)


def usages(store: Store, runs: Sequence[Run]) -> dict[str, TeacherUsage]:
    """What the teachers of these runs used, as of the newest event of any of them."""
    return _usages(store, store.url, tuple((run.id, run.last_event_id) for run in runs))


def costs(store: Store, runs: Sequence[str]) -> dict[str, float]:
    """What the teachers of these runs cost, where that is known; may be a minute old."""
    return _costs(store, store.url, tuple(runs))


def ratings(store: Store, run: Run) -> list[Rating]:
    """What people found when they read the run's answers."""
    return _ratings(store, store.url, run.id, run.last_event_id)


def beside(store: Store, chosen: Sequence[tuple[Run, int]]) -> tuple[list[Beside], list[Refused]]:
    """The first chosen cycle's tuned student against every other's, on the same test."""
    return _beside(store, store.url, tuple((run.id, cycle, run.last_event_id) for run, cycle in chosen),
                   [run for run, _ in chosen])


def scored_by(store: Store, run: Run, cycle: int) -> dict[str, tuple[str, ...]]:
    """Who scored each metric of a cycle."""
    return _scored_by(store, store.url, run.id, cycle, run.last_event_id)


def asked(store: Store) -> list[AskedPassage]:
    """Passages that were asked about in any run; they may be a minute old."""
    return _asked(store, store.url)


def knowledge(place: str) -> Knowledge:
    """The knowledge at a place, read again when one of its documents changed.

    Raises:
        CannotOpen: with the sentence to show.
    """
    return _knowledge(place, knowledge_source.state_of(place))


def memory(store: Store, run: Run) -> list[StageMemory]:
    """Memory around each stage of the run."""
    return _memory(store, store.url, run.id, run.last_event_id)


def best(store: Store, run: Run) -> BestAdapter | None:
    """The run's best adapter by held-out score; None where none was scored."""
    return _best(store, store.url, run.id, run.last_event_id)


def past(store: Store) -> list[PastStage]:
    """Durations of stages; they may be a minute old."""
    return _past(store, store.url)


@st.cache_resource(max_entries=24, show_spinner=False)
def _answers(_store: Store, url: str, run: str, cycle: int, judging: int, last_event_id: int) -> list[AnswerPair]:
    return queries.answers_of(_store, run, cycle, judging)


@st.cache_resource(max_entries=32, show_spinner=False)
def _judges(_store: Store, url: str, run: str, last_event_id: int) -> Judges:
    audits = queries.audits_of(_store, run)
    again = [(one, queries.changes_again(_store, run, one.judging),
              [audit for audit in audits if audit.judging == one.judging]) for one in queries.judgings_of(_store, run)]
    return Judges([audit for audit in audits if audit.judging == queries.OF_RECORD], again)


@st.cache_resource(max_entries=64, show_spinner=False)
def _changes(_store: Store, url: str, run: str, last_event_id: int) -> list[ChangeRow]:
    return queries.changes_of(_store, run)


@st.cache_resource(max_entries=16, show_spinner=False)
def _arms(_store: Store, url: str, run: str, last_event_id: int) -> Arms:
    return Arms(queries.arm_changes_of(_store, run), queries.gaps_of(_store, run), queries.arm_prompts_of(_store, run))


@st.cache_resource(max_entries=8, show_spinner=False)
def _arm_answers(_store: Store, url: str, run: str, last_event_id: int) -> list[ArmAnswer]:
    return queries.arm_answers_of(_store, run)


@st.cache_resource(max_entries=16, show_spinner=False)
def _curve(_store: Store, url: str, run: str, last_event_id: int) -> list[CurveRow]:
    return queries.curve_of(_store, run)


@st.cache_resource(max_entries=32, show_spinner=False)
def _stages(_store: Store, url: str, run: str, last_event_id: int) -> list[StageState]:
    return queries.stages_of(_store, run)


@st.cache_resource(max_entries=32, show_spinner=False)
def _cycles(_store: Store, url: str, run: str, last_event_id: int) -> list[Cycle]:
    return queries.cycles_of(_store, run)


@st.cache_resource(max_entries=16, show_spinner=False)
def _newest_line(_store: Store, url: str, run: str, last_event_id: int) -> int:
    return queries.newest_line(_store, run)


@st.cache_resource(max_entries=16, show_spinner=False)
def _log(_store: Store, url: str, run: str, newest: int) -> tuple[list[Happening], list[Happening]]:
    return queries.happenings(_store, run), queries.incidents(_store, run)


@st.cache_resource(max_entries=16, show_spinner=False)
def _memory(_store: Store, url: str, run: str, last_event_id: int) -> list[StageMemory]:
    return memory_by_stage(_store, run)


@st.cache_resource(max_entries=32, show_spinner=False)
def _best(_store: Store, url: str, run: str, last_event_id: int) -> BestAdapter | None:
    return best_adapter(_store, run)


@st.cache_resource(max_entries=4, ttl=60, show_spinner=False)
def _past(_store: Store, url: str) -> list[PastStage]:
    return queries.past_stages(_store)


@st.cache_resource(max_entries=32, show_spinner=False)
def _usage(_store: Store, url: str, run: str, last_event_id: int) -> TeacherUsage | None:
    return queries.teacher_usage(_store, [run]).get(run)


@st.cache_resource(max_entries=8, show_spinner=False)
def _usages(_store: Store, url: str, heads: tuple[tuple[str, int], ...]) -> dict[str, TeacherUsage]:
    return queries.teacher_usage(_store, [run for run, _ in heads])


@st.cache_resource(max_entries=4, ttl=60, show_spinner=False)
def _costs(_store: Store, url: str, runs: tuple[str, ...]) -> dict[str, float]:
    found = queries.teacher_usage(_store, runs)
    return {run: used.cost_usd for run, used in found.items() if used.cost_usd is not None}


@st.cache_resource(max_entries=32, show_spinner=False)
def _ratings(_store: Store, url: str, run: str, last_event_id: int) -> list[Rating]:
    return queries.ratings_of(_store, run)


@st.cache_resource(max_entries=16, show_spinner=False)
def _beside(_store: Store, url: str, chosen: tuple[tuple[str, int, int], ...],
            _runs: Sequence[Run]) -> tuple[list[Beside], list[Refused]]:
    first, *others = (side(_store, run, cycle) for run, (_, cycle, _) in zip(_runs, chosen, strict=True))
    return tuned_beside_tuned.beside(first, others)


@st.cache_resource(max_entries=32, show_spinner=False)
def _scored_by(_store: Store, url: str, run: str, cycle: int, last_event_id: int) -> dict[str, tuple[str, ...]]:
    return queries.judges_of(_store, run, cycle)


@st.cache_resource(max_entries=4, ttl=60, show_spinner=False)
def _asked(_store: Store, url: str) -> list[AskedPassage]:
    return queries.asked_passages(_store)


@st.cache_resource(max_entries=4, show_spinner="Reading the knowledge …")
def _knowledge(place: str, state: str) -> Knowledge:
    return knowledge_source.opened(place)
