"""The statistics of a group of 10 seeds, 1,000 questions and 8 metrics: alone, and with reading its 160,000 scores.

Measured in processor time, since another process on the machine is no part of it.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from sqlalchemy import insert, update

from store import schema
from store.analysis.group_result import group_result
from store.commands import launch_group
from store.database import Store, open_store
from store.metrics import METRICS
from store.presets import preset
from store.statistics import change_over_seeds, verdict_of
from store.sweep import plan_runs
from store.timestamps import utc_now
from tests.bench.row import Row

SEEDS, QUESTIONS = 10, 1_000
TAKEN = ("choice_accuracy", "binding", "reference_nll", "answer_similarity", "fact_recall", "rouge_l", "chrf",
         "choice_pmi")
GOAL = "< 2 s"


def measure_group_statistics() -> list[Row]:
    """Processor seconds of the statistics of a group, without its scores' reading and with it."""
    size = f"{SEEDS} seeds x {QUESTIONS:,} questions x {len(TAKEN)} metrics"
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'events.db'}")
        fill(store)
        began = time.process_time()
        result = group_result(store, "g")
        whole = time.process_time() - began
        store.close()
    changes = result.combinations[0].changes if result else ()
    assert len(changes) == len(TAKEN) and all(change.found.seeds_in for change in changes)
    return [Row(f"statistics of {size}", statistics_seconds(), "s", goal=GOAL),
            Row(f"the same with reading {2 * SEEDS * QUESTIONS * len(TAKEN):,} scores", whole, "s", goal=GOAL)]


def statistics_seconds() -> float:
    """Processor seconds of change, interval and verdict by each metric, over questions and seeds."""
    rng, passages = np.random.default_rng(1), [f"p{at // 2}" for at in range(QUESTIONS)]
    drawn = [(measure, [rng.normal(0.5, 0.2, QUESTIONS).tolist() for _ in range(SEEDS)],
              [rng.normal(0.6, 0.2, QUESTIONS).tolist() for _ in range(SEEDS)]) for measure in map(METRICS.get, TAKEN)]
    began = time.process_time()
    for measure, before, after in drawn:
        assert measure
        found = change_over_seeds(before, after, passages, measure.better, measure.tie_band)
        verdict_of(found.pooled, measure.better, measure.margin)
    return time.process_time() - began


def fill(store: Store) -> None:
    """Write the read models of a finished group: its runs, their test and every score."""
    base = preset("embedded", held_out=QUESTIONS, headline_tier="held-out")
    plan = plan_runs(lambda point: preset("embedded", held_out=QUESTIONS, headline_tier="held-out", **point), {},
                     range(SEEDS), False, "g")
    runs, rng = launch_group(store, plan.configs, "g", "bench").runs, np.random.default_rng(2)
    names, now = [f"q{at:04d}" for at in range(QUESTIONS)], utc_now()
    with store.write() as connection:
        connection.execute(update(schema.runs).values(work="finished", held_out_hash="same", ended_at=now))
        for run in runs:
            connection.execute(insert(schema.questions), [
                {"run": run, "cycle": 0, "question": name, "tier": "held-out", "topic": "pods", "text": name,
                 "passage": "", "passage_id": f"p{at // 2}", "title": "", "address": "", "evidence": "",
                 "reference": name, "foils": "[]"} for at, name in enumerate(names)])
            for arm, cycle, mean in (("baseline", 0, 0.5), ("tuned", 1, 0.6)):
                connection.execute(insert(schema.scores), [
                    {"run": run, "cycle": cycle, "arm": arm, "question": name, "metric": metric, "judge": "bench",
                     "value": value} for metric in TAKEN
                    for name, value in zip(names, rng.normal(mean, 0.2, QUESTIONS).tolist(), strict=True)])
            connection.execute(insert(schema.changes), [
                {"run": run, "cycle": 1, "tier": "held-out", "metric": base.headline, "topic": "", "scored": QUESTIONS,
                 "asked": QUESTIONS, "wins": 1, "ties": 0, "losses": 0, "verdict": "improved"}])
