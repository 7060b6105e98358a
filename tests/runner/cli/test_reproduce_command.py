"""The command printed in a report reproduces the same configuration."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import Any

import pytest

from runner.cli.main import parser
from runner.cli.run import config_of
from store.config_metadata import settings_of
from store.control_arms import ARMS
from store.report.reproduce_command import COMMAND, command_of
from store.run_config import InvalidConfig, RunConfig, earlier_values
from store.config_checks import check
from store.presets import PRESETS, implied_changes

OTHER: dict[str, Any] = {
    "teacher": "llama3.1", "teacher_base_url": "http://localhost:11434/v1", "student": "a/model", "precision": "fp32",
    "max_cost_usd": 0.25, "topics": ("pods", "services"), "questions": 7, "cycles": 3, "held_out": 33,
    "held_out_set": "locked-1", "paraphrases": 4, "new_topics": ("rbac",), "new_topic_questions": 5, "general": 6,
    "steps": 11, "learning_rate": 3.5e-05, "batch_size": 2, "gradient_accumulation": 3,
    "gradient_checkpointing": False, "lora_rank": 8, "lora_alpha": 12, "lora_dropout": 0.1,
    "target_modules": ("q_proj", "fc1"), "adapter": "fresh", "max_sequence_tokens": 333, "max_new_tokens": 44,
    "temperature": 0.7, "top_p": 0.5, "top_k": 9, "repetition_penalty": 1.3, "max_answer_seconds": 12.5,
    "gpu_memory_cap_gb": 2.5, "seed": 7, "headline": "fact_recall", "arms": tuple(ARMS), "learning_curve": True,
    "judge": "a-judge", "judge_base_url": "https://judge.example/v1", "judge_metrics": ("faithfulness",),
    "name": "-- it's a \"name\" with $HOME; rm -rf / && `ls`\nand more",
}


def parsed(command: str) -> RunConfig:
    """Return the configuration that the command line parses from a shell command."""
    assert command.startswith(f"{COMMAND} ")
    return config_of(parser().parse_args(shlex.split(command)[3:]))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_repeated_as_it_is_with_its_seed_in_sight(preset: str) -> None:
    command = command_of(PRESETS[preset])
    assert parsed(command) == PRESETS[preset] and command == f"{COMMAND} --preset={preset} --seed=42"


@pytest.mark.parametrize("preset", PRESETS)
def test_every_value_survives_the_way_through_the_shell(preset: str) -> None:
    config = check(dataclasses.replace(PRESETS[preset], **OTHER))
    assert parsed(command_of(config)) == config


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(RunConfig) if f.name in OTHER])
def test_each_value_alone_survives_too(field: str) -> None:
    together = {"judge_base_url": ("judge",), "new_topics": ("new_topic_questions", "topics"),
                "new_topic_questions": ("new_topics", "topics")}
    changes = {name: OTHER[name] for name in (field, *together.get(field, ()))}
    config = check(dataclasses.replace(PRESETS["phi-2"], **changes))
    assert parsed(command_of(config)) == config


def test_no_field_of_the_configuration_was_forgotten() -> None:
    judged_elsewhere = {"preset", "knowledge", "knowledge_name", "fine_tune"}
    fields = {field.name for field in dataclasses.fields(RunConfig)}
    for field in fields - set(OTHER) - judged_elsewhere:  # fields added later go through --set
        assert getattr(RunConfig(), field) == getattr(parsed(command_of(RunConfig())), field)


def test_a_folder_of_documents_with_a_space_in_its_name_and_no_fine_tuning(tmp_path: Path) -> None:
    folder = tmp_path / "our docs"
    config = check(RunConfig(knowledge=str(folder), knowledge_name="Our Product", topics=(), fine_tune=False))
    assert parsed(command_of(config)) == config
    chosen = check(RunConfig(knowledge=str(folder), topics=("a topic, with comma", "plain")))
    assert parsed(command_of(chosen)) == chosen


LATER = [setting for setting in settings_of(RunConfig)
         if setting.name in earlier_values() and earlier_values()[setting.name] != setting.default]
"""Settings that came later and changed what a run does."""
CALLS = {"teacher": {"teacher": "llama3.1", "teacher_base_url": "http://localhost:11434/v1"},
         "judge": {"judge": "a-judge"}}


@pytest.mark.parametrize("roles", [(), ("teacher",), ("judge",), ("teacher", "judge")])
def test_an_older_run_names_a_later_setting_exactly_where_it_has_an_effect(roles: tuple[str, ...]) -> None:
    """An older run has the values of before; those about a model's calls have no effect where it is not called."""
    models = {name: value for role in roles for name, value in CALLS[role].items()}
    old = dataclasses.replace(RunConfig(), **earlier_values(), **models)
    command = command_of(old)
    named = {setting.name for setting in LATER
             if any(word.startswith((f"{setting.flag}=", f"--set={setting.name}=")) or word == setting.flag
                    for word in shlex.split(command))}
    follows = implied_changes(RunConfig(), {"study": "off"})  # the recipe that the command names by one word
    assert named == {setting.name for setting in LATER
                     if (setting.role is None or setting.role in roles) and setting.name not in follows
                     and setting.name != "margin"}  # a new run always names one
    again = parsed(command)
    assert all(getattr(again, setting.name) == getattr(old, setting.name) for setting in LATER
               if setting.name in named)
    assert dataclasses.replace(again, **earlier_values()) == old
    if len(roles) == len(CALLS):
        assert again == dataclasses.replace(old, margin=None)


def test_a_later_setting_chosen_by_a_person_is_named_whatever_the_run_calls() -> None:
    chosen = {"teacher_effort": "low", "judge_effort": "high", "question_form": "sentence"}
    config = check(dataclasses.replace(RunConfig(), **chosen))
    assert parsed(command_of(config)) == config


def test_a_value_taken_back_to_none_is_said() -> None:
    config = dataclasses.replace(PRESETS["phi-2"], gpu_memory_cap_gb=None)
    assert parsed(command_of(config)) == config


def test_set_names_what_it_does_not_know() -> None:
    with pytest.raises(InvalidConfig, match="names no setting"):
        parsed(f"{COMMAND} --set=top_q=1")
