"""The READMEs agree with the code in everything that can be compared: diagram, files, commands, targets, settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runner.cli.main import COMMANDS, parser
from runner.pipeline.diagram import mermaid
from store.config_markdown import settings_table
from store.run_config import RANGES
from store.presets import PRESETS

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("knowledge", "store", "runner", "distill", "dashboard", "tests")
READMES = {path: path.read_text(encoding="utf-8") for path in (
    ROOT / "README.md", ROOT / "data" / "README.md",
    *(path for room in ROOMS for path in sorted((ROOT / room).rglob("README.md"))))}
README, COMMANDS_README, PIPELINE_README = (
    READMES[ROOT / folder / "README.md"] for folder in (".", "runner/cli", "runner/pipeline"))
EVERYTHING = "\n".join(READMES.values())
# Written by a person who follows the README, not part of the project.
OF_THE_USER = {".streamlit/secrets.toml"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def without_fences(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


def files_named(text: str) -> set[str]:
    """Backticked paths, and those that begin a line of an indented layout."""
    text = without_fences(text)
    named = re.findall(r"`([\w./-]+)`", text) + re.findall(r"^    ([\w./-]+/[\w./-]*) ", text, flags=re.M)
    return {one for one in named if one.startswith(tuple(f"{room}/" for room in ROOMS))
            or one.endswith((".py", ".md", ".toml", ".txt", ".css"))}


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_the_diagram_is_the_table() -> None:
    assert f"```mermaid\n{mermaid()}\n```" in PIPELINE_README


@pytest.mark.parametrize("path", READMES, ids=name)
def test_no_readme_names_a_file_that_does_not_exist(path: Path) -> None:
    folders = [folder for folder in path.parents if folder == ROOT or ROOT in folder.parents]
    missing = {one for one in files_named(READMES[path]) - OF_THE_USER
               if not any((folder / one).exists() for folder in folders)}
    bare = {found.name for room in ROOMS for found in (ROOT / room).rglob("*.*")}  # a name without its folder
    assert sorted(missing - bare) == []


@pytest.mark.parametrize("path", READMES, ids=name)
def test_every_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    for target, heading in re.findall(r"\]\((?!https?://)([^)#]*)(?:#([^)]*))?\)", READMES[path]):
        to = (path.parent / target).resolve() if target else path
        to = to / "README.md" if to.is_dir() else to
        assert to.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.*)$", without_fences(to.read_text(encoding="utf-8")), flags=re.M)
            assert heading in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_layout_shows_every_folder_of_the_program() -> None:
    named = set(re.findall(r"^    ([\w./-]+)  ", README.split("<!-- layout -->")[1], flags=re.M))
    assert 20 <= len(named) <= 30
    assert [one for one in sorted(named) if not (ROOT / one).exists()] == []


def test_every_folders_readme_can_be_reached_from_the_first() -> None:
    folders = {path for path in READMES if len(path.relative_to(ROOT).parts) <= 3}
    reached, left = set[Path](), [ROOT / "README.md"]
    while left:
        path = left.pop()
        reached.add(path)
        text = READMES[path]
        links = {(path.parent / target).resolve() for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)}
        links |= {ROOT / one for one in re.findall(r"`([\w./-]+/README\.md)`", text)}
        left += [link for link in links if link in READMES and link not in reached]
    assert sorted(map(name, folders - reached)) == []


@pytest.mark.parametrize("command", [command.name for command in COMMANDS if command.help])
def test_every_command_is_documented_and_exists(command: str) -> None:
    assert command in parser().format_help()
    lines = re.findall(rf"^    python -m runner {command}  +(\S.*)$", COMMANDS_README, flags=re.M)
    assert len(lines) == 1


def test_every_command_named_exists() -> None:
    assert set(re.findall(r"python -m runner ([a-z][a-z-]*)", EVERYTHING)) <= {command.name for command in COMMANDS}


def test_every_make_target_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    named = set(re.findall(r"(?:`|^    |\| )make ([a-z-]+)", EVERYTHING, flags=re.M))
    assert {"demo", "run", "test", "bench"} <= named <= targets


def test_presets_and_ranges_are_stated_as_they_are() -> None:
    for preset in PRESETS:
        assert f"`{preset}`" in README
    for field in ("questions", "cycles", "held_out"):
        assert "{:g}-{:g}".format(*RANGES[field]) in README


def test_the_table_of_settings_is_derived_from_the_configuration() -> None:
    table = COMMANDS_README.split("<!-- settings -->\n")[1].split("\n<!-- /settings -->")[0]
    assert table == settings_table(), "render it again: python -m store.config_markdown runner/cli/README.md"


def test_the_glossary_has_about_forty_words_in_order() -> None:
    glossary = PIPELINE_README.partition("## Glossary")[2]
    words = [word.lower() for word in re.findall(r"^\| ([^|]+) \| ", glossary, flags=re.M)[2:]]
    assert 35 <= len(words) <= 50 and words == sorted(words)
