"""The presets of a run, and the values that follow from a change of one."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any

from store.config_checks import check, range_errors
from store.run_config import EMBEDDED_STUDENT, InvalidConfig, RunConfig
from store.training_defaults import size_class


ONE_WORDING: dict[str, Any] = {
    "learning_rate": 2e-4, "batch_size": 4, "lora_rank": 16, "lora_alpha": 32, "lora_dropout": 0.05, "passes": None,
    "general_replay": 0.0,
}
"""What `study="off"` stands for where a value is not given: the product's first recipe, 100 steps on one wording."""

_PHI_2 = RunConfig(
    preset="phi-2", teacher="gpt-4o-mini", student="microsoft/phi-2", precision="nf4", study="off",
    **ONE_WORDING | {"batch_size": 1, "gradient_accumulation": 4}, max_sequence_tokens=1024, max_new_tokens=500,
    temperature=0.8, gpu_memory_cap_gb=3.0,
)

PRESETS: dict[str, RunConfig] = {"embedded": RunConfig(), "phi-2": _PHI_2}


def preset(name: str, /, **changes: Any) -> RunConfig:
    """Return a preset with some values changed, after `check`.

    Raises:
        InvalidConfig: no such preset, or any value that `check` refuses.
    """
    if name not in PRESETS:
        near = difflib.get_close_matches(name, PRESETS, n=1)
        hint = f", did you mean {near[0]!r}?" if near else ""
        raise InvalidConfig([f"unknown preset {name!r}: use one of {', '.join(PRESETS)}{hint}"])
    base = PRESETS[name]
    wrong = [field for field in changes if range_errors({field: changes[field]})]
    if wrong:  # what follows from a change can only be worked out of values in their range
        others = {field: value for field, value in changes.items() if field not in wrong}
        raise InvalidConfig([*range_errors(changes), *_errors_of(dataclasses.replace(base, **others))])
    return check(dataclasses.replace(base, **implied_changes(base, changes) | changes))


def _errors_of(config: RunConfig) -> list[str]:
    try:
        check(config)
    except InvalidConfig as error:
        return error.errors
    return []


def implied_changes(base: RunConfig, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that follow from other changes of a preset, where they are not given themselves.

    They follow from another recipe (`study`, with the student's size), and from what decides the length of training.
    """
    study = changes.get("study", base.study)
    implied: dict[str, Any] = {}
    if study == "off" and base.study != "off":
        implied = dict(ONE_WORDING)
    elif study != "off" and (base.study == "off" or changes.get("student", base.student) != EMBEDDED_STUDENT):
        implied = dict(size_class(changes.get("student", base.student)).values)
    if changes.keys() & {"steps", "minutes"} or changes.get("passes"):
        implied |= {"passes": None, "minutes": None}
    return implied
