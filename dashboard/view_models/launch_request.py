"""From a form's values to a run: the server-side check, the power note, and the token that makes a click count once.

Pure: knows no Streamlit. Limits on widgets hold in the browser only, so everything is checked here again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from knowledge.kubernetes.topics import BUILT_IN
from store.commands import new_token
from store.config import PRESETS, InvalidConfig, RunConfig, check
from store.control_arms import ARMS
from store.costs.judge_cost import estimate_of
from store.metrics import METRICS
from store.statistics import PastVariance, power_before

DOUBLE_CLICK_SECONDS = 3.0
"""A second click within this time means the first one."""


@dataclass(frozen=True)
class IdempotencyToken:
    """The token of the next launch, and when it was used, if it was."""

    token: str
    used_at: float | None = None


def next_token(ticket: IdempotencyToken | None, now: float) -> IdempotencyToken:
    """The ticket that a click at `now` carries: the same for a double click, a new one afterwards."""
    if ticket is None or (ticket.used_at is not None and now - ticket.used_at > DOUBLE_CLICK_SECONDS):
        return IdempotencyToken(new_token())
    return ticket


def config_from(preset: str, values: Mapping[str, Any], faults: Sequence[str] = ()) -> RunConfig:
    """The preset with the form's values, checked.

    Args:
        faults: what the form found wrong itself, such as a folder that cannot be read.

    Raises:
        InvalidConfig: with a sentence for everything that cannot be used.
    """
    if preset not in PRESETS:
        raise InvalidConfig([f"unknown preset {preset!r}: use one of {', '.join(PRESETS)}"])
    values = {key: value.strip() if isinstance(value, str) else value for key, value in values.items()}
    values["topics"] = tuple(values.get("topics", PRESETS[preset].topics))
    values["teacher_base_url"] = values.get("teacher_base_url") or None
    values["judge_base_url"] = values.get("judge_base_url") or None
    values["new_topics"] = tuple(values.get("new_topics", PRESETS[preset].new_topics))
    values["arms"] = tuple(values.get("arms", PRESETS[preset].arms))
    values["knowledge"] = values.get("knowledge") or BUILT_IN
    config = dataclasses.replace(PRESETS[preset], **values)
    if faults:
        raise InvalidConfig([*faults, *_errors(config)])
    return check(config)


def judging_note(preset: str, values: Mapping[str, Any]) -> str | None:
    """What the judge model will be asked at most; None without one, or while the form cannot be launched."""
    if not str(values.get("judge", "")).strip():
        return None
    try:
        found = estimate_of(config_from(preset, values))
    except InvalidConfig:
        return None
    return found.sentence() if found else None


_FIELDS = ("questions", "cycles", "held_out", "fine_tune", "name", "knowledge_name", "held_out_set", "paraphrases",
           "new_topics", "new_topic_questions", "general", "max_cost_usd", "student", "precision", "teacher",
           "teacher_base_url", "steps", "learning_rate", "adapter", "max_new_tokens", "temperature", "seed",
           "learning_curve", "judge")


def form_state(config: RunConfig, folder_key: str) -> dict[str, Any]:
    """What the form's fields must hold for it to describe this configuration, by their keys."""
    head, built_in = f"launch {config.preset}", config.knowledge == BUILT_IN
    state: dict[str, Any] = {f"{head} {field}": getattr(config, field) for field in _FIELDS}
    state |= {f"{head} arm {arm}": arm in config.arms for arm in ARMS}
    state |= {f"{head} {field}": getattr(config, field) or "" for field in ("teacher_base_url", "judge_base_url")}
    state[f"{head} topics" if built_in else f"{head} topics {config.knowledge}"] = list(config.topics)
    state[f"{head} new_topics"] = list(config.new_topics)
    return state | {"launch preset": config.preset, folder_key: "" if built_in else config.knowledge}


def _errors(config: RunConfig) -> list[str]:
    try:
        check(config)
    except InvalidConfig as error:
        return error.errors
    return []


def detectable_change_note(values: Mapping[str, Any], past: Sequence[PastVariance] = ()) -> tuple[str, str | None]:
    """What so many held-out questions will be able to show, said before anything is spent.

    Args:
        past: how far the headline metric spread in past runs like this one.

    Returns:
        The sentence, and the runs that it goes by, where there are any.
    """
    headline = str(values.get("headline", RunConfig.headline))
    power = power_before(headline, int(values["held_out"]), past)
    return power.sentence(METRICS[headline].title), f"Reckoned from {', '.join(power.runs)}." if power.runs else None
