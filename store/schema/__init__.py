"""The tables, a file per subject. `events` is the source of truth; the read models can be rebuilt from it at any time.

The tables in `leases_and_commands`, `api` and `webhooks` are not projections of it. A new table needs a migration step
as well.
"""

from __future__ import annotations

from store.schema.answers import answers, questions, scores
from store.schema.api import api_tokens, event_numbers
from store.schema.batches import batches
from store.schema.comparisons import changes
from store.schema.control_arms import arm_changes, arm_prompts, curve_points, gain_shares, gaps, replacements
from store.schema.events import events, metadata, worth_a_line
from store.schema.forecasts import forecasts
from store.schema.judging import judge_audits, judging_changes, judging_scores, judgings
from store.schema.leases_and_commands import (
    asked, call_claims, claims, commands, endpoint_options, nodes, runners, teacher_calls, verifications,
)
from store.schema.ratings_and_tags import ratings
from store.schema.runs import cycles, metrics, runs, stages
from store.schema.schedules import schedules
from store.schema.webhooks import webhook_outbox, webhooks

__all__ = [
    "READ_MODELS", "answers", "api_tokens", "arm_changes", "arm_prompts", "asked", "batches", "call_claims",
    "changes", "claims", "commands", "curve_points", "cycles", "endpoint_options", "event_numbers", "events",
    "forecasts", "gain_shares", "gaps", "judge_audits", "judging_changes", "judging_scores", "judgings", "metadata",
    "metrics", "nodes", "questions", "ratings", "replacements", "runners", "runs", "schedules", "scores", "stages",
    "teacher_calls", "verifications", "webhook_outbox", "webhooks", "worth_a_line",
]

READ_MODELS = (runs, cycles, stages, questions, answers, scores, changes, metrics, schedules, arm_prompts,
               arm_changes, gaps, replacements, gain_shares, curve_points, ratings, judge_audits, judgings,
               judging_scores, judging_changes, batches, forecasts)
