"""List prices of models, and when their makers shut them down; both from dated JSON files.

`prices.json` beside this module has what the project knows. A team adds to it, or corrects it, with a file of the same
form: `run --prices FILE` checks it and keeps it as `prices.json` in the data folder, where every process finds it.
A model that is in neither file has no cost, only tokens.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

from store.files import write_atomic
from store.paths import Paths, default_paths

_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_HIGHEST_PRICE = 1e6
_OWN = Path(__file__).with_name("prices.json")


class InvalidPrices(ValueError):
    """A price file that cannot be used; the message names the file, the model and the value."""
    error_kind = "price file"


@dataclass(frozen=True)
class Price:
    """What a model costs in US dollars for a million tokens, and how long it can be had."""

    prompt_usd: float
    completion_usd: float
    source: str
    looked_up: date
    cached_prompt_usd: float | None = None
    """For prompt tokens that the server had cached; None where the maker names no such price."""
    batch_share: float | None = None
    """The share of the price that a batch call costs, 0..1; None where there is no batch interface."""
    reasons_by_default: bool = False
    """The model thinks before it answers, at the price of a completion, unless it is told not to."""
    shutdown: date | None = None
    """From this day on the maker's interface refuses the model."""
    successor: str = ""
    """What the maker recommends in its place."""


def cost_usd(model: str, prompt_tokens: int, completion_tokens: int, batched: bool = False,
             cached_prompt_tokens: int = 0) -> float | None:
    """The cost by list price; None for a model without one.

    Args:
        model: its name at the endpoint.
        prompt_tokens: all tokens of the prompts, cached ones included.
        completion_tokens: all tokens of the replies, reasoning included.
        batched: by the price of a batch.
        cached_prompt_tokens: those of the prompt tokens that the server had cached; at full price where the maker names
            no other.
    """
    price = price_of(model)
    share = 1.0 if price and not batched else price.batch_share if price else None
    if price is None or share is None:
        return None
    cached_usd = price.prompt_usd if price.cached_prompt_usd is None else price.cached_prompt_usd
    prompts_usd = (prompt_tokens - cached_prompt_tokens) * price.prompt_usd + cached_prompt_tokens * cached_usd
    return share * (prompts_usd + completion_tokens * price.completion_usd) / 1_000_000


def price_of(model: str) -> Price | None:
    """The price of a model; a dated name (`gpt-4o-mini-2024-07-18`) has its family's where it has none of its own."""
    known = prices()
    return known.get(model) or known.get(_DATED.sub("", model))


def prices(paths: Paths | None = None) -> dict[str, Price]:
    """All known prices by model: the project's, and over them those of the team's own file.

    Raises:
        InvalidPrices: the team's file was altered and cannot be used.
    """
    team = team_file(paths or default_paths())
    try:
        changed = team.stat().st_mtime_ns
    except FileNotFoundError:
        if not team.is_symlink():
            return _read(_OWN, 0)
        changed = 0  # a link that leads nowhere: reading it says so
    except OSError as error:
        raise InvalidPrices(f"{team}: cannot be read ({error.strerror}): make it readable, or remove it") from error
    return _read(_OWN, 0) | _read(team, changed)


def price_fault(paths: Paths | None = None) -> str | None:
    """Why the team's price file cannot be used; None where it can, or there is none."""
    try:
        prices(paths)
    except InvalidPrices as error:
        return str(error)
    return None


def team_file(paths: Paths) -> Path:
    """Where a team's own prices are kept."""
    return paths.data / "prices.json"


def keep_team_prices(file: Path, paths: Paths) -> int:
    """Check a price file and keep a copy in the data folder; returns how many models it has.

    Raises:
        InvalidPrices: it is missing, is not JSON, or holds a value that cannot be one; nothing was changed.
    """
    found = parse(file)
    write_atomic(team_file(paths), file.read_bytes())
    return len(found)


def parse(file: Path) -> dict[str, Price]:
    """The prices of a file.

    Raises:
        InvalidPrices: it is missing, is not JSON, or holds a value that cannot be one.
    """
    try:
        content = json.loads(file.read_bytes(), object_pairs_hook=_without_repetition)
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidPrices(f"{file}: no price file ({_first_line(error)}): use JSON with one object a model, "
                            "or remove the file") from error
    if not isinstance(content, dict) or not content:
        raise InvalidPrices(f"{file}: no price file: use a JSON object with one object a model, or remove the file")
    return {model: _price(file, model, values) for model, values in content.items()}


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"{repeated!r} stands in it twice")
    return dict(pairs)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]


@functools.lru_cache(maxsize=8)
def _read(file: Path, _changed: int) -> dict[str, Price]:
    return parse(file)


def _price(file: Path, model: str, values: Any) -> Price:
    """One model's entry, checked value by value."""
    def refuse(reason: str) -> InvalidPrices:
        return InvalidPrices(f"{file}: {model}: {reason}")

    if model != model.strip() or not model.isprintable() or not model:
        raise InvalidPrices(f"{file}: {model!r} is no name of a model")
    if not isinstance(values, dict):
        raise refuse("an object is expected, with prompt_usd, completion_usd, source and looked_up")
    known = {field.name for field in fields(Price)}
    if unknown := sorted(set(values) - known):
        raise refuse(f"unknown field {unknown[0]!r}: use {', '.join(sorted(known))}")
    required = ("prompt_usd", "completion_usd", "source", "looked_up")
    if missing := [name for name in required if values.get(name) is None]:
        raise refuse(f"{missing[0]} is missing")
    found = dict(values)
    for name in ("prompt_usd", "completion_usd", "cached_prompt_usd", "batch_share"):
        value = found.get(name)
        number = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _HIGHEST_PRICE
        if value is not None and not number:
            raise refuse(f"{name} {value!r} is no price: use US dollars for a million tokens, 0 or more")
    if (found.get("batch_share") or 0) > 1:
        raise refuse(f"batch_share {found['batch_share']!r} is out of range: use 0 to 1")
    for name in ("looked_up", "shutdown"):
        if found.get(name) is not None:
            try:
                found[name] = date.fromisoformat(found[name] if _DATE.fullmatch(str(found[name])) else "")
            except (ValueError, TypeError):
                raise refuse(f"{name} {found[name]!r} is no date: use YYYY-MM-DD") from None
    for name in ("source", "successor"):
        text = found.get(name, "")
        if not isinstance(text, str) or not text.isprintable():
            raise refuse(f"{name} {text!r} is no line of text")
    if not isinstance(found.get("reasons_by_default", False), bool):
        raise refuse(f"reasons_by_default {found['reasons_by_default']!r} is neither true nor false")
    return Price(**found)
