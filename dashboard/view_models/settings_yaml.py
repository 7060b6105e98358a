"""Settings of a run as YAML: those that differ from the preset, by name. No Streamlit, no files."""

from __future__ import annotations

import dataclasses

from store.presets import PRESETS
from store.run_config import InvalidConfig, RunConfig
from store.typed_settings import config_of_values

MOST_CHARACTERS = 20_000


def written(config: RunConfig) -> str:
    """The preset, and every setting that differs from it."""
    import yaml  # late: the first page needs none

    base = PRESETS.get(config.preset, RunConfig())
    changed = {name: list(value) if isinstance(value, tuple) else value
               for name, value in dataclasses.asdict(config).items() if value != getattr(base, name)}
    return yaml.safe_dump({"preset": config.preset, **changed}, sort_keys=False, allow_unicode=True, width=100)


def read(text: str) -> RunConfig:
    """Read settings by name; a setting that is not named has its preset's value.

    Raises:
        InvalidConfig: one sentence for each thing that is no setting or no valid value.
    """
    import yaml

    try:
        found = yaml.safe_load(text[:MOST_CHARACTERS])
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        raise InvalidConfig([f"this is not YAML{f', see line {where.line + 1}' if where else ''}"]) from error
    if not isinstance(found, dict) or not found:
        raise InvalidConfig(["settings are lines of the form name: value, such as cycles: 3"])
    return config_of_values(found)
