"""Read settings of a run by name, as files and programs give them: unknown names and wrong kinds are refused."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from store.config_metadata import Setting, settings_of
from store.presets import preset
from store.run_config import InvalidConfig, RunConfig

_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text", "tuple": "a list"}
_NO_CHARACTER = re.compile(r"[\x00\ud800-\udfff]")


def config_of_values(values: Mapping[str, Any]) -> RunConfig:
    """Return the configuration of settings by name; one that is not named has its preset's value.

    Args:
        values: plain values as JSON and YAML have them; `preset` names the preset, by default `embedded`.

    Raises:
        InvalidConfig: one sentence for each thing that is no setting or no valid value.
    """
    known = {setting.name: setting for setting in settings_of(RunConfig)}
    faults = [_unknown(str(name), known) for name in values if name not in known]
    faults += [fault for name, value in values.items() if name in known and (fault := _fault(known[name], value))]
    if faults:
        raise InvalidConfig(faults)
    changes = {name: _value(known[name], value) for name, value in values.items() if name != "preset"}
    return preset(str(values.get("preset", "embedded")), **changes)


def _unknown(name: str, known: Mapping[str, Setting]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"no setting {name[:60]!r}{f', did you mean {near[0]}?' if near else ''}"


def _unstorable(name: str, value: Any) -> str | None:
    """Why no store can hold the texts of a value: characters that are in JSON, but in no UTF-8 and no database."""
    texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    if not any(_NO_CHARACTER.search(text) for text in texts):
        return None
    return f"{name} {str(value)[:60]!r} has a character that no store can hold (NUL, or half of a surrogate pair)"


def _fault(setting: Setting, value: Any) -> str | None:
    """Why a value is not of the setting's kind; None if it is."""
    if value is None and setting.optional:
        return None
    accepted: Any = {int: int, float: (int, float), tuple: list}.get(setting.kind, setting.kind)
    right = isinstance(value, accepted) and (setting.kind is bool or not isinstance(value, bool))
    if right and (setting.kind is not tuple or all(isinstance(item, str) for item in value)):
        return _unstorable(setting.name, value)
    return f"{setting.name} {str(value)[:60]!r} is not {_KINDS[setting.kind.__name__]}"


def _value(setting: Setting, value: Any) -> Any:
    if setting.kind is tuple:
        return tuple(value)
    return float(value) if setting.kind is float and value is not None else value
