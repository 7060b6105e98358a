"""When models are shut down by their makers: announced before, refused from that day on. Dates are in `prices.json`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from urllib.parse import urlsplit

from store.costs.prices import price_of
from store.formatting import plural
from store.run_config import RunConfig

_MAKERS_HOST = "api.openai.com"
WARNING_DAYS = 90
"""A shutdown this near is announced wherever the model is chosen."""


@dataclass(frozen=True)
class Shutdown:
    """A model that is shut down, or will be within `WARNING_DAYS`."""

    model: str
    shutdown: date
    successor: str
    days_left: int
    """0 or less: it is gone."""

    @property
    def is_over(self) -> bool:
        return self.days_left <= 0

    def sentence(self) -> str:
        """One sentence for people, with the way out."""
        day = f"{self.shutdown.day} {self.shutdown:%B %Y}"
        instead = f"; its maker recommends {self.successor}" if self.successor else ""
        if self.is_over:
            return f"{self.model} was shut down on {day}{instead}"
        return f"{self.model} will be shut down on {day}, in {plural(self.days_left, 'day')}{instead}"


def is_makers_own(base_url: str | None) -> bool:
    """Whether an address is the interface of the models' maker, by default or spelled out, in whatever region."""
    return not base_url or f".{urlsplit(base_url).hostname}".endswith(f".{_MAKERS_HOST}")


def shutdown_of(model: str, base_url: str | None = None, today: date | None = None) -> Shutdown | None:
    """The shutdown of a model that is over or near; None where none is known or near.

    Args:
        base_url: where the model is asked; None is the maker's own interface, for which the dates hold.
        today: the day to count from; the current one in UTC by default.
    """
    price = price_of(model) if is_makers_own(base_url) else None
    if price is None or price.shutdown is None:
        return None
    left = (price.shutdown - (today or datetime.now(UTC).date())).days
    return Shutdown(model, price.shutdown, price.successor, left) if left <= WARNING_DAYS else None


def shutdowns(config: RunConfig, today: date | None = None) -> list[tuple[str, Shutdown]]:
    """The teacher and the judge of a configuration, where one of them is shut down or soon will be: (role, what is
    known), the role as the name of the setting."""
    found = (("teacher", None if config.from_replies else shutdown_of(config.teacher, config.teacher_base_url, today)),
             ("judge", shutdown_of(config.judge, config.judge_base_url, today) if config.judge else None))
    return [(role, one) for role, one in found if one]


def shutdown_errors(config: RunConfig, today: date | None = None) -> list[str]:
    """A teacher or judge that its maker has shut down: no other model takes its place unless a person names it."""
    return [f"{one.sentence()}: name another with --{role}{' ' + one.successor if one.successor else ''}"
            for role, one in shutdowns(config, today) if one.is_over]


def shutdown_notes(config: RunConfig, today: date | None = None) -> list[str]:
    """A sentence for the teacher and the judge that will be shut down soon."""
    return [one.sentence() for _, one in shutdowns(config, today) if not one.is_over]
