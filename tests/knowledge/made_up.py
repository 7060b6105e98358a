"""Passages about things that do not exist, for tests that must not depend on the notes."""

from __future__ import annotations

import random
import re

from knowledge.passages import Passage, passage_id

WORDS = re.findall(r"\w+", """
amber basalt cedar dune ember fjord garnet heather iris jasper kelp lichen maple nectar onyx pebble quartz resin sage
topaz umber velvet willow xenon yarrow zinc acorn birch coral delta elm fern glade harbor inlet juniper knoll larch
meadow nettle""")


def make_passage(topic: str, word: str, text: str | None = None, questions: tuple[str, ...] | None = None,
                 source: str = "notes") -> Passage:
    """A passage about a made-up thing called by a word."""
    chance = random.Random(word)
    near, far = (" ".join(chance.sample(WORDS, 7)) for _ in range(2))
    text = text or f"The {word} keeps {near} in {far}. It is opened by {word}-key."
    return Passage(id=passage_id(topic, text), topic=topic, source=source, title=word, text=text,
                   address="https://kubernetes.io/docs/", key_terms=(f"{word}-key",),
                   questions=questions or (f"Where does the {word} keep what it owns?",
                                           f"Which vault belongs to the {word}, and what opens it?"))
