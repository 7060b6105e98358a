"""Metrics of the store in the text format of Prometheus, read when they are asked for."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from store import queries
from store.costs.prices import cost_usd
from store.database import Store
from store.queries.operating_metrics import RATES, operating_metrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATES = ("queued", "running", "waiting-for-batch", "waiting-for-review", "paused", "finished", "failed", "cancelled",
          "lost")


def metrics_text(store: Store) -> str:
    """Return all metrics."""
    registry = CollectorRegistry()
    registry.register(_StoreMetrics(store))
    return generate_latest(registry).decode()


class _StoreMetrics(Collector):
    """Reads the store once for each collection."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        found = operating_metrics(self._store)
        runs = GaugeMetricFamily("distill_runs", "Runs by state.", labels=["state"])
        for state in dict.fromkeys((*STATES, *found.runs)):
            runs.add_metric([state], found.runs.get(state, 0))
        yield runs
        yield GaugeMetricFamily("distill_queue_age_seconds", "How long the oldest queued run has waited.",
                                value=found.queue_age_seconds)
        yield GaugeMetricFamily("distill_runners", "Runners that are online.",
                                value=len(queries.connected_runners(self._store)))
        rate = GaugeMetricFamily("distill_tokens_per_second", "Latest rate of a running run.", labels=["run", "of"])
        for run, rates in found.rates.items():
            for key, value in rates.items():
                rate.add_metric([run, "answering" if key == RATES[0] else "training"], value)
        yield rate
        calls = CounterMetricFamily("distill_llm_calls", "Stored calls to teachers and judges.", labels=["model"])
        tokens = CounterMetricFamily("distill_llm_tokens", "Tokens of these calls.", labels=["model", "direction"])
        cost = CounterMetricFamily("distill_llm_cost_usd", "Their cost at list prices; models without a list price "
                                   "are left out.", labels=["model"])
        for model in dict.fromkeys(one.model for one in found.calls):
            mine = [one for one in found.calls if one.model == model]
            calls.add_metric([model], sum(one.calls for one in mine))
            tokens.add_metric([model, "prompt"], sum(one.prompt_tokens for one in mine))
            tokens.add_metric([model, "completion"], sum(one.completion_tokens for one in mine))
            costs = [cost_usd(model, one.prompt_tokens, one.completion_tokens, one.batched,
                              0 if one.batched else one.cached_prompt_tokens) for one in mine]
            known = [value for value in costs if value is not None]
            if len(known) == len(costs):
                cost.add_metric([model], sum(known))
        yield from (calls, tokens, cost)
        yield GaugeMetricFamily("distill_store_write_seconds", "Time of an empty write transaction just now, with its "
                                "wait for the write lock.", value=_write_seconds(self._store))


def _write_seconds(store: Store) -> float:
    start = time.perf_counter()
    with store.write():
        pass
    return time.perf_counter() - start
