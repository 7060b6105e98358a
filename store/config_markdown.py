"""The table of settings in Markdown, rendered from the fields of the configuration.

`python -m store.config_markdown FILE.md` renders the table in a document again.
"""

from __future__ import annotations

import sys
from pathlib import Path

from store.config_metadata import AFFECTED, Setting, by_group, settings_of
from store.run_config import RunConfig
from store.presets import PRESETS

_MAX_ITEMS = 7


def settings_table(form: type[RunConfig] = RunConfig) -> str:
    """Return one Markdown table for each group of settings, each under a heading."""
    parts = []
    for group, settings in by_group(settings_of(form)).items():
        rows = "\n".join(_row(setting) for setting in settings)
        parts.append(f"### {group}\n\n| setting | flag | default | values | affects | meaning |\n"
                     f"| --- | --- | --- | --- | --- | --- |\n{rows}")
    return "\n\n".join(parts)


def _row(setting: Setting) -> str:
    cells = (f"`{setting.name}`", _flags(setting), _defaults(setting), _values(setting),
             ", ".join(AFFECTED[effect] for effect in setting.affects), setting.help)
    return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"


def _flags(setting: Setting) -> str:
    flags = [switch.flag for switch in setting.switches] or [setting.flag]
    return ", ".join(f"`{flag}`" for flag in flags if flag) or f"`--set {setting.name}=...`"


def _defaults(setting: Setting) -> str:
    """The default, and each preset that has another one."""
    others = {name: value for name, start in PRESETS.items() if setting.name != "preset"
              and (value := getattr(start, setting.name, setting.default)) != setting.default}
    return "; ".join([_value(setting, setting.default), *(f"{name}: {_value(setting, value)}"
                                                          for name, value in others.items())])


def _value(setting: Setting, value: object) -> str:
    if value in (None, "", ()):
        return setting.empty
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        shown = ", ".join(f"`{item}`" for item in value[:_MAX_ITEMS])
        return shown if len(value) <= _MAX_ITEMS else f"{shown}, ... ({len(value)})"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _values(setting: Setting) -> str:
    """Choices, or a range with its unit, or the unit alone."""
    if setting.choices:
        return ", ".join(f"`{choice}`" for choice in setting.choices)
    if setting.kind is bool:
        return "on, off"
    number = "{:,}" if setting.kind is int else "{:,g}"
    low_to_high = f"{number} to {number}".format(*setting.range) if setting.range else ""
    return " ".join(part for part in (low_to_high, setting.unit) if part)


def main(path: str) -> None:
    """Replace the table between the markers `<!-- settings -->` and `<!-- /settings -->` of a Markdown file."""
    file = Path(path)
    before, _, rest = file.read_text(encoding="utf-8").partition("<!-- settings -->\n")
    file.write_text(f"{before}<!-- settings -->\n{settings_table()}\n{rest[rest.index('<!-- /settings -->'):]}",
                    encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
