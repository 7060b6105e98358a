"""What was read of a run or of a folder, kept until it changes; bounded, so that a long-lived process does not grow.

Keys are the store's address, the run and its last event id; the store itself is no part of a key (its name
begins with an underscore, which Streamlit takes for that). What is kept is shared by all sessions as it is, not copied
for each look: nobody changes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

import streamlit as st

from dashboard.access import knowledge_loader
from dashboard.access.knowledge_loader import Knowledge
from store import queries
from store.analysis.run_comparison import NotComparable, PairedComparison, compare_pairwise, side
from store.database import Store
from store.queries import AnswerPair, ArmChange, ArmPrompt, Audit, ChangeRow, Gap, Judging, LogEntry, Run, TeacherUsage
from store.queries.best_adapter import best_adapter
from store.queries.memory import memory_by_stage

T = TypeVar("T")
P = ParamSpec("P")


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


def cached_by_run_version(entries: int) -> Callable[[Callable[Concatenate[Store, str, P], T]],
                                                    Callable[Concatenate[Store, Run, P], T]]:
    """What is read of a run by its id, kept for so many runs until the run's next event."""
    def kept(read: Callable[Concatenate[Store, str, P], T]) -> Callable[Concatenate[Store, Run, P], T]:
        def once(_store: Store, url: str, run: str, last_event_id: int, /, *more: P.args, **named: P.kwargs) -> T:
            return read(_store, run, *more, **named)

        once.__qualname__ = f"once of {read.__qualname__}"  # Streamlit tells caches apart by it
        cached = st.cache_resource(max_entries=entries, show_spinner=False)(once)

        def remembered(store: Store, run: Run, /, *more: P.args, **named: P.kwargs) -> T:
            return cached(store, store.url, run.id, run.last_event_id, *more, **named)

        remembered.__doc__ = read.__doc__
        return remembered
    return kept


def cached_for_a_minute(read: Callable[[Store], T]) -> Callable[[Store], T]:
    """What is read of a whole store, which may be a minute old."""
    def once(_store: Store, url: str) -> T:
        return read(_store)

    once.__qualname__ = f"once of {read.__qualname__}"
    cached = st.cache_resource(max_entries=4, ttl=60, show_spinner=False)(once)
    return lambda store: cached(store, store.url)


changes = cached_by_run_version(64)(queries.changes_of)
arm_answers = cached_by_run_version(8)(queries.arm_answers_of)
curve = cached_by_run_version(16)(queries.curve_of)
stages = cached_by_run_version(32)(queries.stages_of)
cycles = cached_by_run_version(32)(queries.cycles_of)
ratings = cached_by_run_version(32)(queries.ratings_of)
judges_of_record = cached_by_run_version(32)(queries.judges_of)
memory = cached_by_run_version(16)(memory_by_stage)
best = cached_by_run_version(32)(best_adapter)
_newest_line = cached_by_run_version(16)(queries.latest_event)
past_stage_durations = cached_for_a_minute(queries.past_stages)
asked = cached_for_a_minute(queries.passage_usage)


@cached_by_run_version(24)
def answers(store: Store, run: str, cycle: int, judging: int = 0) -> list[AnswerPair]:
    """The scores are the run's own, or those of a later judging."""
    return queries.answers_of(store, run, cycle, judging)


@cached_by_run_version(32)
def judges(store: Store, run: str) -> Judges:
    audits = queries.audits_of(store, run)
    again = [(one, queries.rejudged_changes(store, run, one.judging),
              [audit for audit in audits if audit.judging == one.judging]) for one in queries.judgings_of(store, run)]
    return Judges([audit for audit in audits if audit.judging == queries.ORIGINAL_JUDGING], again)


@cached_by_run_version(16)
def arms(store: Store, run: str) -> Arms:
    return Arms(queries.arm_changes_of(store, run), queries.gaps_of(store, run), queries.arm_prompts_of(store, run))


@cached_by_run_version(32)
def usage(store: Store, run: str) -> TeacherUsage | None:
    """What the run's teacher used; None where it was never called."""
    return queries.teacher_usage(store, [run]).get(run)


def log(store: Store, run: Run) -> tuple[list[LogEntry], list[LogEntry]]:
    """The newest happenings, and the newest incidents; numbers and counts, which come often, are none of them."""
    return _log(store, store.url, run.id, _newest_line(store, run))


def usages(store: Store, runs: Sequence[Run]) -> dict[str, TeacherUsage]:
    """What the teachers of these runs used, as of the newest event of any of them."""
    return _usages(store, store.url, tuple((run.id, run.last_event_id) for run in runs))


def costs(store: Store, runs: Sequence[str]) -> dict[str, float]:
    """What the teachers of these runs cost, where that is known; may be a minute old."""
    return _costs(store, store.url, tuple(runs))


def run_comparison(store: Store, chosen: Sequence[tuple[Run, int]]) -> tuple[list[PairedComparison],
                                                                             list[NotComparable]]:
    """The first chosen cycle's tuned student against every other's, on the same test."""
    return _beside(store, store.url, tuple((run.id, cycle, run.last_event_id) for run, cycle in chosen),
                   [run for run, _ in chosen])


def knowledge(place: str) -> Knowledge:
    """The knowledge at a place, read again when one of its documents changed.

    Raises:
        KnowledgeError: with the sentence to show.
    """
    return _knowledge(place, knowledge_loader.folder_fingerprint(place))


@st.cache_resource(max_entries=16, show_spinner=False)
def _log(_store: Store, url: str, run: str, newest: int) -> tuple[list[LogEntry], list[LogEntry]]:
    return queries.latest_events(_store, run), queries.incidents(_store, run)


@st.cache_resource(max_entries=8, show_spinner=False)
def _usages(_store: Store, url: str, heads: tuple[tuple[str, int], ...]) -> dict[str, TeacherUsage]:
    return queries.teacher_usage(_store, [run for run, _ in heads])


@st.cache_resource(max_entries=4, ttl=60, show_spinner=False)
def _costs(_store: Store, url: str, runs: tuple[str, ...]) -> dict[str, float]:
    found = queries.teacher_usage(_store, runs)
    return {run: used.cost_usd for run, used in found.items() if used.cost_usd is not None}


@st.cache_resource(max_entries=16, show_spinner=False)
def _beside(_store: Store, url: str, chosen: tuple[tuple[str, int, int], ...],
            _runs: Sequence[Run]) -> tuple[list[PairedComparison], list[NotComparable]]:
    first, *others = (side(_store, run, cycle) for run, (_, cycle, _) in zip(_runs, chosen, strict=True))
    return compare_pairwise(first, others)


@st.cache_resource(max_entries=4, show_spinner="Reading the knowledge …")
def _knowledge(place: str, state: str) -> Knowledge:
    return knowledge_loader.open_knowledge(place)
