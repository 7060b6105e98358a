"""The named recipes of the lab.

On 60 facts the default and most recipes of openings cost about 310,000 tokens, `mixed forms` 190,000, `off` 40,000.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from knowledge.study import shares_of
from store.run_config import RunConfig
from store.presets import preset
from tests.bench.recipes.recipe import Recipe

OPENINGS = {"opening": 0.70, "question": 0.10, "title": 0.05, "document": 0.03, "cloze": 0.06, "reverse": 0.03,
            "short answer": 0.03}
"""Most presentations teach to choose an answer by its first words; the rest teach the texts."""
WHOLE_ANSWERS = {"question": 0.65, "title": 0.10, "document": 0.05, "cloze": 0.10, "reverse": 0.05,
                 "short answer": 0.05}
"""The same wordings, each with the whole answer."""
EVERY_FORM = {"question": 0.30, "title": 0.10, "short answer": 0.10, "cloze": 0.15, "sentence order": 0.05,
              "reverse": 0.05, "true or false": 0.05, "term choice": 0.05, "masked": 0.05, "document": 0.10}

DEFAULT = RunConfig()


def as_product(config: RunConfig) -> Recipe:
    """The recipe that a run with this configuration trains by, in one cycle."""
    return Recipe(shares_of(config.study, config.document_share, forms=config.study_forms), int(config.passes or 0),
                  config.learning_rate, config.lora_rank, config.lora_alpha, config.lora_dropout,
                  config.batch_size * config.gradient_accumulation, config.general_replay,
                  reading=config.reading_share)


def _default(**changes: Any) -> Recipe:
    """The product's default with one value changed."""
    return dataclasses.replace(as_product(DEFAULT), **changes)


def _mixed(**changes: Any) -> Recipe:
    """The product's default of before, with one value changed."""
    return _default(**{"shares": shares_of("rules", 0.1, forms="mixed"), "presentations": 40} | changes)


_STUDY = Recipe(OPENINGS, 100, learning_rate=1.2e-3, general=0.12)

RECIPES: dict[str, Recipe] = {
    "untrained": Recipe(),
    "default": _default(),
    "default, placebo": _default(placebo=True),
    "default, two cycles": _default(cycles=2, weighted=True),
    "default, three cycles": _default(cycles=3, weighted=True),
    "default, three cycles, all facts alike": _default(cycles=3),
    "default, three cycles, own facts only": _default(cycles=3, union=False),
    "default, 20 presentations": _default(presentations=20),
    "default, 40 presentations": _default(presentations=40),
    "default, 7e-4": _default(learning_rate=7e-4),
    "default, 3e-3": _default(learning_rate=3e-3),
    "default, rank 16": _default(rank=16, alpha=32),
    "default, batch 4": _default(batch=4),
    "default, dropout 0.05": _default(dropout=0.05),
    "default, no replay": _default(general=0.0),
    "default, no documents": _default(shares=shares_of("rules", 0.0)),
    "default, documents 0.3": _default(shares=shares_of("rules", 0.3)),
    "default, every form": _default(shares=EVERY_FORM),
    "mixed forms": _mixed(),
    "mixed forms, placebo": _mixed(placebo=True),
    "mixed forms, 20 presentations": _mixed(presentations=20),
    "mixed forms, 80 presentations": _mixed(presentations=80),
    "mixed forms, reading 0.3": _mixed(reading=0.3),
    "default, soft targets 0.5": _default(soft=0.5),
    "default, reading 0.3": _default(reading=0.3),
    "default, reading 0.6": _default(reading=0.6),
    "reading alone": _default(reading=1.0, presentations=8, general=0.0, learning_rate=1e-3),
    "values of a student of 3 billion": as_product(preset("phi-2", study="rules")),
    "values of a student of 7 billion": as_product(preset("embedded", student="7b")),
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
"""Name -> recipe. `default` is what a run does unless it is told otherwise, read from its configuration; each row below
it changes one value of it. `off` is the first recipe: one wording a fact, the whole answer."""
