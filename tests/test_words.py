"""Retired words: the field's word stands for each in identifiers, docstrings, comments and texts of the program.

A word is looked for as a whole word; identifiers are split at underscores and capitals. What is stored keeps its name
(`ALLOWED`), because old stores must open.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("knowledge", "store", "runner", "dashboard")
RETIRED = {
    "question search": "hunt hunts hunted",
    "remaining budget": "purse purses",
    "record, emit, report": "teller tellers",
    "likelihood scorer": "weigh weighs weighed weigher weighers weighing",
    "execute": "carry_out carries_out",
    "compute, estimate": "reckon reckons reckoned reckoning",
    "handle the exit": "buries buried",
    "last seen": "first_heard",
    "resume": "whereabouts",
    "data directory": "premises doorway",
    "process lock": "lifeline",
    "runner log": "logbook",
    "resources": "workbench",
    "fallback level": "rungs",
    "release, unload": "give_back given_back let_go",
    "pause, quarantine, archive": "put_aside",
    "package": "house",
    "expensive": "dear",
    "successor": "heir heirs",
    "freeze": "settling",
    "cached": "remembered",
    "cached LLM call": "receipt receipts",
    "distractor": "foil",
    "near-duplicate": "twin",
    "is notified": "hears",
}
"""The field's word, and the words and phrases that it replaces."""
ALLOWED: dict[str, str] = {"foil_rules": "a field of stored references"}
"""Identifiers and literals that are stored or exported under a retired word, each with its reason."""
SPLIT = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def words_in(token: str) -> str:
    """The words of a token in small letters, one blank between two; allowed names are left out."""
    for name in ALLOWED:
        token = re.sub(rf"(?<![\w]){re.escape(name)}(?![\w])", " ", token)
    return " ".join(SPLIT.findall(token)).lower()


def texts() -> Iterator[tuple[str, str]]:
    """Where each identifier, literal and comment stands, and its words."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = str(path.relative_to(ROOT))
            yield place, words_in(place.removesuffix(".py"))
            for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
                if token.type in (tokenize.NAME, tokenize.STRING, tokenize.COMMENT):
                    yield f"{place}:{token.start[0]}", words_in(token.string)


@pytest.fixture(scope="module")
def everything() -> list[tuple[str, str]]:
    return list(texts())


@pytest.mark.parametrize("instead", RETIRED)
def test_a_retired_word_does_not_come_back(everything: list[tuple[str, str]], instead: str) -> None:
    retired = re.compile(rf"\b({'|'.join(RETIRED[instead].split()).replace('_', ' ')})\b")
    found = [f"{place}: {match[0]}, say: {instead}" for place, words in everything
             if (match := retired.search(words))]
    assert not found, "\n".join(found)


def test_words_are_found_in_identifiers_and_prose_and_not_within_other_words() -> None:
    assert words_in("_carry_out") == "carry out" and words_in("PurseOfRun") == "purse of run"
    assert words_in('"the hunter, and a HTTPPurse"') == "the hunter and a http purse"
    assert not re.search(r"\bhunt\b", words_in("hunter"))


def test_what_is_allowed_is_still_there_and_has_a_reason() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for package in PACKAGES
                       for path in (ROOT / package).rglob("*.py"))
    assert all(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", source) and reason for name, reason in ALLOWED.items())
