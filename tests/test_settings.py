"""Each setting is declared once, completely, and everything that shows or reads settings is derived from that."""

from __future__ import annotations

import argparse
import dataclasses

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.panels import launch_form
from dashboard.view_models.launch_request import form_settings, form_state
from runner.cli.run import add_arguments
from store.config_markdown import settings_table
from store.config_metadata import AFFECTED, Affected, Setting, fields_affecting, setting, settings_of
from store.report.reproduce_command import COMMAND, command_of
from store.run_config import CHOICES, RANGES, TRAINING, InvalidConfig, RunConfig
from store.config_checks import check
from store.presets import PRESETS

DIMENSIONLESS = {"learning_rate", "lora_rank", "lora_alpha", "lora_dropout", "temperature", "top_p",
                 "repetition_penalty", "seed", "training_seed"}
BY_NAME = {item.name: item for item in settings_of(RunConfig)}


@dataclasses.dataclass(frozen=True)
class Later(RunConfig):
    """The configuration with two settings more: one declaration each, and nothing else changes."""

    stop_words: tuple[str, ...] = setting((), label="Stop words", group=TRAINING, empty="none", was=(),
                                          help="Texts at which an answer ends.")
    warmup_steps: int = setting(5, label="Warmup steps", group=TRAINING, unit="steps", range=(0, 500), was=0,
                                affects=("duration",), help="Optimizer steps with a rising learning rate.")


def parser_of(form: type[RunConfig]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    add_arguments(parser, form)
    return parser


def test_one_line_adds_a_setting_to_the_command_line() -> None:
    parser = parser_of(Later)
    assert parser.parse_args(["--warmup-steps", "7"]).warmup_steps == 7
    words = " ".join(parser.format_help().split())
    assert "--warmup-steps N Optimizer steps with a rising learning rate. (0 to 500)" in words
    assert "warmup" not in parser_of(RunConfig).format_help()


def test_one_line_adds_a_setting_to_the_form() -> None:
    assert [item.name for item in form_settings(Later) if item not in form_settings()] == ["stop_words", "warmup_steps"]
    assert form_state(Later(warmup_steps=9), "folder")["launch embedded warmup_steps"] == 9


def form_of_later() -> None:
    """The fields of a form, as the script of a page."""
    from dashboard.panels import knowledge_fields, launch_form
    from dashboard.view_models.launch_request import form_settings
    from tests.test_settings import Later

    settings, about = form_settings(Later), knowledge_fields.selected_knowledge()
    values: dict[str, object] = {}
    launch_form._draw([setting for setting in settings if setting.form == "main"], Later(), about, values)
    launch_form._advanced(settings, Later(), about, values, {}, drawn=True)


def test_the_form_draws_a_field_with_the_bounds_and_help_of_the_setting() -> None:
    app = AppTest.from_function(form_of_later).run(timeout=300)
    field = app.number_input(key="launch embedded warmup_steps")
    assert (field.label, field.value, field.min, field.max) == ("Warmup steps", 5, 0, 500)
    assert field.help == "Optimizer steps with a rising learning rate."
    assert app.multiselect(key="launch embedded stop_words").label == "Stop words"


def test_one_line_adds_a_setting_to_the_reproduce_command_to_the_table_and_to_validation() -> None:
    assert command_of(Later(warmup_steps=7)) == f"{COMMAND} --preset=embedded --seed=42 --warmup-steps=7"
    assert command_of(Later()) == command_of(RunConfig())
    added = [line for line in settings_table(Later).splitlines() if line not in settings_table().splitlines()]
    assert added[1:] == ["| `warmup_steps` | `--warmup-steps` | `5` | 0 to 500 steps | stage duration | "
                         "Optimizer steps with a rising learning rate. |"]
    assert "warmup_steps" in fields_affecting("duration", Later)
    with pytest.raises(InvalidConfig, match="warmup_steps 501 is out of range: use 0 to 500"):
        check(Later(warmup_steps=501))


@pytest.mark.parametrize("item", BY_NAME.values(), ids=BY_NAME)
def test_every_setting_is_declared_completely(item: Setting) -> None:
    assert item.label and item.group and item.help.endswith(".") and "`" not in item.help
    assert set(item.affects) <= set(AFFECTED)
    if item.kind in (int, float):
        assert item.range or item.optional, "a number without a range"
        assert bool(item.unit) != (item.name in DIMENSIONLESS)
    if item.default in (None, "", ()):
        assert item.empty, "nobody knows what an empty value stands for"
    if item.choices:
        values = item.default if isinstance(item.default, tuple) else (item.default,)
        assert set(values) <= set(item.choices)
    if item.slider:
        assert item.range and item.range[0] <= item.slider[0] < item.slider[1] <= item.range[1]
        starts = [getattr(start, item.name) for start in PRESETS.values()]
        assert all(item.slider[0] <= value <= item.slider[1] for value in starts)


def test_labels_and_flags_are_unique() -> None:
    labels = [item.label for item in BY_NAME.values()]
    flags = [item.flag for item in BY_NAME.values() if item.flag]
    flags += [switch.flag for item in BY_NAME.values() for switch in item.switches]
    assert len(set(labels)) == len(labels) and len(set(flags)) == len(flags)


def test_presets_are_the_choices_of_the_setting() -> None:
    assert CHOICES["preset"] == tuple(PRESETS)


def test_the_sliders_keep_their_ranges() -> None:
    sliders = {item.name: item.slider for item in BY_NAME.values() if item.slider}
    assert sliders == {"questions": (1, 50), "cycles": (1, 10), "held_out": (0, 200), "taught_questions": (0, 200),
                       "temperature": (0, 2)}
    assert RANGES["questions"] == (1, 1000) and RANGES["cycles"] == (1, 10)


@pytest.mark.parametrize(("effect", "fields"), [
    ("duration", "teacher student student_server precision questions held_out paraphrases new_topic_questions general "
                 "fine_tune steps batch_size gradient_accumulation max_new_tokens max_sequence_tokens temperature arms "
                 "learning_curve teacher_batch study passes minutes general_replay taught_questions "
                 "reading_share dev_questions keep_best_step early_stopping_patience"),
    ("work", "teacher teacher_base_url student student_server precision knowledge practice test max_new_tokens "
             "temperature fine_tune arms learning_curve study general_replay reading_share keep_best_step "
             "early_stopping_patience question_before_passages"),
    ("amount", "questions cycles held_out paraphrases new_topic_questions general steps batch_size "
               "gradient_accumulation taught_questions passes minutes dev_questions"),
    ("variance", "knowledge practice test student teacher"),
])
def test_what_makes_past_runs_comparable(effect: Affected, fields: str) -> None:
    assert set(fields_affecting(effect, RunConfig)) == set(fields.split())


def test_the_command_line_keeps_its_flags() -> None:
    flags = {flag for action in parser_of(RunConfig)._actions for flag in action.option_strings}
    assert flags >= set("""
        -h --help --preset --name --seed --set --json --questions --cycles --topics --held-out --held-out-set
        --paraphrases --new-topics --new-topic-questions --general --knowledge --knowledge-name --student --precision
        --steps --learning-rate --batch-size --lora-rank --adapter --max-new-tokens --temperature --teacher
        --teacher-base-url --max-cost-usd --headline --judge --judge-base-url --judge-metrics --no-finetune
        --few-shot --retrieval --tuned-retrieval --placebo --teacher-ceiling --all-arms --learning-curve
        --teacher-batch --study --passes --minutes --taught-questions --headline-tier --general-replay
        --reading-share --margin""".split())


def test_the_form_has_every_setting_but_the_preset_stored_replies_own_questions_and_what_a_sweep_sets() -> None:
    assert {item.name for item in settings_of(RunConfig)} - {item.name for item in form_settings()} == {
        "preset", "from_replies", "practice", "test", "hold_test"}
    assert {item.name for item in form_settings() if item.form != "expert"} == set("""
        questions cycles held_out topics fine_tune name knowledge knowledge_name held_out_set new_topics
        new_topic_questions general max_cost_usd student precision teacher teacher_base_url teacher_effort judge
        judge_base_url steps learning_rate adapter max_new_tokens temperature seed arms learning_curve
        teacher_batch study passes minutes taught_questions headline_tier reading_share
        margin headline review""".split())
    assert set(launch_form._SPECIAL_FIELDS) <= {item.name for item in form_settings()}
