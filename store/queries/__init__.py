"""Queries on the read models, which return plain dataclasses. No writing, no arithmetic beyond counting.

Everything is importable from here; there is a file per subject.
"""

from __future__ import annotations

from store.queries.answers import AnswerPair, answers_of, judges_of
from store.queries.batches import WAITING, Batch, batches_of, open_batches, waiting_runs
from store.queries.control_arms import (
    ArmAnswer, ArmChange, ArmPrompt, CurveRow, Gap, arm_answers_of, arm_changes_of, arm_prompts_of, curve_of, gaps_of,
)
from store.queries.event_log import LogEntry, incidents, latest_event, latest_events
from store.queries.groups import (
    GroupSize, LockedQuestion, group_sizes, locked_test_scores, practice_questions_of, runs_of_group,
)
from store.queries.history import ORDERS, FilterOptions, HistoryFilter, count_found, filter_options, found_runs
from store.queries.judging import (
    ORIGINAL_JUDGING, Audit, Judging, ScoreAgain, audits_of, judgings_of, rejudged_changes, rejudged_scores,
)
from store.queries.past_variance import past_variances
from store.queries.playground import (
    PlaygroundQuestion, playground_question, questions_ahead, recent_questions, runs_at_work,
)
from store.queries.questions import AskedPassage, TeacherUsage, passage_usage, teacher_usage
from store.queries.ratings import Rating, ratings_of
from store.queries.run_progress import (
    ChangeRow, Cycle, PastStage, Point, StageState, SuccessRate, all_series, changes_of, compared_cycles, cycles_of,
    logged_since, past_stages, series, stages_of, success_rate,
)
from store.queries.runs import (
    Run, RunnerState, all_runs, connected_runners, count_of_runs, find_run, last_event_id, queue, runners,
)
from store.queries.schedules import Schedule, find_schedule, schedules
from store.queries.system import Environment, StoreFacts, made_with, stage_files, store_facts
from store.queries.test_scores import TestScore, test_scores
from store.queries.training_speed import last_training_speed

__all__ = [
    "AnswerPair", "ArmAnswer", "ArmChange", "ArmPrompt", "PlaygroundQuestion", "AskedPassage", "Audit", "Batch",
    "ChangeRow",
    "CurveRow", "GroupSize", "LockedQuestion", "group_sizes", "locked_test_scores", "practice_questions_of",
    "runs_of_group",
    "Cycle", "Gap", "LogEntry", "Judging", "Environment", "ORIGINAL_JUDGING", "ORDERS", "PastStage", "Point",
    "FilterOptions",
    "Rating", "Run", "RunnerState", "Schedule", "ScoreAgain", "StageState", "StoreFacts", "SuccessRate",
    "TeacherUsage", "TestScore", "HistoryFilter", "WAITING", "all_runs", "all_series", "answers_of", "arm_answers_of",
    "arm_changes_of", "arm_prompts_of", "playground_question", "passage_usage", "audits_of", "batches_of",
    "rejudged_changes",
    "changes_of",
    "compared_cycles", "connected_runners", "count_found", "count_of_runs", "curve_of", "cycles_of", "found_runs",
    "gaps_of", "latest_events", "incidents", "judges_of", "judgings_of", "last_event_id", "last_training_speed",
    "logged_since", "made_with",
    "latest_event", "past_variances", "past_stages", "filter_options", "queue", "ratings_of", "recent_questions",
    "find_run", "open_batches", "waiting_runs",
    "runners", "runs_at_work", "find_schedule", "schedules", "rejudged_scores", "series", "stage_files", "stages_of",
    "store_facts", "success_rate", "teacher_usage", "test_scores", "questions_ahead",
]
