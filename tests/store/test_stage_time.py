"""The one estimator of time: checked against stage durations of real runs, recorded on two busy cores."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from statistics import median

import pytest

from dashboard.view_models import time_remaining
from dashboard.view_models.time_remaining import Remaining
from store.analysis.launch_forecast import forecast, longest_first
from store.analysis.stage_time import StageTimes, comparable, work_of
from store.presets import preset
from store.queries import PastStage

RECORDED = json.loads(Path(__file__).with_name("recorded_durations.json").read_text())


def recorded(at: int) -> list[PastStage]:
    """The stages of one recorded run with the embedded student: tiny, small, tiny in two cycles, small again."""
    settings = RECORDED[at]["config"]
    config = preset("embedded", **settings | {"topics": tuple(settings["topics"])})
    return [PastStage(f"run {at}", config, cycle, stage, seconds) for stage, cycle, seconds in RECORDED[at]["stages"]]


def took(at: int) -> float:
    return sum(row.seconds for row in recorded(at))


def test_the_second_run_of_a_kind_takes_what_was_forecast_within_a_quarter_in_the_median() -> None:
    errors = []
    for first, second in itertools.permutations(range(len(RECORDED)), 2):
        found = forecast(recorded(second)[0].config, recorded(first), {})
        assert found and found.low <= found.seconds <= found.high
        errors.append(abs(found.seconds - took(second)) / took(second))
    assert len(errors) == 12
    assert median(errors) < 0.25
    assert max(errors) < 0.35, "also where the second run is several times as large"


def test_the_runs_of_a_group_are_ordered_by_how_long_they_take_where_that_is_known() -> None:
    config, past = recorded(0)[0].config, [*recorded(0), *recorded(1)]
    runs = [dataclasses.replace(config, passes=passes, training_seed=seed) for passes in (3.0, 30.0) for seed in (1, 2)]
    assert longest_first(runs, past) == (*runs[2:], *runs[:2])
    assert longest_first(runs, []) == tuple(runs)  # nothing is known
    unknown = [*runs, dataclasses.replace(config, student="another")]
    assert longest_first(unknown, past) == tuple(unknown)


def test_the_form_and_the_live_page_say_the_same() -> None:
    past, config = recorded(0) + recorded(1), recorded(2)[0].config
    before = forecast(config, past, {})
    left = time_remaining.estimate([Remaining(row.stage, cycle=row.cycle) for row in recorded(2)], "new", config, past)
    assert before and left and left.unknown == 0
    assert (left.seconds, left.low, left.high) == pytest.approx((before.seconds, before.low, before.high))


@pytest.mark.parametrize("done", [5, 10, 15])
def test_in_the_middle_of_a_run_its_own_stages_lead_to_what_is_left(done: int) -> None:
    stages = sorted(recorded(2), key=lambda row: (row.cycle == 0 and row.stage == "final-report", row.cycle))
    ended, ahead = stages[:done], stages[done:]
    left = time_remaining.estimate([Remaining(row.stage, cycle=row.cycle) for row in ahead], "run 2",
                                   stages[0].config, [*ended, *recorded(0), *recorded(1)])
    really = sum(row.seconds for row in ahead)
    assert left and left.unknown == 0 and left.seconds == pytest.approx(really, rel=0.3)


def test_a_slower_machine_slows_the_stages_that_are_left() -> None:
    config = preset("embedded")
    past = [PastStage("other", config, 0, "held-out-baseline", 10), PastStage("other", config, 1, "tuned", 10)]
    slower = [PastStage("mine", config, 0, "held-out-baseline", 20), *past]
    found = StageTimes(config, slower, "mine").of("tuned", 1)
    assert found and found.seconds == pytest.approx(20)


def test_stages_of_another_student_say_nothing_and_more_arms_change_nothing() -> None:
    config = preset("embedded")
    assert not comparable(config, preset("embedded", student="another/student"))
    assert not comparable(config, dataclasses.replace(config, teacher_batch=True))
    assert comparable(config, preset("embedded", arms=("placebo",), questions=50, cycles=3, passes=5.0))


def test_study_items_repeat_the_facts_of_earlier_cycles() -> None:
    study, plain = preset("embedded", questions=10, passes=4.0), preset("embedded", questions=10, study="off", steps=50)
    assert [work_of("fine-tune", cycle, study) for cycle in (1, 2, 3)] == [40, 80, 120]
    assert work_of("fine-tune", 2, plain) == work_of("fine-tune", 1, plain)


def test_a_fixed_time_is_not_scaled() -> None:
    """Six and sixty questions that took 8 and 17 s: 0.17 s a question, so that 600 take 107 s and not 170 s."""
    small, large, huge = (preset("embedded", questions=count) for count in (6, 60, 600))
    times = StageTimes(huge, [PastStage("a", small, 1, "baseline", 8.0), PastStage("b", large, 1, "baseline", 17.0)])
    found = times.of("baseline", 1)
    assert found and found.seconds == pytest.approx(107, rel=0.01)
