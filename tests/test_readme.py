"""The README cannot lie about what can be compared with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runner.cli.main import COMMANDS, parser
from runner.pipeline.diagram import mermaid
from store.config import PRESETS, RANGES
from store.settings_table import settings_table

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_diagram_is_the_table() -> None:
    assert f"```mermaid\n{mermaid()}\n```" in README


def test_every_folder_and_file_of_the_floor_plan_exists() -> None:
    plan = README.split("<!-- floor plan -->")[1]
    named = re.findall(r"^    ([\w./-]+)  ", plan, flags=re.M)
    assert len(named) > 30
    assert [name for name in named if not (ROOT / name).exists() and name != "data/events.db"] == []


@pytest.mark.parametrize("command", [command.name for command in COMMANDS if command.help])
def test_every_command_is_documented_and_exists(command: str) -> None:
    assert command in parser().format_help()
    assert f"python -m runner {command}" in README


def test_every_make_target_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    assert set(re.findall(r"`?make ([a-z-]+)", README)) <= targets


def test_presets_and_ranges_are_told_as_they_are() -> None:
    for name in PRESETS:
        assert f"`{name}`" in README
    for field in ("questions", "cycles", "held_out"):
        assert "{:g}-{:g}".format(*RANGES[field]) in README


def test_the_table_of_settings_is_derived_from_the_configuration() -> None:
    text = (ROOT / "runner/cli/README.md").read_text(encoding="utf-8")
    table = text.split("<!-- settings -->\n")[1].split("\n<!-- /settings -->")[0]
    assert table == settings_table(), "render it again: python -m store.settings_table runner/cli/README.md"
