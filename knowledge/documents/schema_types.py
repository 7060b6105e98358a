"""Say the type, the default and the allowed values of a JSON Schema in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MOST_VALUES = 8


def spoken_type(schema: Mapping[str, Any]) -> str:
    """`integer`, `list of Item`, `string or null`; empty where the schema does not say."""
    if isinstance(reference := schema.get("$ref"), str):
        return reference.rpartition("/")[2]
    declared = schema.get("type")
    if declared == "array":
        items = schema.get("items")
        inner = spoken_type(items) if isinstance(items, Mapping) else ""
        return f"list of {inner}" if inner else "list"
    if isinstance(declared, list):
        return " or ".join(map(str, declared))
    if isinstance(declared, str):
        return declared
    parts = next((found for key in ("allOf", "oneOf", "anyOf") if isinstance(found := schema.get(key), list)), [])
    named = dict.fromkeys(name for part in parts if isinstance(part, Mapping) and (name := spoken_type(part)))
    return " or ".join(named) if len(named) <= 3 else ""


def default_and_values(schema: Mapping[str, Any]) -> list[str]:
    """A sentence for the default and one for the allowed values, where there are any."""
    found = []
    default, values = schema.get("default"), schema.get("enum")
    if isinstance(default, str | int | float) and str(default).strip():
        found.append(f"Its default is {_code(default)}.")
    if isinstance(values, list) and 1 < len(values) <= _MOST_VALUES and \
            all(isinstance(value, str | int | float) for value in values):
        *most, last = map(_code, values)
        found.append(f"Its allowed values are {', '.join(most)} and {last}.")
    return found


def _code(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text.replace('`', '')}`"
