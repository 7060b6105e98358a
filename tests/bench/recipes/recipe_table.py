"""The named recipes of the lab."""

from __future__ import annotations

from tests.bench.recipes.recipe import Recipe

MIX = {"opening": 0.70, "question": 0.10, "title": 0.05, "document": 0.03, "cloze": 0.06, "reverse": 0.03,
       "short answer": 0.03}

RECIPES: dict[str, Recipe] = {
    "untrained": Recipe(),
    "off": Recipe({"question": 1.0}, 15, one_wording=True, learning_rate=2e-4, rank=16, alpha=32, dropout=0.05,
                  batch=4),
    "full answers": Recipe({"question": 0.8, "title": 0.1, "document": 0.05, "cloze": 0.05}, 45),
    "openings": Recipe(MIX, 60, learning_rate=1.2e-3),
}
"""Name -> recipe; `off` is the mission's: one wording a fact, the whole answer."""
