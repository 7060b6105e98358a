"""The settings of a sweep are chosen on development questions, and only the chosen runs ever answer the test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.cli.main import main
from runner.pipeline.worker import execute_claimed_run
from store import commands, queries
from store.analysis.group_result import group_result
from store.analysis.settings_choice import CannotChoose, choose_settings
from store.database import Store
from store.dev_split import DEV
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import AnswersGiven, SettingsChosen
from store.paths import Paths
from store.queries.openings_of_test import openings_of_test
from store.run_config import InvalidConfig
from store.sweep import SweepPlan
from tests.plain_runs import plain_run
from tests.runner.group_runs import executed, plan, seeded_resources

RATES = {"learning_rate": (1e-4, 2e-4)}


def planned(**changes: object) -> SweepPlan:
    settings = {"dev_questions": 6, "headline": "reference_nll", **changes}
    return plan((1, 2), RATES, **settings)


def answered_test(store: Store, run: str) -> bool:
    """Whether a tuned student answered a question of the run's locked test."""
    test = {pair.question for pair in queries.answers_of(store, run, 0) if pair.tier != DEV}
    return any(answer.question_id in test for item in read_events(store, run)
               if isinstance(item.event, AnswersGiven) and item.event.arm == "tuned" for answer in item.event.answers)


def execute_next(store: Store, data: Path) -> str:
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(data, store.url), seeded_resources) == 0
    return claim.run


def test_the_test_is_opened_for_the_best_by_development_questions_alone(
        store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("STORE_URL", store.url)
    whole = planned()
    ids = executed(store, tmp_path, whole)
    assert all(config.hold_test for config in whole.configs) and len(ids) == 4
    for run in queries.runs_of_group(store, "g"):
        assert run.work == "paused" and "holds its test back" in (run.error or "") and not answered_test(store, run.id)
    commands.change_run_state(store, "resume", ids[0])  # nothing opens it early
    execute_next(store, tmp_path)
    assert not answered_test(store, ids[0])

    assert main(["choose", "g", "--dry-run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found["candidates"]) == 2 and found["test_openings"] == 0 and found["result"] is None
    choice = choose_settings(store, "g")
    scores = {one.combination.label: one.value for one in choice.all}
    assert len(scores) == 2 and choice.chosen.value == min(scores.values()) and not choice.made_before
    commands.open_test(store, choice.chosen.run_ids, choice.other_ids, choice.event("g"))
    assert {execute_next(store, tmp_path), execute_next(store, tmp_path)} == set(choice.chosen.run_ids)
    works = {run.id: run.work for run in queries.runs_of_group(store, "g")}
    assert {works[run] for run in choice.chosen.run_ids} == {"finished"}
    assert {works[run] for run in choice.other_ids} == {"cancelled"}
    assert [answered_test(store, run) for run in choice.other_ids] == [False, False]
    first = queries.find_run(store, choice.chosen.run_ids[0])
    assert first and openings_of_test(store, first) == 2, "two seeds of the chosen settings, and nobody else"
    assert choice.best_run.run in choice.chosen.run_ids and "the test played no part in it" in choice.sentence()

    result = group_result(store, "g", ["reference_nll"])
    tested = next(one for one in result.combinations if one.pooled) if result else None
    assert tested and tested.label == choice.chosen.combination.label and tested.headline
    assert len(tested.headline.found.seed_changes) == 2 and tested.headline.found.pooled.scored == 12
    assert main(["choose", "g"]) == 0  # the choice stands, and nothing is told twice
    said = capsys.readouterr().out
    assert "It was chosen before and stands." in said and "The test was answered 2 times, by as many" in said
    assert choose_settings(store, "g").chosen.combination.label == choice.chosen.combination.label
    assert f"runner export {choice.best_run.run}" in said
    assert sum(isinstance(item.event, SettingsChosen) for item in read_events(store, first.id)) == 1


def test_a_choice_that_the_test_would_make_or_that_comes_too_early_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(CannotChoose, match="no group 'nothing'"):
        choose_settings(store, "nothing")
    commands.launch_group(store, planned().configs, "g", "test")
    execute_next(store, tmp_path)
    with pytest.raises(CannotChoose, match="group g is not ready: 3 queued; the choice is made once"):
        choose_settings(store, "g")
    commands.launch_group(store, plan((1,), RATES, group="no-dev").configs, "no-dev", "test")
    with pytest.raises(CannotChoose, match="no-dev has no development questions: the best of 2 combinations by the"):
        choose_settings(store, "no-dev")


def test_seeds_of_one_setting_hold_nothing_back_and_are_pooled_at_the_chosen_cycles(store: Store,
                                                                                    tmp_path: Path) -> None:
    seeds = plan((1, 2, 3), cycles=2, dev_questions=6, headline="reference_nll")
    assert not any(config.hold_test for config in seeds.configs)
    executed(store, tmp_path, seeds)
    result = group_result(store, "g", ["reference_nll"])
    change = result.combinations[0].headline if result else None
    assert change and change.found.seeds_in and change.found.pooled.scored == 12
    own = [next(row.change for row in queries.changes_of(store, run.id)
                if (row.tier, row.metric, row.topic) == ("held-out", "reference_nll", ""))
           for run in queries.runs_of_group(store, "g")]
    assert change.found.seed_changes == pytest.approx(own), "each seed by the cycle that it chose"


def test_a_run_of_its_own_cannot_hold_its_test_back_and_pilots_do_not() -> None:
    with pytest.raises(InvalidConfig, match="hold_test without dev_questions"):
        plan((1,), hold_test=True)
    assert plain_run().hold_test is False
    taught = plan((1,), {"questions": (8, 16)}, headline_tier="paraphrase", taught_questions=60, dev_questions=3)
    assert [config.taught_questions for config in taught.configs] == [5, 5], "all runs teach all that the test asks"
