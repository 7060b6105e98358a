"""A development split: the cycle is chosen on it, and the test is answered once, by that cycle's student."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fakes
import pytest

from runner.pipeline.dev_split import split_off_dev
from runner.pipeline.worker import execute_claimed_run
from runner.protocols import Likelihood
from store import commands, queries
from store.database import Store
from store.dev_split import DEV
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import AnswersGiven, AnswersScored, CycleChosen, QuestionRecord, RunFinished
from store.paths import Paths
from store.queries.best_adapter import best_adapter
from store.queries.openings_of_test import openings_of_test as openings_of
from store.report import as_html, as_json, gather
from store.report.verification import verify
from store.run_config import InvalidConfig, RunConfig
from store.presets import preset

SETTINGS: dict[str, Any] = {"topics": ("pods", "services"), "questions": 8, "held_out": 4, "cycles": 3, "steps": 2,
                            "passes": None, "dev_questions": 6, "general": 2}


class BestInCycle(fakes.FakeStudent):
    """A student that knows every reference after the training of one cycle, and half as surely in the others."""

    cycle = 2

    def likelihoods(self, pairs: Any, adapter: Path | None, on_scored: Any = lambda _so_far: None) -> list[Likelihood]:
        known = adapter is not None and f"cycle-{self.cycle:02d}" in str(adapter)
        return [Likelihood(fakes.digest(text) - known, 9) for _, text in pairs]


def executed(store: Store, data: Path, student: Callable[[], fakes.FakeStudent], **changes: Any) -> queries.Run:
    run = commands.launch_run(store, preset("embedded", **SETTINGS | {"headline": "reference_nll"} | changes), "test")
    claim = leases.claim_next(store, leases.owner_name())

    def resources(*given: Any) -> Any:
        found = fakes.fake_resources(*given)
        found.open_student = lambda _rung: student()
        return found
    assert claim and execute_claimed_run(claim, Paths(data, store.url), resources) == 0
    found = queries.find_run(store, run)
    assert found and found.work == "finished", found and found.error
    return found


@pytest.mark.parametrize("tier", ["paraphrase", "held-out"])
def test_the_test_is_answered_once_by_the_cycle_that_was_best_on_other_questions(store: Store, tmp_path: Path,
                                                                                tier: str) -> None:
    run = executed(store, tmp_path, BestInCycle, headline_tier=tier, held_out=12)
    events = read_events(store, run.id)
    (chosen,) = [one.event for one in events if isinstance(one.event, CycleChosen)]
    assert chosen.cycle == 2 and [one.cycle for one in chosen.candidates] == [1, 2, 3]
    test = {pair.question for pair in queries.answers_of(store, run.id, 0) if pair.tier != DEV}
    dev = {pair.question for pair in queries.answers_of(store, run.id, 0) if pair.tier == DEV}
    assert len(dev) == 6 and len(test) >= 12
    answered = [one for one in events if isinstance(one.event, AnswersGiven) and one.event.arm == "tuned"]
    assert [(one.stage, one.cycle) for one in answered
            if {answer.question_id for answer in one.event.answers} & test] == [("test-answers", 0)]
    assert all(dev <= {answer.question_id for answer in one.event.answers} for one in answered[:3])
    scored = [one for one in events if isinstance(one.event, AnswersScored) and one.event.arm == "tuned"]
    assert {one.stage for one in scored if {score.question_id for score in one.event.scores} & test} == {
        "test-evaluation"}
    order = [one.seq for one in events if isinstance(one.event, CycleChosen) or one.stage == "test-answers"]
    assert order[0] == next(one.seq for one in events if isinstance(one.event, CycleChosen))

    rows = [row for row in queries.changes_of(store, run.id) if row.tier == tier and not row.topic]
    assert {row.cycle for row in rows} == {2}
    (finished,) = [one.event for one in events if isinstance(one.event, RunFinished)]
    assert "Cycle 2 of 3 was chosen: best of 3 cycles on the development questions" in finished.sentence
    assert finished.verdict == next(row.verdict for row in rows if row.metric == "reference_nll") == "improved"
    kept = best_adapter(store, run.id)
    assert kept and kept.cycle == 2 and "chosen among 3 on the development questions" in kept.sentence
    assert openings_of(store, run) == 1


def test_its_pack_is_verified_and_says_how_often_the_test_was_opened(store: Store, tmp_path: Path) -> None:
    run = executed(store, tmp_path, BestInCycle)
    evidence = gather(store, run.id)
    assert evidence and evidence.last_cycle == 2 and evidence.row and evidence.ranked()
    assert "The test was answered once, by one tuned student" in as_html(evidence)
    found = verify(as_json(evidence))
    assert found.differences == () and found.design_sealed


def test_a_test_that_several_cycles_and_runs_answered_counts_them(store: Store, tmp_path: Path) -> None:
    shared = {"held_out_set": "shared", "dev_questions": 0}
    first = executed(store, tmp_path, fakes.FakeStudent, cycles=2, **shared)
    assert openings_of(store, first) == 2
    executed(store, tmp_path, fakes.FakeStudent, cycles=1, seed=7, **shared)
    assert openings_of(store, first) == 3
    other = executed(store, tmp_path, fakes.FakeStudent, cycles=1, seed=9, dev_questions=0)
    assert openings_of(store, other) == 1


def test_dev_questions_are_spread_over_the_order_and_never_more_than_half() -> None:
    asked = [QuestionRecord(f"q{n}", "paraphrase", "pods", "Why?", f"p{n}", "", "", "", "", ()) for n in range(10)]
    other = dataclasses.replace(asked[0], question_id="x", tier="held-out")
    moved = [one.question_id for one in split_off_dev([*asked, other], "paraphrase", 3) if one.tier == DEV]
    assert moved == ["q3", "q6", "q9"]
    assert sum(one.tier == DEV for one in split_off_dev(asked, "paraphrase", 99)) == 5
    assert split_off_dev([other], "paraphrase", 3) == [other]


@pytest.mark.parametrize(("changes", "says"), [
    ({"arms": ("placebo",)}, "control arms or the learning curve"), ({"learning_curve": True}, "more than once"),
    ({"paraphrases": 3}, "use taught_questions"), ({"fine_tune": False}, "no cycle to choose")])
def test_what_would_open_the_test_more_than_once_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidConfig, match=says):
        preset("embedded", **SETTINGS | changes)
    assert RunConfig().dev_questions == 0
