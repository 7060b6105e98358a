"""Runs of one group: the same test, the same practice questions, other trainings; and each teacher's call once."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from sqlalchemy import select, update

from runner.pipeline.resources import RunResources
from runner.pipeline.worker import execute_claimed_run
from runner.teacher.factory import open_llm_teacher
from store import commands, queries, schema
from store.analysis.group_result import GroupChange, between_combinations, counts, group_result
from store.database import Store
from store.event_log import leases
from store.paths import Paths
from store.run_config import RunConfig
from tests.runner.fake_openai import FakeOpenAI
from tests.runner.fake_teachers import IMPATIENT
from tests.runner.group_runs import SEED, executed, plan, seeded_resources


def trained_by(data: Path, run: str) -> str:
    return str(json.loads((data / "runs" / run / "cycle-01" / "adapter" / "adapter_config.json").read_text())[SEED])


def headline_of(store: Store) -> GroupChange:
    result = group_result(store, "g", ["reference_nll"])
    change = result.combinations[0].change("held-out", "reference_nll") if result else None
    assert change
    return change


def test_they_have_one_test_and_the_same_practice_and_differ_in_the_training_seed(store: Store, tmp_path: Path) -> None:
    ids = executed(store, tmp_path, plan((1, 2, 3)))
    runs = queries.runs_of_group(store, "g")
    assert {run.work for run in runs} == {"finished"} and len({run.held_out_hash for run in runs}) == 1
    assert len({queries.practice_questions_of(store, run) for run in ids}) == 1
    assert [trained_by(tmp_path, run) for run in ids] == ["2 0.0002", "3 0.0002", "4 0.0002"]  # seed + cycle
    baselines = {tuple((pair.question, pair.baseline, pair.scores["reference_nll"][0])
                       for pair in queries.answers_of(store, run, 1)) for run in ids}
    assert len(baselines) == 1


def test_a_run_without_a_training_seed_trains_as_before(store: Store, tmp_path: Path) -> None:
    run = commands.launch_run(store, dataclasses.replace(plan((1,)).configs[0], training_seed=None), "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(tmp_path, store.url), seeded_resources) == 0
    assert trained_by(tmp_path, run) == "43 0.0002"


def test_drawn_seeds_practise_other_questions_on_the_same_test(store: Store, tmp_path: Path) -> None:
    ids = executed(store, tmp_path, plan((1, 2, 3), draws=True))
    assert len({run.held_out_hash for run in queries.runs_of_group(store, "g")}) == 1
    assert len({queries.practice_questions_of(store, run) for run in ids}) == 3
    result = group_result(store, "g")
    assert result and not result.combinations[0].same_practice and len(result.combinations[0].pooled) == 3


def test_a_paid_teacher_is_asked_once_for_all_seeds(store: Store, tmp_path: Path, fake: FakeOpenAI) -> None:
    def paid(config: RunConfig, run: str, opened: Store, *others: object) -> RunResources:
        return dataclasses.replace(seeded_resources(config, run, opened, *others),
                                   open_teacher=lambda: open_llm_teacher(config, run, opened, None, IMPATIENT))

    planned = plan((1, 2, 3), teacher="gpt-4o-mini", teacher_base_url=fake.url, held_out=6)
    first = executed(store, tmp_path, dataclasses.replace(planned, configs=planned.configs[:1]), paid)
    calls = len(fake.requests)
    assert calls > 0
    others = executed(store, tmp_path, planned, paid)
    assert len(others) == 3 and others[0] == first[0] and len(fake.requests) == calls
    assert len({queries.practice_questions_of(store, run) for run in others}) == 1
    usage = queries.teacher_usage(store, others)
    assert usage[first[0]].calls == calls and all(usage[run].calls == 0 for run in others[1:] if run in usage)


def test_the_change_is_over_questions_and_seeds_from_three_seeds_on(store: Store, tmp_path: Path) -> None:
    executed(store, tmp_path, plan((1, 2)))
    change = headline_of(store)
    assert not change.found.seeds_in and len(change.found.seed_changes) == 2 and change.found.spread
    assert change.found.pooled.low == change.found.questions_low
    executed(store, tmp_path, plan((1, 2, 3)))
    change, ids = headline_of(store), [run.id for run in queries.runs_of_group(store, "g")]
    pooled = change.found.pooled
    assert change.found.seeds_in and pooled.scored == 12 and len(set(change.found.seed_changes)) == 3
    assert pooled.low is not None and change.found.questions_low is not None and pooled.low < change.found.questions_low
    of_runs = [next(row.change for row in queries.changes_of(store, run)
                    if (row.tier, row.metric, row.topic) == ("held-out", "reference_nll", ""))
               for run in ids]
    assert change.found.seed_changes == pytest.approx(of_runs)
    with store.write() as connection:  # a judge that scored in one of the runs only
        connection.execute(update(schema.scores).where(schema.scores.c.run == ids[1], schema.scores.c.metric == "chrf")
                           .values(judge="another"))
    result = group_result(store, "g")
    one = result.combinations[0] if result else None
    assert one and one.change("held-out", "chrf") is None and one.change("held-out", "rouge_l")
    (said,) = one.not_pooled
    assert said.startswith("chrf is in no number: no judge scored by it in all 3 runs (") and "another in 1)." in said
    scores = schema.scores.c
    with store.write() as connection:  # one that scored half of the questions in one run
        some = connection.execute(select(scores.question).where(
            scores.run == ids[0], scores.arm == "tuned", scores.metric == "rouge_l",
            scores.question.in_(select(schema.questions.c.question).where(
                schema.questions.c.run == ids[0], schema.questions.c.tier == "held-out"))).limit(6)).scalars().all()
        connection.execute(update(schema.scores).where(
            scores.run == ids[0], scores.arm == "tuned", scores.metric == "rouge_l", scores.question.in_(some))
            .values(value=None, missing="the judge gave no score"))
    result = group_result(store, "g")
    half = result.combinations[0].change("held-out", "rouge_l") if result else None
    assert half and (half.found.pooled.scored, half.found.pooled.asked) == (6, 12), "only what every run was scored on"


def test_runs_that_do_not_belong_together_are_counted_with_their_reason(store: Store, tmp_path: Path) -> None:
    planned = plan((1, 2, 3, 4, 5))
    ids = executed(store, tmp_path, dataclasses.replace(planned, configs=planned.configs[:3]))
    commands.change_run_state(store, "cancel", commands.launch_group(store, planned.configs, "g", "test").runs[3])
    again = dataclasses.replace(planned.configs[0], name="once more")
    other = dataclasses.replace(planned.configs[0], training_seed=9, held_out_set="another", seed=7, name="elsewhere")
    for config in (again, other):  # the command refuses such a group; a store may have one all the same
        with store.write() as connection:
            commands.launch_in_transaction(connection, config, "test", config.name, 9, "g")
        claim = leases.claim_next(store, leases.owner_name())
        assert claim and execute_claimed_run(claim, Paths(tmp_path, store.url), seeded_resources) == 0
    result = group_result(store, "g", ["reference_nll"])
    assert result and result.runs == 7
    left = {left.title: left.reason for one in result.combinations for left in one.left_out}
    assert left[planned.configs[3].name] == "cancelled" and left[planned.configs[4].name] == "queued"
    assert "repeats the seed of" in left["once more"] and "answered another test" in left["elsewhere"]
    pooled = [one for one in result.combinations if one.pooled]
    assert [run.id for one in pooled for run in one.pooled] == list(ids)
    assert "3 of 6 runs are in the numbers; 1 was cancelled" in counts(pooled[0])


def test_combinations_of_settings_are_compared_over_questions_and_seeds(store: Store, tmp_path: Path) -> None:
    executed(store, tmp_path, plan((1, 2, 3), {"learning_rate": (1e-4, 2e-4)}))
    result = group_result(store, "g")
    assert result and [one.label for one in result.combinations] == ["learning rate 0.0001", "learning rate 0.0002"]
    rows = between_combinations(store, result, ["reference_nll", "choice_accuracy"])
    assert [(row.one, row.other) for row in rows] == [("learning rate 0.0001", "learning rate 0.0002")] * 2
    first, second = (one.change("held-out", "reference_nll") for one in result.combinations)
    assert first and second and rows[0].found.seeds_in
    tuned = [one.found.pooled.tuned or 0 for one in (first, second)]
    assert rows[0].found.pooled.change == pytest.approx(tuned[1] - tuned[0])


def test_an_unknown_group_has_no_result(store: Store) -> None:
    assert group_result(store, "nothing") is None
