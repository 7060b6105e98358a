"""A configuration is refused with every reason at once, or can be used and repeated."""

from __future__ import annotations

import dataclasses

import pytest

from store.run_config import InvalidConfig, RunConfig, earlier_values, from_json, to_json
from store.config_checks import check
from store.presets import PRESETS, preset
from tests.plain_runs import plain_run


def test_all_errors_are_found_in_one_pass() -> None:
    with pytest.raises(InvalidConfig) as refused:
        plain_run(questions=1001, cycles=0, topics=("pods", "pod"), precision="int3")
    text = "\n".join(refused.value.errors)
    assert len(refused.value.errors) == 4
    for value in ("1001", "1 to 1000", "cycles 0", "'pod': did you mean 'pods'?", "'int3'"):
        assert value in text


def test_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(InvalidConfig, match=r"'embeded'.*embedded, phi-2.*did you mean 'embedded'"):
        preset("embeded")


def test_a_run_can_be_given_a_name() -> None:
    assert plain_run(name="mine").name == "mine"


@pytest.mark.parametrize("name", PRESETS)
def test_a_stored_configuration_comes_back_equal(name: str) -> None:
    assert from_json(to_json(preset(name))) == preset(name)


def test_a_configuration_of_another_version_is_still_read() -> None:
    expected = dataclasses.replace(RunConfig(), questions=3, **earlier_values())
    assert from_json('{"questions": 3, "unknown_field": 1}') == expected


@pytest.mark.parametrize(("field", "value"), [("questions", True), ("questions", "12"), ("learning_rate", float("nan")),
                                              ("held_out", -1), ("teacher", " "), ("teacher_base_url", "localhost")])
def test_a_value_of_the_wrong_kind_is_refused(field: str, value: object) -> None:
    with pytest.raises(InvalidConfig, match=field):
        check(dataclasses.replace(RunConfig(), **{field: value}))


@pytest.mark.parametrize("field", ["teacher_base_url", "judge_base_url"])
@pytest.mark.parametrize(("address", "said"), [
    ("http://h:8000/v1/chat/completions", "ends in /chat/completions, which the program adds itself: use "
                                          "'http://h:8000/v1'"),
    ("http://h/v1/chat/completions/?api-version=1", "use 'http://h/v1?api-version=1'"),
    ("http://h/v1/models", "ends in /models"), ("h:8000/v1", "does not begin with http:// or https://"),
    ("http://", "is no address"), ("http://h/v1 ", "is no address"), ("http://h/\nv1", "is no address"),
    ("http://h/v1?api-key=s3cret", "holds a password or key"), ("http://ann:s3cret@h/v1", "holds a password or key")])
def test_an_address_that_cannot_be_called_is_refused_with_the_right_one(field: str, address: str, said: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        plain_run(judge="m", **{field: address})
    (message,) = refused.value.errors
    assert said in message and message.startswith(field) and "s3cret" not in message


def test_an_address_with_a_query_can_be_used() -> None:
    azure = "https://h.azure.com/openai/deployments/gpt-4o?api-version=2024-06-01"
    assert plain_run(teacher="gpt-4o", teacher_base_url=azure).teacher_base_url == azure
