"""Cached store queries, invalidated by the run's next event; bounded in size, for a long-lived process.

Cache keys are the store's address, the run and its last event id. The store object itself is not part of a key:
Streamlit skips parameters that begin with an underscore. Cached values are shared by all sessions without copying, so
callers must not modify them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

import streamlit as st

from dashboard.access import knowledge_loader
from dashboard.access.knowledge_loader import Knowledge
from dashboard.view_models.dataset_rows import Overview, overview, overview_of_unchanged, written
from knowledge.domain import Domain
from knowledge.garbage_collection import collection_paused
from knowledge.split_stability import apart_from_earlier
from knowledge.kubernetes.topics import BUILT_IN
from store import queries
from store.analysis.documents_notes import DocumentCounts, count_documents
from store.analysis.earlier_documents import earlier_domains, earlier_runs
from store.analysis.group_result import BetweenCombinations, GroupResult, between_combinations
from store.analysis.group_result import group_result as read_group_result
from store.analysis.run_comparison import NotComparable, PairedComparison, compare_pairwise, sides
from store.analysis.ways_to_answer import WayToAnswer
from store.analysis.ways_to_answer import ways_to_answer as read_ways_to_answer
from store.database import Store
from store.queries import (
    AnswerPair, ArmChange, ArmPrompt, Audit, ChangeRow, GainShare, Gap, Judging, LogEntry, Replacement, Run,
    StudySet, TeacherUsage,
)
from store.queries.answer_list import has_questions as read_has_questions
from store.queries.answer_list import listed_answers as read_listed_answers
from store.queries.answer_list import scored_metrics as read_scored_metrics
from store.queries.answer_samples import AnswerSample
from store.queries.answer_samples import answer_samples as read_answer_samples
from store.queries.best_adapter import best_adapter
from store.queries.dataset_flags import flags_of
from store.queries.dataset_items import dataset_content as read_dataset_content
from store.queries.dataset_items import item_entries as read_item_entries
from store.queries.dataset_pages import count_of_questions
from store.queries.dataset_pages import items_between as read_items_between
from store.queries.dataset_pages import unchanged_sets as read_unchanged_sets
from store.queries.memory import memory_by_stage
from store.queries.data_origin import question_origins
from store.paths import default_paths
from store.queries.side_by_side import asked_by_cycle
from store.run_config import RunConfig
from store.queries.held_out_losses import HeldOutLoss
from store.queries.held_out_losses import held_out_losses as read_held_out_losses

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True)
class Arms:
    """The recorded results of a run's control arms."""

    changes: list[ArmChange]
    gaps: list[Gap]
    prompts: list[ArmPrompt]
    replacements: list[Replacement]
    shares: list[GainShare]


@dataclass(frozen=True)
class ComparedDocuments:
    """Documents without use of what would change sides of the split since an earlier run on them."""

    domain: Domain
    changes: str
    """What changed since the newest of those runs, in words; empty where there is none."""
    counts: DocumentCounts


@dataclass(frozen=True)
class Judges:
    """Audits of a run's original judges, and every rescoring with its changes and audits."""

    trials: list[Audit]
    again: list[tuple[Judging, list[ChangeRow], list[Audit]]]


def cached_by_run_version(entries: int) -> Callable[[Callable[Concatenate[Store, str, P], T]],
                                                    Callable[Concatenate[Store, Run, P], T]]:
    """Decorator: cache a query on one run until the run's next event, for at most `entries` runs."""
    def decorate(read: Callable[Concatenate[Store, str, P], T]) -> Callable[Concatenate[Store, Run, P], T]:
        def keyed(_store: Store, url: str, run: str, last_event_id: int, /, *more: P.args, **named: P.kwargs) -> T:
            with collection_paused():
                return read(_store, run, *more, **named)

        keyed.__qualname__ = f"keyed {read.__qualname__}"  # Streamlit names the cache after it
        cached = st.cache_resource(max_entries=entries, show_spinner=False)(keyed)

        def query(store: Store, run: Run, /, *more: P.args, **named: P.kwargs) -> T:
            return cached(store, store.url, run.id, run.last_event_id, *more, **named)

        query.__doc__ = read.__doc__
        return query
    return decorate


def cached_for_a_minute(read: Callable[[Store], T]) -> Callable[[Store], T]:
    """Decorator: cache a query on the whole store for 60 seconds."""
    def keyed(_store: Store, url: str) -> T:
        return read(_store)

    keyed.__qualname__ = f"keyed {read.__qualname__}"
    cached = st.cache_resource(max_entries=4, ttl=60, show_spinner=False)(keyed)
    return lambda store: cached(store, store.url)


changes = cached_by_run_version(64)(queries.changes_of)
arm_answers = cached_by_run_version(32)(queries.arm_answers_of)
curve = cached_by_run_version(16)(queries.curve_of)
arms_that_answered = cached_by_run_version(32)(queries.arms_that_answered)
asked_questions = cached_by_run_version(48)(asked_by_cycle)
scored_answers = cached_by_run_version(48)(queries.scored_answers)
stages = cached_by_run_version(32)(queries.stages_of)
cycles = cached_by_run_version(32)(queries.cycles_of)
ratings = cached_by_run_version(32)(queries.ratings_of)
judges_of_record = cached_by_run_version(48)(queries.judges_of)
memory = cached_by_run_version(16)(memory_by_stage)
dataset_content = cached_by_run_version(8)(read_dataset_content)
item_entries = cached_by_run_version(8)(read_item_entries)
flags = cached_by_run_version(32)(flags_of)
best = cached_by_run_version(32)(best_adapter)
truncated_answers = cached_by_run_version(32)(queries.truncated_answers)


unchanged_sets = cached_by_run_version(16)(read_unchanged_sets)
items_between = cached_by_run_version(16)(read_items_between)


def dataset_overview(store: Store, run: Run) -> Overview:
    """What the page Dataset says of all questions of a run."""
    return _overview(store, store.url, run.id, run.last_event_id, run)


@cached_by_run_version(32)
def questions_written(store: Store, run: str) -> list[str]:
    """Who wrote the questions of a run, and what people changed of them, one sentence each."""
    return written(question_origins(store, run), read_item_entries(store, run))


@st.cache_resource(max_entries=8, show_spinner=False)
def _overview(_store: Store, url: str, run: str, last_event_id: int, _run: Run) -> Overview:
    flagged = flags(_store, _run)
    if (sets := unchanged_sets(_store, _run)) is None:
        return overview(dataset_content(_store, _run), flagged)
    ids = sorted({one.question_id for one in flagged})
    return overview_of_unchanged(sets, flagged, count_of_questions(_store, run, ids))


_latest_event = cached_by_run_version(16)(queries.latest_event)
past_stage_durations = cached_for_a_minute(queries.past_stages)
asked = cached_for_a_minute(queries.passage_usage)


@st.cache_data(max_entries=8, ttl=60, show_spinner=False)
def _training_speed(_store: Store, url: str, student: str, precision: str) -> float | None:
    return queries.last_training_speed(_store, student, precision)


def training_speed(store: Store, student: str, precision: str) -> float | None:
    """Tokens per second of the newest training of a student, at most a minute old."""
    return _training_speed(store, store.url, student, precision)


has_questions = cached_by_run_version(64)(read_has_questions)
scored_metrics = cached_by_run_version(64)(read_scored_metrics)
listed_answers = cached_by_run_version(24)(read_listed_answers)


@cached_by_run_version(64)
def answer(store: Store, run: str, cycle: int, judging: int, tier: str, question: str) -> AnswerPair:
    """One question of a cycle with everything that was recorded of it."""
    return queries.answers_of(store, run, cycle, judging, tier, question=question)[0]


@cached_by_run_version(24)
def answers(store: Store, run: str, cycle: int, judging: int = 0) -> list[AnswerPair]:
    """A cycle's answers with the original scores, or with those of a rescoring."""
    return queries.answers_of(store, run, cycle, judging)


@cached_by_run_version(32)
def judges(store: Store, run: str) -> Judges:
    audits = queries.audits_of(store, run)
    rescorings = [(one, queries.rejudged_changes(store, run, one.judging),
                   [audit for audit in audits if audit.judging == one.judging])
                  for one in queries.judgings_of(store, run)]
    return Judges([audit for audit in audits if audit.judging == queries.ORIGINAL_JUDGING], rescorings)


@cached_by_run_version(16)
def study_sets(store: Store, run: str) -> list[StudySet]:
    """What each cycle trained on."""
    return queries.study_sets_of(store, run)


@cached_by_run_version(16)
def arms(store: Store, run: str) -> Arms:
    return Arms(queries.arm_changes_of(store, run), queries.gaps_of(store, run), queries.arm_prompts_of(store, run),
                queries.replacements_of(store, run), queries.gain_shares_of(store, run))


@cached_by_run_version(32)
def usage(store: Store, run: str) -> TeacherUsage | None:
    """Teacher usage of the run; None if the teacher was never called."""
    return queries.teacher_usage(store, [run]).get(run)


def log(store: Store, run: Run) -> tuple[list[LogEntry], list[LogEntry]]:
    """The newest log entries and the newest incidents, without metrics and progress events, which are frequent."""
    return _log(store, store.url, run.id, _latest_event(store, run))


def answer_samples(store: Store, run: Run) -> list[AnswerSample]:
    """The newest sampled answers, read again when something other than a metric was recorded."""
    return _answer_samples(store, store.url, run.id, _latest_event(store, run))


def held_out_losses(store: Store, run: Run) -> list[HeldOutLoss]:
    """The losses on the run's headline test, read again when something other than a metric was recorded."""
    return _held_out_losses(store, store.url, run.id, run.config.headline_tier, _latest_event(store, run))


def usages(store: Store, runs: Sequence[Run]) -> dict[str, TeacherUsage]:
    """Teacher usage by run, cached until the next event of any of these runs."""
    return _usages(store, store.url, tuple((run.id, run.last_event_id) for run in runs))


def costs(store: Store, runs: Sequence[str]) -> dict[str, float]:
    """Known teacher costs by run, in US dollars; cached for 60 seconds."""
    return _costs(store, store.url, tuple(runs))


def run_comparison(store: Store, chosen: Sequence[tuple[Run, int]]) -> tuple[list[PairedComparison],
                                                                             list[NotComparable]]:
    """Paired comparisons of the first chosen cycle's fine-tuned student with each other one, on the same test, without
    the cross-checks of their intervals."""
    return _run_comparison(store, store.url, tuple((run.id, cycle, run.last_event_id) for run, cycle in chosen),
                           [run for run, _ in chosen])


def group_result(store: Store, name: str) -> GroupResult | None:
    """Results of a group of runs over questions and seeds; None if there is no such group."""
    return _group_result(store, store.url, name, _group_version(store, name))


def group_differences(store: Store, name: str, metric: str) -> list[BetweenCombinations]:
    """Each combination of settings of a group against its first one, by one metric."""
    return _group_differences(store, store.url, name, metric, _group_version(store, name))


def _group_version(store: Store, name: str) -> tuple[tuple[str, str, int], ...]:
    """What changes whenever the result may: the runs, their states, and for finished ones their newest event."""
    return tuple((run.id, run.work, run.last_event_id if run.work == "finished" else 0)
                 for run in queries.runs_of_group(store, name))


def knowledge(source: str) -> Knowledge:
    """The domain of a folder or the built-in one, reloaded when a document changes.

    Raises:
        KnowledgeError: it cannot be opened; the message is shown to the user.
    """
    return _knowledge(source, knowledge_loader.folder_fingerprint(source))


def compared_documents(store: Store | None, source: str) -> ComparedDocuments:
    """A folder's documents beside those of earlier runs on it; without a store, as they are.

    Raises:
        KnowledgeError: they cannot be opened.
    """
    config = RunConfig(knowledge=source, topics=())
    earlier = earlier_runs(queries.all_runs(store), config) if store and source != BUILT_IN else []
    return _compared_documents(source, knowledge_loader.folder_fingerprint(source),
                               tuple((run.id, run.knowledge_hash) for run in earlier), earlier)


@st.cache_resource(max_entries=4, show_spinner="Comparing documents …")
def _compared_documents(source: str, fingerprint: str, states: tuple[tuple[str, str | None], ...],
                        _earlier: Sequence[Run]) -> ComparedDocuments:
    domain, comparison = apart_from_earlier(_knowledge(source, fingerprint).domain,
                                            earlier_domains(_earlier, default_paths()))
    sentence = comparison.sentence(f"run {_earlier[0].id}") if comparison else ""
    return ComparedDocuments(domain, sentence, count_documents(domain))


@st.cache_resource(max_entries=16, show_spinner=False)
def _log(_store: Store, url: str, run: str, newest: int) -> tuple[list[LogEntry], list[LogEntry]]:
    return queries.latest_events(_store, run), queries.incidents(_store, run)


@st.cache_resource(max_entries=16, show_spinner=False)
def _answer_samples(_store: Store, url: str, run: str, newest: int) -> list[AnswerSample]:
    return read_answer_samples(_store, run)


@st.cache_resource(max_entries=16, show_spinner=False)
def _held_out_losses(_store: Store, url: str, run: str, tier: str, newest: int) -> list[HeldOutLoss]:
    return read_held_out_losses(_store, run, tier)


@st.cache_resource(max_entries=8, show_spinner=False)
def _usages(_store: Store, url: str, heads: tuple[tuple[str, int], ...]) -> dict[str, TeacherUsage]:
    return queries.teacher_usage(_store, [run for run, _ in heads])


@st.cache_resource(max_entries=4, ttl=60, show_spinner=False)
def _costs(_store: Store, url: str, runs: tuple[str, ...]) -> dict[str, float]:
    usage_by_run = queries.teacher_usage(_store, runs)
    return {run: used.cost_usd for run, used in usage_by_run.items() if used.cost_usd is not None}


@st.cache_resource(max_entries=16, show_spinner=False)
def _run_comparison(_store: Store, url: str, chosen: tuple[tuple[str, int, int], ...],
                    _runs: Sequence[Run]) -> tuple[list[PairedComparison], list[NotComparable]]:
    with collection_paused():
        first, *others = sides(_store, [(run, cycle) for run, (_, cycle, _) in zip(_runs, chosen, strict=True)])
        return compare_pairwise(first, others, cross_checks=False)


@st.cache_resource(max_entries=8, show_spinner=False)
def _group_result(_store: Store, url: str, name: str, version: object) -> GroupResult | None:
    return read_group_result(_store, name)


@st.cache_resource(max_entries=16, show_spinner=False)
def _group_differences(_store: Store, url: str, name: str, metric: str, version: object) -> list[BetweenCombinations]:
    result = _group_result(_store, url, name, version)
    return between_combinations(_store, result, [metric]) if result else []


@st.cache_resource(max_entries=4, show_spinner="Reading documents …")
def _knowledge(source: str, fingerprint: str) -> Knowledge:
    return knowledge_loader.open_knowledge(source)


@cached_by_run_version(16)
def ways_to_answer(store: Store, run: str, metric: str, machine_usd_per_hour: float | None) -> list[WayToAnswer]:
    """Everybody who answered a run's test, with score, speed and price."""
    found = queries.find_run(store, run)
    return read_ways_to_answer(store, found, metric, machine_usd_per_hour) if found else []
