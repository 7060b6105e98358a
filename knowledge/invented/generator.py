"""Write a folder of invented facts: `python -m knowledge.invented.generator FOLDER --facts 300 --seed 7`.

The product is a tide station called Vantorel. Each kind of part has a page with one section for each part; its section
says one thing about it, with names drawn at random. All parts of a page are described in the same words, and no section
repeats its part's name, so that before training nothing tells a true answer from those of other parts or from a false
copy.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path

FACTS, SEED = 120, 20_260_719
"""Of the folder `documents`."""
PRODUCT = "Vantorel"
_PAGES = """
Sluices: Opens the {place} basin to {colour} boats, and for the {side} {measure} of {matter} at the {gate} tide.
Valves: Sends the {colour} wave to the {place} deck, and past the {side} {gate} grate at one {measure}.
Lamps: Shows the {place} crew a {colour} light, and on the {gate} mast the {side} flash of a {measure}.
Vats: Collects the {colour} brine for the {place} mill, and the {side} {measure} of {matter} in a {gate} shift.
Cranes: Moves the {colour} crates to the {place} quay, and the {side} {measure} of them on {matter} hooks.
Bells: Calls the {place} watch to the {colour} stairs, and by the {side} stroke at one {measure} of {matter}.
Drums: Turns the {colour} dough for the {place} market, and by the {side} {measure} of {gate} salt.
Scales: Checks the {place} barges for {colour} sand, and to the {side} {measure} on {gate} paper.
Gauges: Reports the {colour} level of the {place} channel, and the {side} {measure} on a dial of {matter}.
Winches: Joins the {place} ferry to the {colour} tower, and over the {side} {measure} of {matter} rope.
Ovens: Loads the {colour} clay of the {place} pits, and for the {side} {gate} tile one {measure} of {matter}.
Filters: Removes the {colour} mud from the {place} spring, and the {side} {measure} of it in a {gate} tray.
"""
PAGES = {kind: statement for line in _PAGES.split("\n") if line for kind, _, statement in [line.partition(": ")]}
"""Kind of part -> what is said about a part of it."""
_SIDES = (("first", "last"), ("highest", "lowest"), ("incoming", "outgoing"), ("maximum", "minimum"))
"""Words of which a false copy has the opposite, as likely one as the other. No statement holds a number: a false copy
has a larger one, which would give the true one away."""
_ONSETS = re.findall(r"\S+", "b br d dr f g gl h k kl l m n p pr r s sk st t tr v vr z")
_VOWELS, _CODAS = re.findall(r"\S+", "a e i o u"), re.findall(r"\S+", "l m n r s x lk nd rm rt st")
_TRIES = 100
"""Draws of a short word; there are 13,200 of them."""
_ENDS = re.findall(r"\S+", "el an or is um eth ine ock ard ulo")


def write_facts(folder: Path, facts: int = FACTS, seed: int = SEED) -> int:
    """Write pages with so many facts into a folder, which is created; the same arguments give the same files.

    Returns:
        The number of facts, which is `facts`.

    Raises:
        ValueError: fewer facts than pages, which could not have one each.
        FileExistsError: the folder has files already.
    """
    if facts < len(PAGES):
        raise ValueError(f"{facts} facts are too few: use at least {len(PAGES)}, one for each page")
    if folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty: name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)
    words = _Words(chance)
    for at, (kind, statement) in enumerate(PAGES.items()):
        count = facts // len(PAGES) + (at < facts % len(PAGES))
        sections = [f"## {words.new().capitalize()}\n\n{_said(statement, words, chance)}" for _ in range(count)]
        text = "\n\n".join([f"# {kind} of {PRODUCT}", *sections])
        (folder / f"{kind.lower()}.md").write_text(f"{text}\n", encoding="utf-8")
    return facts


def _said(statement: str, words: _Words, chance: random.Random) -> str:
    drawn = {name: words.new() for name in ("place", "gate", "matter", "measure", "colour")}
    names = {name: drawn[name].capitalize() for name in ("gate", "matter")}
    return statement.format(side=chance.choice(chance.choice(_SIDES)), **(drawn | names))


class _Words:
    """Draws words that no language has, each once."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self._used = chance, set[str]()

    def new(self) -> str:
        draw = self._chance.choice
        for _ in range(_TRIES):
            if self._is_new(word := draw(_ONSETS) + draw(_VOWELS) + draw(_CODAS) + draw(_ENDS)):
                return word
        while True:  # nearly all short words are used
            stem = draw(_ONSETS) + draw(_VOWELS) + draw(_CODAS)
            if self._is_new(word := stem + draw(_ONSETS) + draw(_VOWELS) + draw(_CODAS) + draw(_ENDS)):
                return word

    def _is_new(self, word: str) -> bool:
        if word in self._used:
            return False
        self._used.add(word)
        return True


def main(arguments: Sequence[str]) -> int:
    """Write the folder that the arguments name; print what was written."""
    parser = argparse.ArgumentParser(description="Write a folder of invented facts, for --knowledge.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a new or empty folder")
    parser.add_argument("--facts", type=int, default=FACTS, metavar="N", help=f"number of facts (default {FACTS})")
    parser.add_argument("--seed", type=int, default=SEED, metavar="N", help="other seeds give other facts")
    options = parser.parse_args(arguments)
    try:
        count = write_facts(options.folder, options.facts, options.seed)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{count} facts on {len(PAGES)} pages in {options.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
