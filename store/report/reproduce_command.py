"""The reproduce command: a run's configuration as one shell command that gives exactly this configuration again."""

from __future__ import annotations

import dataclasses
import json
import shlex

from store.config_metadata import Setting, settings_of
from store.program_name import NAME
from store.run_config import OFFLINE_TEACHER, RunConfig, earlier_values
from store.config_checks import range_errors
from store.presets import PRESETS, implied_changes

COMMAND = f"{NAME} run"
_TRIGGERS = {"study", "student", "steps", "passes", "minutes"}
"""Settings from which others follow: named whenever they differ from the preset's."""


def command_of(config: RunConfig) -> str:
    """Return the command line that gives this configuration again; values that the preset implies are left out.

    In an older run a setting that came later has the value of before it (`earlier_values`). It is named where it
    differs from the preset's, as all are, but not where it is about calls to a model that the run does not call: there
    it has no effect, and the command says what it always said. Nor is a value named that no new run can have: a run of
    before margins is repeated with the metric's own.
    """
    start = type(config)(**{field.name: getattr(PRESETS[config.preset], field.name)
                            for field in dataclasses.fields(PRESETS[config.preset])})
    called = {"teacher": config.teacher != OFFLINE_TEACHER, "judge": bool(config.judge)}
    earlier = earlier_values(type(config))
    words = [f"--preset={config.preset}"]
    given = {field.name: getattr(config, field.name) for field in dataclasses.fields(PRESETS[config.preset])
             if getattr(config, field.name) != getattr(start, field.name)}
    implied = implied_changes(PRESETS[config.preset], given)
    for setting in settings_of(type(config)):
        value = getattr(config, setting.name)
        without_effect = setting.role is not None and not called[setting.role]
        as_before = setting.name in earlier and value == earlier[setting.name]
        if as_before and (without_effect or range_errors({setting.name: value}, type(config))):
            continue
        named = setting.in_every_command or setting.name in _TRIGGERS & given.keys() - implied.keys()
        if setting.name != "preset" and (named or value != implied.get(setting.name, getattr(start, setting.name))):
            unused = setting.name == "steps" and (config.passes is not None or config.minutes is not None)
            words += [f"--set=steps={value}"] if unused else _arguments(setting, value)
    return " ".join([COMMAND, *(shlex.quote(word) for word in words)])


def _arguments(setting: Setting, value: object) -> list[str]:
    if setting.name == "topics" and not value:
        return []  # a folder without named topics is used with all of them
    if setting.switches and isinstance(value, tuple) and value:
        return [switch.flag for switch in setting.switches if switch.value in value]
    if setting.kind is bool and setting.flag and value is not setting.default:
        return [setting.flag]
    if setting.kind is not bool and setting.flag and value is not None and _fits_flag(value):
        return [f"{setting.flag}={','.join(value) if isinstance(value, tuple) else value}"]
    return [f"--set={setting.name}={json.dumps(value)}"]


def _fits_flag(value: object) -> bool:
    """Whether a flag gives this value back: a tuple must be non-empty, its texts without commas and outer spaces."""
    if isinstance(value, tuple):
        return bool(value) and all(text == text.strip() and text and "," not in text for text in value)
    return True
