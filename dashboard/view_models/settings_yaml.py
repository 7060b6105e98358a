"""Settings of a run as YAML: those that differ from the preset, by name. No Streamlit, no files."""

from __future__ import annotations

import dataclasses
import difflib
from typing import Any

from store.config_metadata import Setting, settings_of
from store.presets import PRESETS, preset
from store.run_config import InvalidConfig, RunConfig

MOST_CHARACTERS = 20_000
_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text", "tuple": "a list"}


def written(config: RunConfig) -> str:
    """The preset, and every setting that differs from it."""
    import yaml  # late: the first page needs none

    base = PRESETS.get(config.preset, RunConfig())
    changed = {name: list(value) if isinstance(value, tuple) else value
               for name, value in dataclasses.asdict(config).items() if value != getattr(base, name)}
    return yaml.safe_dump({"preset": config.preset, **changed}, sort_keys=False, allow_unicode=True, width=100)


def read(text: str) -> RunConfig:
    """Read settings by name; a setting that is not named has its preset's value.

    Raises:
        InvalidConfig: one sentence for each thing that is no setting or no valid value.
    """
    import yaml

    try:
        found = yaml.safe_load(text[:MOST_CHARACTERS])
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        raise InvalidConfig([f"this is not YAML{f', see line {where.line + 1}' if where else ''}"]) from error
    if not isinstance(found, dict) or not found:
        raise InvalidConfig(["settings are lines of the form name: value, such as cycles: 3"])
    known = {setting.name: setting for setting in settings_of(RunConfig)}
    faults = [_unknown(str(name), known) for name in found if name not in known]
    faults += [fault for name, value in found.items() if name in known and (fault := _fault(known[name], value))]
    if faults:
        raise InvalidConfig(faults)
    changes = {name: _value(known[name], value) for name, value in found.items() if name != "preset"}
    return preset(str(found.get("preset", "embedded")), **changes)


def _unknown(name: str, known: dict[str, Setting]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"no setting {name[:60]!r}{f', did you mean {near[0]}?' if near else ''}"


def _fault(setting: Setting, value: Any) -> str | None:
    """Why a value is not of the setting's kind; None if it is."""
    if value is None and setting.optional:
        return None
    accepted: Any = {int: int, float: (int, float), tuple: list}.get(setting.kind, setting.kind)
    right = isinstance(value, accepted) and (setting.kind is bool or not isinstance(value, bool))
    if right and (setting.kind is not tuple or all(isinstance(item, str) for item in value)):
        return None
    return f"{setting.name} {str(value)[:60]!r} is not {_KINDS[setting.kind.__name__]}"


def _value(setting: Setting, value: Any) -> Any:
    if setting.kind is tuple:
        return tuple(value)
    return float(value) if setting.kind is float and value is not None else value
