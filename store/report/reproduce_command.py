"""The reproduce command: a run's configuration as one shell command that gives exactly this configuration again."""

from __future__ import annotations

import dataclasses
import json
import shlex

from store.config_metadata import Setting, settings_of
from store.run_config import OFFLINE_TEACHER, PRESETS, RunConfig

COMMAND = "python -m runner run"


def command_of(config: RunConfig) -> str:
    """Return the command line that gives this configuration again; values that the preset implies are left out."""
    start = type(config)(**{field.name: getattr(PRESETS[config.preset], field.name)
                            for field in dataclasses.fields(PRESETS[config.preset])})
    # Runs before the efforts existed had none sent; without a model that could read one, that needs no word.
    without_effect = {name for name, asked in (("teacher_effort", config.teacher != OFFLINE_TEACHER),
                                               ("judge_effort", bool(config.judge))) if not asked}
    words = [f"--preset={config.preset}"]
    for setting in settings_of(type(config)):
        value = getattr(config, setting.name)
        if value == "unset" and setting.name in without_effect:
            continue
        if setting.name != "preset" and (value != getattr(start, setting.name) or setting.in_every_command):
            words += _arguments(setting, value)
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
