"""Settings: a field of a configuration together with its range, choices, unit, command-line flag and help text.

`setting` declares such a field in a dataclass; `settings_of` reads all of them back. Whatever shows or reads settings
(command line, launch form, reproduce command, table of settings) is derived from `settings_of`.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple, TypeVar

Affected = Literal["duration", "work", "amount", "variance"]
AFFECTED: dict[Affected, str] = {
    "duration": "stage duration", "work": "kind of work", "amount": "amount of work", "variance": "variance of scores",
}
"""What a setting can affect. Past runs are used for an estimate only where the settings that affect it are equal:
`duration` and `work` (which stages run, and the time for one item) for the time that stages take, which is scaled by
`amount` (how many items); `variance` for the smallest change that a test can detect."""
Placement = Literal["main", "advanced", "expert", "hidden"]
"""Where the launch form shows a setting: always, under Advanced, there under more settings of its group, or not."""
Role = Literal["teacher", "judge"]
_NO_VALUE: Any = object()


class Switch(NamedTuple):
    """A flag that adds one value to a setting that holds several."""

    value: str
    flag: str
    help: str


@dataclass(frozen=True)
class Setting:
    """One field of a configuration class, as declared by `setting`."""

    name: str
    kind: type
    """`str`, `int`, `float`, `bool`, or `tuple` for a tuple of texts."""
    optional: bool
    """Whether None is allowed."""
    default: Any
    help: str
    """One or two plain sentences; no Markdown and no range, which each place adds in its own format."""
    group: str
    label: str
    unit: str
    range: tuple[float, float] | None
    """Lowest and highest value, both allowed."""
    slider: tuple[float, float] | None
    """The range of the form's slider, which may be narrower; None: the form has no slider for it."""
    step: float | None
    """How far one click on the form's field changes a float."""
    choices: Mapping[str, str]
    """Allowed values and their names in the form; empty: any value of the kind."""
    flag: str
    """The command-line flag; empty: only `--set FIELD=VALUE`. For a bool it sets the opposite of the default."""
    metavar: str
    switches: tuple[Switch, ...]
    affects: tuple[Affected, ...]
    form: Placement
    empty: str
    """What an empty value (None, "", ()) stands for; shown as a placeholder."""
    max_chars: int | None
    """The most characters that the form's text field takes."""
    in_every_command: bool
    """Whether the reproduce command names it even at the preset's own value."""
    role: Role | None
    """The model whose calls it is about; without effect in a run that calls no such model. None: not about calls."""
    one_in_group: bool
    """Whether all runs of a group have the same value: it decides the test, how it is scored, or is no treatment."""


Form = TypeVar("Form")


def setting(default: Any, *, help: str, group: str, label: str, unit: str = "",
            range: tuple[float, float] | None = None, slider: tuple[float, float] | None = None,
            step: float | None = None, choices: Sequence[str] | Mapping[str, str] = (), flag: str | None = None,
            metavar: str | None = None, switches: Sequence[Switch] = (), affects: Sequence[Affected] = (),
            form: Placement = "advanced", empty: str = "", max_chars: int | None = None,
            in_every_command: bool = False, role: Role | None = None, one_in_group: bool = False,
            was: Any = _NO_VALUE) -> Any:
    """Declare a dataclass field that carries what is known about a setting; the parameters are the fields of `Setting`.

    Args:
        choices: allowed values; as a mapping, with the names that the form shows for them.
        flag: None derives it from the field's name: `--like-this`.
        metavar: None derives it from the kind.
        was: for a field that was added later: the value that describes runs made before it existed.
    """
    metadata: dict[str, Any] = {
        "help": help, "group": group, "label": label, "unit": unit, "range": range, "slider": slider, "step": step,
        "choices": dict(choices) if isinstance(choices, Mapping) else {choice: choice for choice in choices},
        "flag": flag, "metavar": metavar, "switches": tuple(switches), "affects": tuple(affects), "form": form,
        "empty": empty, "max_chars": max_chars, "in_every_command": in_every_command, "role": role,
        "one_in_group": one_in_group,
    }
    return dataclasses.field(default=default, metadata=metadata | ({} if was is _NO_VALUE else {"was": was}))


def settings_of(form: type) -> tuple[Setting, ...]:
    """Return every setting of a configuration class, in the order of its fields.

    Raises:
        TypeError: a field was not declared with `setting`.
    """
    key: Any = form
    return _read_settings(key)


@cache
def _read_settings(form: type) -> tuple[Setting, ...]:
    hints = typing.get_type_hints(form)
    return tuple(_setting(field, *_kind(hints[field.name])) for field in dataclasses.fields(form))


def _setting(field: dataclasses.Field[Any], kind: type, optional: bool) -> Setting:
    known = {key: value for key, value in field.metadata.items() if key != "was"}
    if known.get("flag") is None:
        known["flag"] = f"--{field.name.replace('_', '-')}"
    if known.get("metavar") is None:
        known["metavar"] = {int: "N", float: "X", tuple: "A,B"}.get(kind, "NAME")
    return Setting(name=field.name, kind=kind, optional=optional, default=field.default, **known)


def _kind(hint: Any) -> tuple[type, bool]:
    """The kind of value behind a type hint, and whether it may be None."""
    if isinstance(hint, types.UnionType):
        inner = [part for part in typing.get_args(hint) if part is not type(None)]
        return _kind(inner[0])[0], True
    return typing.get_origin(hint) or hint, False


def by_group(settings: Sequence[Setting]) -> dict[str, list[Setting]]:
    """Return settings by group; groups are in the order of their first setting."""
    groups: dict[str, list[Setting]] = {}
    for item in settings:
        groups.setdefault(item.group, []).append(item)
    return groups


def ranges_of(form: type) -> dict[str, tuple[float, float]]:
    """Return the lowest and highest allowed value by field name."""
    return {item.name: item.range for item in settings_of(form) if item.range}


def choices_of(form: type) -> dict[str, tuple[str, ...]]:
    """Return the allowed values by field name, for settings that hold one value of a fixed list."""
    return {item.name: tuple(item.choices) for item in settings_of(form) if item.choices and item.kind is not tuple}


def fields_affecting(effect: Affected, form: type) -> tuple[str, ...]:
    """Return the names of the fields with this effect, a key of `AFFECTED`."""
    return tuple(item.name for item in settings_of(form) if effect in item.affects)
