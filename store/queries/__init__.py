"""Read models: one function a question, plain dataclasses as answers. No writing, no arithmetic beyond counting.

Everything is importable from here; `runs`, `progress`, `answers`, `arms`, `happenings` and `teaching` hold the
pieces.
"""

from __future__ import annotations

from store.queries.answers import AnswerPair, answers_of, judges_of
from store.queries.arms import (
    ArmAnswer, ArmChange, ArmPrompt, CurveRow, Gap, arm_answers_of, arm_changes_of, arm_prompts_of, curve_of,
    gaps_of,
)
from store.queries.happenings import Happening, happenings, incidents, newest_line
from store.queries.history import ORDERS, Present, Wanted, count_found, found_runs, present
from store.queries.judging import (
    Audit, Judging, OF_RECORD, ScoreAgain, audits_of, changes_again, judgings_of, scores_again,
)
from store.queries.playground import Asked, asked, recent_asked, runs_at_work, waiting_before
from store.queries.progress import (
    ChangeRow, Cycle, PastStage, Point, StageState, SuccessRate, all_series, changes_of, compared_cycles, cycles_of,
    logged_since, past_stages, series, stages_of, success_rate,
)
from store.queries.ratings import Rating, ratings_of
from store.queries.runs import (
    Run, RunnerState, all_runs, connected_runners, count_of_runs, last_event_id, queue, run_named, runners,
)
from store.queries.schedules import Schedule, schedule_named, schedules
from store.queries.scored import TestScore, test_scores
from store.queries.spreads import past_spreads
from store.queries.system import MadeWith, StoreFacts, made_with, stage_files, store_facts
from store.queries.teaching import AskedPassage, TeacherUsage, asked_passages, teacher_usage

__all__ = [
    "AnswerPair", "ArmAnswer", "ArmChange", "ArmPrompt", "Asked", "AskedPassage", "Audit", "ChangeRow", "CurveRow",
    "Cycle", "Gap", "Happening", "Judging", "MadeWith", "OF_RECORD", "ORDERS", "PastStage", "Point", "Present",
    "Rating", "Run", "RunnerState", "Schedule", "ScoreAgain", "StageState", "StoreFacts", "SuccessRate",
    "TeacherUsage", "TestScore", "Wanted", "all_runs", "all_series", "answers_of", "arm_answers_of",
    "arm_changes_of", "arm_prompts_of", "asked", "asked_passages", "audits_of", "changes_again", "changes_of",
    "compared_cycles", "connected_runners", "count_found", "count_of_runs", "curve_of", "cycles_of", "found_runs",
    "gaps_of", "happenings", "incidents", "judges_of", "judgings_of", "last_event_id", "logged_since", "made_with",
    "newest_line", "past_spreads", "past_stages", "present", "queue", "ratings_of", "recent_asked", "run_named",
    "runners", "runs_at_work", "schedule_named", "schedules", "scores_again", "series", "stage_files", "stages_of",
    "store_facts", "success_rate", "teacher_usage", "test_scores", "waiting_before",
]
