"""The named recipes of the lab.

Those without a number in their name cost about 300,000 tokens on 60 facts; `off` costs a fifth of that.
"""

from __future__ import annotations

import dataclasses

from tests.bench.recipes.recipe import Recipe

OPENINGS = {"opening": 0.70, "question": 0.10, "title": 0.05, "document": 0.03, "cloze": 0.06, "reverse": 0.03,
            "short answer": 0.03}
"""Most presentations teach to choose an answer by its first words; the rest teach the texts."""
WHOLE_ANSWERS = {"question": 0.65, "title": 0.10, "document": 0.05, "cloze": 0.10, "reverse": 0.05,
                 "short answer": 0.05}
"""The same wordings, each with the whole answer."""
EVERY_FORM = {"question": 0.30, "title": 0.10, "short answer": 0.10, "cloze": 0.15, "sentence order": 0.05,
              "reverse": 0.05, "true or false": 0.05, "term choice": 0.05, "masked": 0.05, "document": 0.10}

_STUDY = Recipe(OPENINGS, 100, learning_rate=1.2e-3, general=0.12)

RECIPES: dict[str, Recipe] = {
    "untrained": Recipe(),
    "off": Recipe({"question": 1.0}, 15, one_wording=True, learning_rate=2e-4, rank=16, alpha=32, dropout=0.05,
                  batch=4),
    "openings": dataclasses.replace(_STUDY, general=0.0),
    "openings, replay": _STUDY,
    "openings, replay, placebo": dataclasses.replace(_STUDY, placebo=True),
    "openings, replay, two cycles": dataclasses.replace(_STUDY, presentations=67, cycles=2),
    "openings, replay, 7e-4": dataclasses.replace(_STUDY, learning_rate=7e-4),
    "openings, replay, whole answers last": dataclasses.replace(_STUDY, final={"question": 1.0}),
    "openings, 24 a fact": Recipe(OPENINGS, 24, learning_rate=1.2e-3),
    "openings alone, 24 a fact": Recipe({"opening": 1.0}, 24, learning_rate=1.2e-3),
    "openings alone, 24 a fact, 3e-4": Recipe({"opening": 1.0}, 24, learning_rate=3e-4),
    "whole answers": Recipe(WHOLE_ANSWERS, 70, learning_rate=1.2e-3),
    "every form": Recipe(EVERY_FORM, 70, learning_rate=1.2e-3),
}
"""Name -> recipe; `off` is the mission's: one wording a fact, the whole answer."""
