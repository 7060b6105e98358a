"""The plan of a group of runs: every combination, one test, and a sentence for whatever cannot be planned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from store.config_metadata import settings_of
from store.run_config import InvalidConfig, RunConfig
from store.presets import preset
from store.sweep import (
    MOST_RUNS, may_vary, plan_runs, seeds_from, seeds_sentence, takes_several, values_from, without_seeds,
)

BY_NAME = {setting.name: setting for setting in settings_of(RunConfig)}


def make(point: Mapping[str, Any]) -> RunConfig:
    return preset("embedded", **point)


@pytest.mark.parametrize(("text", "seeds"), [
    ("3", (42, 43, 44)), ("1", (42,)), ("1-4", (1, 2, 3, 4)), ("1,5,9", (1, 5, 9)), ("1-2,7", (1, 2, 7)),
    ("5-5", (5,))])
def test_seeds_are_a_number_a_range_or_a_list(text: str, seeds: tuple[int, ...]) -> None:
    assert seeds_from(text, 42) == seeds


@pytest.mark.parametrize("text", ["", "x", "0", "-3", "1-", "1,,2", "3-1", "1,1", "1-3,2", "501", "0-100000", "2.5"])
def test_other_seeds_are_refused_with_the_value_and_the_way_out(text: str) -> None:
    with pytest.raises(InvalidConfig, match="seeds .*use|name a seed twice") as refused:
        seeds_from(text, 42)
    assert repr(text) in str(refused.value)


def test_every_combination_of_values_with_every_seed_is_one_run() -> None:
    plan = plan_runs(make, {"learning_rate": (1e-4, 1e-3), "lora_rank": (8, 16), "batch_size": (4,)}, (1, 2, 3))
    points = [(c.learning_rate, c.lora_rank, c.training_seed) for c in plan.configs]
    assert len(set(points)) == len(points) == 12
    assert {config.seed for config in plan.configs} == {42} and {config.batch_size for config in plan.configs} == {4}
    assert dict(plan.varied) == {"learning_rate": (1e-4, 1e-3), "lora_rank": (8, 16)}
    assert len({without_seeds(config) for config in plan.configs}) == 4
    assert len({config.name for config in plan.configs}) == 12


def test_all_runs_share_one_locked_test_that_each_of_them_teaches() -> None:
    plan = plan_runs(make, {"questions": (6, 24)}, (1,), group="sizes")
    assert {config.held_out_set for config in plan.configs} == {"sizes"}
    assert {config.taught_questions for config in plan.configs} == {6}  # 24 facts would be more than the first teaches
    named = plan_runs(lambda point: make({"held_out_set": "ours"} | dict(point)), {}, (1, 2))
    assert {config.held_out_set for config in named.configs} == {"ours"}


def test_only_drawn_seeds_change_the_practice_questions() -> None:
    plain, drawn = plan_runs(make, {}, (1, 2)), plan_runs(make, {}, (1, 2), draws=True)
    assert [(c.seed, c.seed_of_training) for c in plain.configs] == [(42, 1), (42, 2)]
    assert [(c.seed, c.seed_of_training) for c in drawn.configs] == [(1, 1), (2, 2)]
    assert len({config.held_out_set for config in drawn.configs}) == 1


def test_the_same_plan_has_the_same_name_and_another_plan_another() -> None:
    names = [plan_runs(make, {"lora_rank": ranks}, seeds).group for ranks, seeds in
             [((8, 16), (1, 2)), ((8, 16), (1, 2)), ((8, 32), (1, 2)), ((8, 16), (1, 3))]]
    assert names[0] == names[1] and len(set(names)) == 3


def test_a_length_of_training_that_varies_takes_the_place_of_the_presets_passes() -> None:
    plan = plan_runs(make, {"steps": (50, 100)}, (1,))
    assert [(config.steps, config.passes) for config in plan.configs] == [(50, None), (100, None)]


@pytest.mark.parametrize("name", sorted(name for name, setting in BY_NAME.items() if setting.one_in_group))
def test_what_decides_the_test_cannot_vary(name: str) -> None:
    assert not may_vary(BY_NAME[name])
    with pytest.raises(InvalidConfig, match=f"{name} .*cannot vary"):
        plan_runs(make, {name: ("a", "b")}, (1,))


@pytest.mark.parametrize(("varied", "group", "said"), [
    ({"seed": (1, 2)}, "", "seed cannot have several values here: use --seeds"),
    ({"lora_rank": (8, 8)}, "", "lora_rank names a value twice"),
    ({"lora_rank": ()}, "", "lora_rank has no value"),
    ({"learning_rate": (1e-4, 5.0)}, "", "learning_rate 5.0 is out of range: use 1e-06 to 0.1"),
    ({}, "../up", "group '../up' is no name"),
    ({"lora_rank": tuple(range(1, 202))}, "", f"this plan has 603 runs: use fewer values or seeds, up to {MOST_RUNS}")])
def test_what_cannot_be_planned_is_said_in_a_sentence(varied: dict[str, Any], group: str, said: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        plan_runs(make, varied, (1, 2, 3), group=group)
    assert len(refused.value.errors) == 1 and said in refused.value.errors[0]


def test_values_are_read_by_the_settings_kind() -> None:
    assert values_from(BY_NAME["learning_rate"], "1e-4, 1e-3") == (1e-4, 1e-3)
    assert values_from(BY_NAME["lora_alpha"], "[32, 64]") == (32, 64)
    assert values_from(BY_NAME["own_chat_template"], "on,off") == (True, False)
    for name, text in (("lora_rank", "8,x"), ("lora_rank", "[8.5]"), ("own_chat_template", "maybe")):
        with pytest.raises(InvalidConfig, match=f"{name} .* cannot be read: use .* with commas between, such as"):
            values_from(BY_NAME[name], text)


def test_a_shared_text_and_a_list_take_no_several_values() -> None:
    several = {name for name, setting in BY_NAME.items() if takes_several(setting)}
    assert {"learning_rate", "held_out", "seed", "student"} <= several
    assert not {"name", "knowledge", "headline", "topics", "arms"} & several


def test_the_plan_says_what_is_paid_once_and_what_the_interval_covers() -> None:
    def paid(point: Mapping[str, Any]) -> RunConfig:
        return preset("embedded", teacher="gpt-4o-mini", judge="gpt-4o", **point)

    plain = " ".join(plan_runs(paid, {}, (1, 2, 3)).sentences())
    assert "the test is paid for once" in plain and "2 further runs use the stored replies" in plain
    assert "at most 3 times what is estimated for one run" in plain and "over training seeds (3)" in plain
    drawn = " ".join(plan_runs(paid, {}, (1, 2), draws=True).sentences())
    assert "for each of 2 seeds" in drawn and "2 seeds are too few" in drawn
    assert "Teacher calls" not in " ".join(plan_runs(make, {}, (1, 2)).sentences())
    assert "one training cannot show it" in seeds_sentence(1)
