"""Configurations of the first recipe: one wording of each fact, and held-out questions as the headline test."""

from __future__ import annotations

from typing import Any

from store.run_config import HELD_OUT, RunConfig
from store.presets import preset

PLAIN: dict[str, Any] = {"study": "off", "taught_questions": 0, "headline_tier": HELD_OUT}


def plain_run(**changes: Any) -> RunConfig:
    """The preset `embedded` with the first recipe, for tests that are not about study items or taught facts."""
    return preset("embedded", **(PLAIN | changes))
