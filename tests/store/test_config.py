"""A configuration is refused with every reason at once, or can be used and repeated."""

from __future__ import annotations

import dataclasses

import pytest

from store.config import PRESETS, InvalidConfig, RunConfig, check, from_json, preset, to_json


def test_all_errors_are_found_in_one_pass() -> None:
    with pytest.raises(InvalidConfig) as refused:
        preset("embedded", questions=51, cycles=0, topics=("pods", "pod"), precision="int3")
    text = "\n".join(refused.value.errors)
    assert len(refused.value.errors) == 4
    for value in ("51", "1 to 50", "cycles 0", "'pod': did you mean 'pods'?", "'int3'"):
        assert value in text


def test_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(InvalidConfig, match=r"'embeded'.*embedded, phi-2.*did you mean 'embedded'"):
        preset("embeded")


def test_a_run_can_be_given_a_name() -> None:
    assert preset("embedded", name="mine").name == "mine"


@pytest.mark.parametrize("name", PRESETS)
def test_a_stored_configuration_comes_back_equal(name: str) -> None:
    assert from_json(to_json(preset(name))) == preset(name)


def test_a_configuration_of_another_version_is_still_read() -> None:
    assert from_json('{"questions": 3, "unknown_field": 1}') == dataclasses.replace(RunConfig(), questions=3)


@pytest.mark.parametrize(("field", "value"), [("questions", True), ("questions", "12"), ("learning_rate", float("nan")),
                                              ("held_out", -1), ("teacher", " "), ("teacher_base_url", "localhost")])
def test_a_value_of_the_wrong_kind_is_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidConfig, match=field):
        check(dataclasses.replace(RunConfig(), **{field: value}))
