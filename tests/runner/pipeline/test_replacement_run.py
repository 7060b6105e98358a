"""A whole run with the teacher and the placebo ends with a replacement and the parts of its gain on record."""

from __future__ import annotations

from pathlib import Path

import fakes
import pytest

from runner.pipeline.worker import execute_claimed_run
from store import commands, queries
from store.control_arms import PLACEBO, TEACHER, TUNED
from store.database import open_store
from store.event_log import leases
from store.headline import margin_of
from store.paths import Paths
from store.run_config import TAUGHT
from store.presets import preset


def test_a_run_records_both(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    config = preset("embedded", topics=("pods", "services"), questions=8, cycles=2, held_out=4, taught_questions=16,
                    steps=8, general_replay=0.0, arms=(PLACEBO, TEACHER))
    run = commands.launch_run(store, config, "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(tmp_path, store.url), fakes.fake_resources) == 0
    found = queries.find_run(store, run)
    assert found and found.work == "finished", found and found.trace
    (replacement,) = queries.replacements_of(store, run)
    assert (replacement.arm, replacement.margin) == (TUNED, margin_of(config, replacement.metric))
    assert replacement.metric != "choice_accuracy", "the teacher has no likelihood"
    last = [pair for pair in queries.answers_of(store, run, 2) if pair.tier in ("practice", TAUGHT)]
    taught = {pair.passage_id for pair in last if pair.tier == TAUGHT}
    both = {pair.passage_id for pair in last if pair.tier == "practice"} & taught
    shares = queries.gain_shares_of(store, run)
    assert {one.metric for one in shares} >= {"choice_accuracy", "reference_nll"} and len(both) >= 6
    of_choice = {one.part: one for one in shares if one.metric == "choice_accuracy"}
    assert {one.asked for one in of_choice.values()} == {len(both)}
    trained = [pair.scores["choice_accuracy"] for pair in last
               if pair.tier == "practice" and pair.passage_id in both]
    gains = [after - before for before, after in trained if before is not None and after is not None]
    assert len(gains) == len(both)
    assert sum(one.gain for one in of_choice.values()) == pytest.approx(sum(gains) / len(gains))
