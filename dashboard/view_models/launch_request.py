"""Turn the launch form's values into a validated configuration, and a double click into one launch.

Pure: no Streamlit. Limits of widgets hold in the browser only, so every value is validated here again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from knowledge.kubernetes.topics import BUILT_IN
from store.commands import new_token
from store.config_metadata import Setting, settings_of
from store.costs.judge_cost import estimate_of
from store.costs.model_shutdowns import shutdown_errors, shutdown_notes
from store.costs.teacher_budget import budget_errors
from store.costs.prices import price_fault
from store.costs.study_cost import estimate_facts
from store.headline import headline_wanted
from store.metrics import METRICS
from store.run_config import CONTROL_ARMS, DATA, EVALUATION, MODELS, RUN, TRAINING, InvalidConfig, RunConfig
from store.config_checks import check, range_errors
from store.presets import PRESETS, implied_changes
from store.statistics import PastVariance, power_before

_TEST_FIELDS = ("headline_tier", "held_out", "taught_questions", "questions", "cycles", "fine_tune")
"""What decides how many questions the headline test has."""
FORM_GROUPS: dict[str, tuple[str, ...]] = {
    "Run, teacher and student": (RUN, MODELS), "Data and test": (DATA,), "Training and generation": (TRAINING,),
    "Evaluation and control arms": (EVALUATION, CONTROL_ARMS),
}
"""The groups of the page New run, each with those of the configuration."""
_RECIPE_FIELDS = ("study", "student")
"""What other settings follow from, on the form and on the command line."""
DOUBLE_CLICK_SECONDS = 3.0
"""A second click within this time is a double click: it launches nothing more."""


@dataclass(frozen=True)
class IdempotencyToken:
    """The token of the next launch, and the time at which it was used."""

    token: str
    used_at: float | None = None


def next_token(previous: IdempotencyToken | None, now: float) -> IdempotencyToken:
    """Return the token for a click at `now`: the same for a double click, else a new one."""
    if previous is None or (previous.used_at is not None and now - previous.used_at > DOUBLE_CLICK_SECONDS):
        return IdempotencyToken(new_token())
    return previous


def config_from(preset: str, values: Mapping[str, Any], faults: Sequence[str] = ()) -> RunConfig:
    """Return the preset with the form's values, validated.

    A field that was left as the form showed it follows from the others, as on the command line: see `recipe_values`
    for the recipe; and where steps or minutes were changed, presentations no longer decide how long training lasts.

    Args:
        faults: errors that the form found itself, such as a folder that cannot be read.

    Raises:
        InvalidConfig: with one sentence for every invalid value and every fault, also of the price file.
    """
    if preset not in PRESETS:
        raise InvalidConfig([f"unknown preset {preset!r}: use one of {', '.join(PRESETS)}"])
    values = {key: value.strip() if isinstance(value, str) else value for key, value in values.items()}
    for setting in form_settings():
        if setting.kind is tuple:
            values[setting.name] = tuple(values.get(setting.name, getattr(PRESETS[preset], setting.name)))
        elif setting.optional and setting.kind is str:
            values[setting.name] = values.get(setting.name) or None
    values["knowledge"] = values.get("knowledge") or BUILT_IN
    base = PRESETS[preset]
    shown = dataclasses.replace(base, **recipe_values(base, values))
    changes = {name: value for name, value in values.items() if value != getattr(shown, name)}
    chosen = {name: values[name] for name in _RECIPE_FIELDS if name in values}
    config = dataclasses.replace(base, **implied_changes(base, changes | chosen) | chosen | changes)
    fault = price_fault()
    of_prices = [fault] if fault else [*shutdown_errors(config), *budget_errors(config)]
    faults = [*faults, *range_errors(values), *of_prices]
    if faults:
        raise InvalidConfig(list(dict.fromkeys([*faults, *_errors(config)])))
    return check(config)


def recipe_values(start: RunConfig, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that the form shows, and a run has, because of the recipe and student chosen so far."""
    return implied_changes(start, {name: values[name] for name in _RECIPE_FIELDS if name in values})


def differences_note(preset: str, values: Mapping[str, Any]) -> str:
    """Say which settings differ from the preset; empty without any, or while the form is invalid."""
    try:
        config = config_from(preset, values)
    except InvalidConfig:
        return ""
    base = PRESETS[preset]
    shown = dataclasses.replace(base, **recipe_values(base, values))
    changed = [f"{setting.label} {_in_note(getattr(config, setting.name), setting)}" for setting in form_settings()
               if setting.name != "name" and getattr(config, setting.name) != getattr(shown, setting.name)]
    return f"Differs from the preset: {', '.join(changed)}." if changed else ""


def _in_note(value: Any, setting: Setting) -> str:
    """A value within a sentence: lists by their length, long texts cut."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return f"({len(value)} chosen)"
    return setting.choices.get(value, "") or (setting.empty or "none" if value in (None, "") else f"{value}"[:60])


def shutdown_note(preset: str, values: Mapping[str, Any]) -> str | None:
    """A sentence where the chosen teacher or judge will be shut down soon; None else, or while the form is invalid."""
    try:
        found = shutdown_notes(config_from(preset, values))
    except InvalidConfig:
        return None
    return f"{'. '.join(found)}." if found else None


def judging_note(preset: str, values: Mapping[str, Any]) -> str | None:
    """Estimate the judge model's calls; None without a judge, or while the form is invalid."""
    if not str(values.get("judge", "")).strip():
        return None
    try:
        found = estimate_of(config_from(preset, values))
    except InvalidConfig:
        return None
    return found.sentence() if found else None


def facts_note(preset: str, values: Mapping[str, Any]) -> str | None:
    """Estimate the teacher's calls for facts to study; None without any, or while the form is invalid."""
    try:
        found = estimate_facts(config_from(preset, values))
    except InvalidConfig:
        return None
    return found.sentence() if found else None


def asks_for_more(config: RunConfig, start: RunConfig) -> bool:
    """Whether a configuration asks for more questions than its preset, or about other topics."""
    return (config.questions * config.cycles > start.questions * start.cycles or config.held_out > start.held_out
            or set(config.topics) != set(start.topics))


def form_settings(form: type[RunConfig] = RunConfig) -> tuple[Setting, ...]:
    """The settings that the launch form shows, in the order of the configuration's fields."""
    return tuple(setting for setting in settings_of(form) if setting.form != "hidden")


def form_group(group: str) -> str:
    """The group of the page New run that has this group of the configuration."""
    return next(name for name, members in FORM_GROUPS.items() if group in members)


def field_key(preset: str, field: str, recipe: Mapping[str, Any] = MappingProxyType({})) -> str:
    """Session key of a form field; each preset has its own, so that changing the preset shows its own values.

    A field whose value follows from the recipe (`recipe_values`) has another key for each value, for the same reason.
    """
    return f"launch {preset} {field}" + (f" {recipe[field]}" if field in recipe else "")


def form_state(config: RunConfig, folder_key: str) -> dict[str, Any]:
    """Return the session state, by widget key, with which the form describes this configuration.

    A value that only earlier runs can have becomes the default.
    """
    built_in = config.knowledge == BUILT_IN
    state: dict[str, Any] = {}
    recipe = recipe_values(PRESETS.get(config.preset, RunConfig()), dataclasses.asdict(config))
    for setting in form_settings(type(config)):
        value, key = getattr(config, setting.name), field_key(config.preset, setting.name, recipe)
        value = setting.default if range_errors({setting.name: value}, type(config)) else value
        if setting.name == "knowledge":
            state[folder_key] = "" if built_in else value
        elif setting.name == "topics" and not built_in:
            state[f"{key} {config.knowledge}"] = list(value)
        elif setting.switches:
            state |= {field_key(config.preset, f"arm {switch.value}"): switch.value in value
                      for switch in setting.switches}
        elif setting.kind is tuple:
            state[key] = list(value)
        else:
            state[key] = (value or "") if setting.kind is str else value
    return state | {"launch preset": config.preset}


def _errors(config: RunConfig) -> list[str]:
    try:
        check(config)
    except InvalidConfig as error:
        return error.errors
    return []


def detectable_change_note(values: Mapping[str, Any], past: Sequence[PastVariance] = ()) -> tuple[str, str | None]:
    """Say the smallest change that the headline test can detect.

    Args:
        past: variance of the headline metric in past comparable runs.

    Returns:
        The sentence, and another that names the past runs it is estimated from; None without past runs.
    """
    headline = str(values.get("headline", RunConfig.headline))
    known = {name: values[name] for name in _TEST_FIELDS if name in values}
    power = power_before(headline, headline_wanted(dataclasses.replace(RunConfig(), **known)), past)
    return power.sentence(METRICS[headline].title), f"Estimated from {', '.join(power.runs)}." if power.runs else None
