"""Queries on the read models, which return plain dataclasses. No writing, no arithmetic beyond counting.

Everything is importable from here; there is a file per subject.
"""

from __future__ import annotations

from store.queries.answers import AnswerPair, Truncated, answers_of, judges_of, truncated_answers
from store.queries.batches import WAITING, Batch, awaited_batch, batches_of, open_batches, waiting_runs
from store.queries.control_arms import (
    ArmAnswer, ArmChange, ArmPrompt, CurveRow, GainShare, Gap, Replacement, arm_answers_of, arm_changes_of,
    arm_prompts_of, curve_of, gain_shares_of, gaps_of, replacements_of,
)
from store.queries.event_log import LogEntry, events_of_kinds, incidents, latest_event, latest_events
from store.queries.forecasts import RunForecast, forecast_by, forecast_of, scored_forecasts
from store.queries.groups import (
    GroupSize, LockedQuestion, group_sizes, locked_test_scores, practice_questions_of, runs_of_group,
)
from store.queries.headline_changes import headline_changes
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
    runs_in_review,
)
from store.queries.schedules import Schedule, find_schedule, schedules
from store.queries.side_by_side import AskedQuestion, ScoredAnswer, arms_that_answered, asked_questions, scored_answers
from store.queries.study_sets import StudySet, study_sets_of
from store.queries.system import Environment, StoreFacts, made_with, stage_files, store_facts
from store.queries.test_scores import TestScores, test_scores
from store.queries.training_speed import last_training_speed

__all__ = [
    "AnswerPair", "ArmAnswer", "ArmChange", "ArmPrompt", "AskedPassage", "AskedQuestion", "Audit", "Batch",
    "ChangeRow", "CurveRow", "Cycle", "Environment", "FilterOptions", "GainShare", "Gap", "GroupSize",
    "HistoryFilter", "Judging", "LockedQuestion", "LogEntry", "ORDERS", "ORIGINAL_JUDGING", "PastStage",
    "PlaygroundQuestion", "Point", "Rating", "Replacement", "Run", "RunForecast", "RunnerState", "Schedule",
    "ScoreAgain", "ScoredAnswer", "StageState", "StoreFacts", "StudySet", "SuccessRate", "TeacherUsage", "TestScores",
    "Truncated", "WAITING", "all_runs", "all_series", "answers_of", "arm_answers_of", "arm_changes_of",
    "arm_prompts_of", "arms_that_answered", "asked_questions", "audits_of", "awaited_batch", "batches_of",
    "changes_of", "compared_cycles", "connected_runners", "count_found", "count_of_runs", "curve_of", "cycles_of",
    "events_of_kinds", "filter_options", "find_run", "find_schedule", "forecast_by", "forecast_of", "found_runs",
    "gain_shares_of", "gaps_of", "group_sizes", "headline_changes", "incidents", "judges_of", "judgings_of",
    "last_event_id", "last_training_speed", "latest_event", "latest_events", "locked_test_scores", "logged_since",
    "made_with", "open_batches", "passage_usage", "past_stages", "past_variances", "playground_question",
    "practice_questions_of", "questions_ahead", "queue", "ratings_of", "recent_questions", "rejudged_changes",
    "rejudged_scores", "replacements_of", "runners", "runs_at_work", "runs_in_review", "runs_of_group", "schedules",
    "scored_answers", "scored_forecasts", "series", "stage_files", "stages_of", "store_facts", "study_sets_of",
    "success_rate", "teacher_usage", "test_scores", "truncated_answers", "waiting_runs",
]
