"""Forecast what a run will measure from finished pilots of the same configuration, and say whether to stop there."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from store import queries
from store.analysis.findings import latest
from store.config_metadata import settings_of
from store.database import Store
from store.events import ForecastRegistered, ForecastScored, PilotRecord
from store.formatting import change, number, plural
from store.headline import headline_wanted, margin_of
from store.metrics import METRICS, NATS
from store.pilot_runs import pilot_settings
from store.queries import Run, RunForecast
from store.run_config import RunConfig
from store.statistics import FORECAST_CONFIDENCE, CannotForecast, Pilot, forecast_at_size, title_in_sentence

Known = ForecastRegistered | RunForecast


def forecast_run(store: Store, config: RunConfig, pilots: Sequence[Run], group: str = "") -> ForecastRegistered:
    """Forecast the headline's change of a run with this configuration.

    Raises:
        CannotForecast: a pilot has no result, or is one of another configuration; or the pilots support no forecast.
    """
    for pilot in pilots:
        _check_settings(config, pilot)
    seen = [pilot_of(store, pilot) for pilot in pilots]
    metric, questions, size = METRICS[config.headline], headline_wanted(config), config.questions * config.cycles
    margin = margin_of(config, config.headline) or metric.margin
    found = forecast_at_size([_as_pilot(one) for one in seen], size, questions, metric.unit != NATS)
    best = found.high if metric.better > 0 else -found.low
    return ForecastRegistered(group, config.headline, config.headline_tier, size, questions, found.change, found.low,
                              found.high, FORECAST_CONFIDENCE, margin, best < margin, tuple(seen))


def pilot_of(store: Store, run: Run) -> PilotRecord:
    """Return what a finished run says about its size.

    Raises:
        CannotForecast: it has not finished, or measured no change by its headline metric with a standard error.
    """
    if run.work != "finished":
        raise CannotForecast(f"pilot {run.title} ({run.id}) is {run.work}: a forecast needs its result")
    row = latest(queries.changes_of(store, run.id), run.config.headline, run.config.headline_tier)
    if row is None or row.change is None or row.baseline is None or row.spread is None or row.freedom is None:
        raise CannotForecast(f"pilot {run.title} ({run.id}) measured no change of "
                             f"{run.config.headline} with a standard error: run a larger one")
    return PilotRecord(run.id, run.config.questions * run.config.cycles, row.change,
                       row.spread / math.sqrt(row.scored), row.freedom, row.scored, row.baseline)


def score_forecast(registered: ForecastRegistered, measured: float | None) -> ForecastScored:
    """Return whether what the run measured lies in the forecast interval."""
    held = None if measured is None else registered.low <= measured <= registered.high
    return ForecastScored(measured, held)


def forecast_again(pilots: Sequence[PilotRecord], size: int, questions: int, metric: str) -> dict[str, float]:
    """Return change and interval as computed from a forecast's recorded pilots."""
    found = forecast_at_size([_as_pilot(one) for one in pilots], size, questions, METRICS[metric].unit != NATS)
    return {"change": found.change, "low": found.low, "high": found.high}


def forecast_sentences(found: Known) -> list[str]:
    """Describe a forecast: the number with its interval, what it rests on, and what follows."""
    sizes = ", ".join(str(one.size) for one in sorted(found.pilots, key=lambda one: one.size))
    return [f"Forecast of {title_in_sentence(METRICS[found.metric].title)} with {found.size:,} training questions: "
            f"{change(found.change)} ({found.confidence:.0%} prediction interval {change(found.low)} to "
            f"{change(found.high)}), from {plural(len(found.pilots), 'pilot')} of {sizes} questions.", advice(found)]


def advice(found: Known) -> str:
    """Say what follows from a forecast, in one sentence."""
    better = METRICS[found.metric].better
    if found.stop:
        return (f"Stop here: even the better end of the interval is below the margin of {found.margin:g}, so this run "
                "would most likely show no relevant change.")
    if min(found.low * better, found.high * better) >= found.margin:
        return f"Worth its cost by this forecast: the whole interval is above the margin of {found.margin:g}."
    return (f"Undecided: the interval holds changes below and above the margin of {found.margin:g}; larger pilots "
            "(--pilots) would narrow it.")


def outcome(found: RunForecast) -> str:
    """Say whether a forecast held, in one sentence; empty while its run has measured nothing."""
    if found.measured is None:
        return ""
    return (f"Measured: {change(found.measured)}. The forecast {'held' if found.held else 'did not hold'}.")


def forecasts_held(found: Sequence[RunForecast]) -> str:
    """Say how often forecasts held and how wide they were; empty without one that was scored."""
    scored = [one for one in found if one.held is not None]
    if not scored:
        return ""
    widths: dict[str, list[float]] = {}
    for one in scored:
        widths.setdefault(METRICS[one.metric].unit, []).append(one.high - one.low)
    wide = "; ".join(f"{number(sum(values) / len(values))} ({unit})" for unit, values in widths.items())
    return (f"{sum(bool(one.held) for one in scored)} of {plural(len(scored), 'forecast')} held; "
            f"{FORECAST_CONFIDENCE:.0%} expected. Mean width of the interval: {wide}.")


def as_json(found: Known) -> dict[str, Any]:
    """Return a forecast as one JSON object, with its sentences."""
    values = dataclasses.asdict(found)
    values |= {name: moment.isoformat() for name in ("registered_at", "scored_at") if (moment := values.get(name))}
    return values | {"sentences": forecast_sentences(found)}


def _as_pilot(record: PilotRecord) -> Pilot:
    return Pilot(record.size, record.change, record.error, record.freedom, record.pairs, record.baseline)


def _check_settings(config: RunConfig, pilot: Run) -> None:
    wanted, has = pilot_settings(config), pilot_settings(pilot.config)
    differing = [setting.name for setting in settings_of(RunConfig)
                 if getattr(wanted, setting.name) != getattr(has, setting.name)]
    if "student" in differing:
        raise CannotForecast(f"pilot {pilot.title} ({pilot.id}) trained {has.student}, and the forecast is asked for "
                             f"{wanted.student}: one student's pilots say nothing about another; run its own pilots")
    if differing:
        raise CannotForecast(f"pilot {pilot.title} ({pilot.id}) has another {', '.join(differing)} than the run: a "
                             "forecast needs pilots of one configuration")
