"""Which stages run at the same time: each waits for its inputs and for what it occupies, and for nothing else."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator

import pytest

from runner.pipeline.pipeline import OPENS_TEST, StageRun, inputs_of, steps
from runner.pipeline.schedule import (
    DEVICE, JUDGE, TEACHER, Schedule, endpoints_elsewhere, occupied_by, occupied_by_judging,
)
from store.control_arms import ARMS
from store.event_log.journal import StopRequested
from store.run_config import RunConfig
from tests.plain_runs import plain_run

CHAT = {"teacher": "gpt-4o-mini"}
ELSEWHERE = frozenset({TEACHER, JUDGE})
CONFIGS = (RunConfig(cycles=2, **CHAT), plain_run(cycles=3, arms=ARMS, learning_curve=True, general=6, **CHAT),
           RunConfig(cycles=2, dev_questions=8, **CHAT), RunConfig(review=True, study="facts", arms=ARMS, **CHAT),
           RunConfig(cycles=2, judge="gpt-4o-mini"))
Key = tuple[str, int]


def key(step: StageRun) -> Key:
    return step.row.stage, step.cycle


def executed(config: RunConfig, chance: random.Random,
             elsewhere: frozenset[str] = ELSEWHERE) -> Iterator[tuple[StageRun, list[StageRun], set[Key]]]:
    """Execute a run in which stages end in any order: each that begins, those that run then, and those that have ended.

    A stage of the judge leaves the device at some time before it ends, and sometimes returns to begin again.
    """
    table = list(steps(config))
    schedule, running, ended = Schedule(table, config, elsewhere), list[StageRun](), set[Key]()
    occupy: dict[Key, frozenset[str]] = {}
    while len(ended) < len(table):
        while step := schedule.begin(True) or schedule.begin(False):
            taken = frozenset[str]().union(*(occupy[key(one)] for one in running))
            assert not taken & occupied_by(step, elsewhere)
            yield step, list(running), set(ended)
            running.append(step)
            occupy[key(step)] = occupied_by(step, elsewhere)
        one = chance.choice(running)
        if not schedule.obtained(one):
            continue
        others = frozenset[str]().union(*(occupy[key(other)] for other in running if other is not one
                                          and schedule.obtained(other)))
        assert not others & occupy[key(one)]
        if one.row.doer == "judge" and (JUDGE not in occupy[key(one)] or chance.random() < 0.2):
            began = occupied_by(one, elsewhere)
            occupy[key(one)] = occupied_by_judging(config, elsewhere) if occupy[key(one)] == began else began
            schedule.request(one, occupy[key(one)])
        else:
            running.remove(one)
            schedule.ended(one)
            ended.add(key(one))
    assert schedule.next(True) is schedule.next(False) is None


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("seed", range(8))
def test_a_stage_begins_with_its_inputs_and_the_device_and_each_endpoint_have_one_at_a_time_in_order(
        config: RunConfig, seed: int) -> None:
    table = [key(step) for step in steps(config)]
    begun: list[StageRun] = []
    for step, running, ended in executed(config, random.Random(seed)):
        assert set(inputs_of(step, config).values()) <= ended
        for one in running:
            shared = occupied_by(one, ELSEWHERE) & occupied_by(step, ELSEWHERE)
            assert not shared or one.row.doer == "judge"  # which has left the device
        for one in begun:
            if occupied_by(one, ELSEWHERE) & occupied_by(step, ELSEWHERE):
                assert table.index(key(one)) < table.index(key(step))
        if step.row.stage in (OPENS_TEST, table[-1][0]):
            assert {key(one) for one in begun} == ended == set(table[:table.index(key(step))])
        begun.append(step)
    assert sorted(map(key, begun)) == sorted(table)


@pytest.mark.parametrize("config", CONFIGS)
def test_nothing_of_a_later_cycle_begins_before_the_device_has_finished_with_the_earlier_one(config: RunConfig) -> None:
    order = [(step.row.phase, step.cycle) for step in steps(config)]
    for seed in range(8):
        for step, _, ended in executed(config, random.Random(seed)):
            place = step.row.phase, step.cycle
            on_device = {key(one) for one in steps(config) if DEVICE in occupied_by(one, ELSEWHERE)
                         and one.row.doer != "judge" and order.index((one.row.phase, one.cycle)) < order.index(place)}
            assert on_device <= ended


@pytest.mark.parametrize("config", CONFIGS)
def test_one_at_a_time_is_the_order_of_the_table(config: RunConfig) -> None:
    begun = [(step, running) for step, running, _ in executed(config, random.Random(1), frozenset())]
    assert [key(step) for step, _ in begun] == [key(step) for step in steps(config)]
    assert not any(running for _, running in begun)


def beside(config: RunConfig, elsewhere: frozenset[str] = ELSEWHERE) -> set[tuple[str, str]]:
    """The pairs of stages that may run at the same time."""
    return {(running.row.stage, step.row.stage) for seed in range(40)
            for step, at_work, _ in executed(config, random.Random(seed), elsewhere) for running in at_work}


def test_the_teacher_the_judge_and_the_student_work_at_the_same_time() -> None:
    found = beside(plain_run(cycles=2, arms=ARMS, **CHAT))
    assert {("baseline", "references"), ("teacher-answers", "held-out-baseline"), ("judge-audit", "held-out-baseline"),
            ("baseline-evaluation", "fine-tune"), ("tuned-evaluation", "questions"), ("tuned-evaluation", "baseline"),
            ("tuned-evaluation", "few-shot"), ("judge-audit", "fine-tune")} <= found
    assert not {("fine-tune", "placebo-fine-tune"), ("baseline", "fine-tune"), ("fine-tune", "questions"),
                ("arms-evaluation", "final-report")} & found


def test_a_teacher_here_occupies_the_students_device_and_a_judge_here_does_not_leave_it() -> None:
    config = plain_run(cycles=2, judge="gpt-4o-mini", **CHAT)
    teacher_here, judge_here = beside(config, frozenset({JUDGE})), beside(config, frozenset({TEACHER}))
    assert ("baseline-evaluation", "fine-tune") in teacher_here and ("baseline", "references") not in teacher_here
    assert ("baseline", "references") in judge_here and ("baseline-evaluation", "fine-tune") not in judge_here


def test_a_stage_that_begins_again_waits_for_the_device() -> None:
    config = plain_run(cycles=1, **CHAT)
    table = {step.row.stage: step for step in steps(config)}
    schedule = Schedule(list(table.values()), config, ELSEWHERE)
    for stage in ("held-out", "judge-audit"):
        assert schedule.begin(on_device=False) is table[stage]
        if stage == "held-out":
            schedule.ended(table[stage])
    schedule.request(table["judge-audit"], frozenset({JUDGE}))
    assert schedule.begin(on_device=True) is table["held-out-baseline"]
    has_it = threading.Event()

    def again() -> None:
        schedule.occupy(table["judge-audit"], frozenset({DEVICE}), lambda: None)
        has_it.set()
    waits = threading.Thread(target=again)
    waits.start()
    assert not has_it.wait(0.2)
    schedule.ended(table["held-out-baseline"])
    assert has_it.wait(10) and schedule.begin(on_device=False) is None
    waits.join()


def test_who_waits_for_the_device_hears_of_a_stop() -> None:
    config = plain_run(cycles=1, **CHAT)
    table = {step.row.stage: step for step in steps(config)}
    schedule = Schedule(list(table.values()), config, ELSEWHERE)
    schedule.ended(table["held-out"])
    schedule.begin(on_device=False)
    schedule.request(table["judge-audit"], frozenset({JUDGE}))
    schedule.begin(on_device=True)

    def stop() -> None:
        raise StopRequested("pause")
    with pytest.raises(StopRequested):
        schedule.occupy(table["judge-audit"], frozenset({DEVICE}), stop)


HERE, THERE = "http://localhost:11434/v1", "https://models.example/v1"


@pytest.mark.parametrize(("changes", "wanted", "elsewhere"), [
    ({}, "", ""), ({}, "1", ""), (CHAT, "", "teacher"), (CHAT, "0", ""),
    (CHAT | {"teacher_base_url": THERE}, "", "teacher"), (CHAT | {"teacher_base_url": HERE}, "", ""),
    (CHAT | {"teacher_base_url": "http://127.0.0.1:11434/v1"}, "", ""),
    (CHAT | {"teacher_base_url": "http://[::1]:11434/v1"}, "", ""),
    (CHAT | {"teacher_base_url": HERE}, "1", "teacher"), ({"judge": "gpt-4o-mini"}, "", "judge"),
    (CHAT | {"teacher_base_url": HERE, "judge": "gpt-4o-mini"}, "", "judge"),
    (CHAT | {"judge": "gpt-4o-mini", "judge_base_url": HERE}, "", "teacher"),
    (CHAT | {"judge": "gpt-4o-mini"}, "", "teacher judge"),
    (CHAT | {"teacher_batch": True}, "1", ""), (CHAT | {"from_replies": "another run"}, "1", "")])
def test_no_stage_waits_for_an_endpoint_on_another_machine(changes: dict[str, object], wanted: str,
                                                           elsewhere: str) -> None:
    found = endpoints_elsewhere(plain_run(**changes), wanted)  # type: ignore[arg-type]
    assert found == frozenset(elsewhere.split())
