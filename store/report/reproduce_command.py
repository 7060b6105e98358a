"""The command that repeats a run: a configuration as one line for a shell, and nothing lost on the way."""

from __future__ import annotations

import dataclasses
import json
import shlex

from store.config import PRESETS, RunConfig
from store.control_arms import ARMS

COMMAND = "python -m runner run"
# Fields with a switch of their own on the command line that takes a value; its name is the field's, with dashes.
_WITH_VALUE = (
    "questions", "cycles", "topics", "held_out", "held_out_set", "paraphrases", "new_topics", "new_topic_questions",
    "general", "knowledge", "knowledge_name", "steps", "seed", "learning_rate", "batch_size", "lora_rank", "adapter",
    "teacher", "teacher_base_url", "max_cost_usd", "student", "precision", "max_new_tokens", "temperature", "headline",
    "name", "judge", "judge_base_url", "judge_metrics",
)
_ALWAYS = ("seed",)
"""Said even where it is the preset's own: a reader should see it."""


def command_of(config: RunConfig) -> str:
    """The command line that gives this very configuration again; what the preset says already is left out."""
    start = PRESETS[config.preset]
    switches = [f"--preset={config.preset}"]
    for field in dataclasses.fields(RunConfig):
        value = getattr(config, field.name)
        if field.name != "preset" and (value != getattr(start, field.name) or field.name in _ALWAYS):
            switches += _switches(field.name, value, config)
    return " ".join([COMMAND, *(shlex.quote(switch) for switch in switches)])


def _switches(field: str, value: object, config: RunConfig) -> list[str]:
    if field == "topics" and not value:
        return []  # a folder's topics are all of them where none are named
    if field == "fine_tune" and value is False:
        return ["--no-finetune"]
    if field == "learning_curve" and value is True:
        return ["--learning-curve"]
    if field == "arms" and value:
        return [f"--{ARMS[arm].flag}" for arm in config.arms]
    if field in _WITH_VALUE and value is not None and _typable(value):
        return [f"--{field.replace('_', '-')}={','.join(value) if isinstance(value, tuple) else value}"]
    return [f"--set={field}={json.dumps(value)}"]


def _typable(value: object) -> bool:
    """Whether a value comes back the same from a plain switch: words that hold a comma or a space would not."""
    if isinstance(value, tuple):
        return bool(value) and all(word == word.strip() and word and "," not in word for word in value)
    return True
