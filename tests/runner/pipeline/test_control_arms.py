"""Control arms in complete runs with fake models: the prompts of each arm, and no leaks of the test."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import fakes
import pytest

from knowledge.questions import HELD_OUT, PRACTICE
from runner.cli.summary import as_json, as_lines
from runner.judge.errors import JudgeFailed
from runner.pipeline.stages.compare_control_arms import control_arm_changes
from runner.pipeline.stages.context_prompts import PASSAGES, ContextItem, fit_prompt
from runner.pipeline.stages.placebo import NothingToShuffle, derangement
from runner.pipeline.worker import execute_claimed_run
from runner.student.errors import TrainingFailed
from store import commands, queries
from store.control_arms import ARMS, FEW_SHOT, PLACEBO, RETRIEVAL, TEACHER, TUNED_RETRIEVAL
from store.database import Store, open_store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import (
    AdapterMissing, AdapterTrained, AnswersGiven, Event, LearningCurveMeasured, PassagesRetrieved, PlaceboTrained,
    QuestionRecord,
)
from store.metrics import JUDGE_METRICS, METRICS
from store.paths import Paths
from store.run_config import InvalidConfig, RunConfig
from tests.plain_runs import plain_run

STEPS = 8


def carry_out(folder: Path, fail: Any = lambda _where: None, **changes: Any) -> tuple[Store, queries.Run]:
    store = open_store(f"sqlite:///{folder / 'events.db'}")
    settings: dict[str, Any] = {"topics": ("pods", "services"), "questions": 8, "held_out": 8, "steps": STEPS}
    run = commands.launch_run(store, plain_run(**(settings | changes)), "test")
    claim = leases.claim_next(store, leases.owner_name())

    def bench(*args: Any) -> Any:
        return fakes.fake_resources(*args, fail=fail)
    assert claim and execute_claimed_run(claim, Paths(folder, store.url), bench) == 0
    found = queries.find_run(store, run)
    assert found and found.work == "finished", found and found.trace
    return store, found


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Store, queries.Run]:
    folder = tmp_path_factory.mktemp("arms")
    return folder, *carry_out(folder, cycles=2, arms=tuple(ARMS), learning_curve=True, general=3, new_topics=("jobs",),
                              new_topic_questions=3)


def told(store: Store, run: queries.Run, kind: type[Event]) -> list[Any]:
    return [item.event for item in read_events(store, run.id) if isinstance(item.event, kind)]


def adapter_of(folder: Path, run: queries.Run, cycle: int, name: str = "adapter") -> dict[str, str]:
    found: dict[str, str] = json.loads((folder / "runs" / run.id / f"cycle-0{cycle}" / name
                                        / "adapter_config.json").read_text())
    return found


def test_every_arm_answers_the_held_out_test_and_is_compared_both_ways(ran: tuple[Path, Store, queries.Run]) -> None:
    _, store, run = ran
    held_out = {pair.question for pair in queries.answers_of(store, run.id, 2) if pair.tier == HELD_OUT}
    given = {event.arm: event for event in told(store, run, AnswersGiven) if event.arm in ARMS}
    assert list(given) == [TEACHER, FEW_SHOT, RETRIEVAL, TUNED_RETRIEVAL, PLACEBO]
    for event in given.values():  # the test alone: no new topics, nothing everyday, no practice
        assert {answer.question_id for answer in event.answers} == held_out and len(held_out) == 8
        assert all(answer.text for answer in event.answers)
    pairs = {(row.arm, row.against) for row in queries.arm_changes_of(store, run.id)}
    assert pairs == {("tuned", "baseline"), *((arm, "baseline") for arm in ARMS), *(("tuned", arm) for arm in ARMS),
                     (TUNED_RETRIEVAL, RETRIEVAL)}
    assert len(queries.arm_changes_of(store, run.id)) == 12 * len(set(METRICS) - set(JUDGE_METRICS))


def test_the_comparison_of_tuned_and_untrained_is_the_cycles_own(ran: tuple[Path, Store, queries.Run]) -> None:
    _, store, run = ran
    own = {row.metric: row for row in queries.changes_of(store, run.id, 2) if (row.tier, row.topic) == (HELD_OUT, "")}
    beside = {row.metric: row for row in queries.arm_changes_of(store, run.id)
              if (row.arm, row.against) == ("tuned", "baseline")}
    assert {name: (row.change, row.low, row.high) for name, row in own.items()} == \
        {name: (row.change, row.low, row.high) for name, row in beside.items()}


def test_examples_come_from_practice_alone_and_are_the_same_for_every_question(
        ran: tuple[Path, Store, queries.Run]) -> None:
    _, store, run = ran
    practised = {pair.question: pair for cycle in (1, 2) for pair in queries.answers_of(store, run.id, cycle)
                 if pair.tier == PRACTICE}
    prompts = [prompt for prompt in queries.arm_prompts_of(store, run.id) if prompt.arm == FEW_SHOT]
    (sources,) = {prompt.sources for prompt in prompts}
    assert len(set(sources)) == 3 and set(sources) <= set(practised)
    for prompt in prompts:
        for source in sources:
            assert f"{practised[source].text}\nAnswer: {practised[source].reference}" in prompt.text


def test_retrieval_searches_both_sides_of_the_split_and_both_its_arms_see_the_same(
        ran: tuple[Path, Store, queries.Run]) -> None:
    _, store, run = ran
    (search,) = told(store, run, PassagesRetrieved)
    assert search.searched == len(fakes.small_domain().passages)
    prompts = queries.arm_prompts_of(store, run.id)
    untrained, tuned = ([p.text for p in prompts if p.arm == arm] for arm in (RETRIEVAL, TUNED_RETRIEVAL))
    assert untrained == tuned and len(untrained) == 8
    assert any(p.own_passage for p in prompts if p.arm == RETRIEVAL)  # the passage behind the test may be found


def test_a_placebo_trains_as_long_on_as_many_questions_and_never_on_a_right_answer(
        ran: tuple[Path, Store, queries.Run]) -> None:
    folder, store, run = ran
    real, placebos = told(store, run, AdapterTrained), told(store, run, PlaceboTrained)
    assert [event.steps for event in placebos] == [event.steps for event in real] == [STEPS, STEPS]
    assert placebos[1].continued_from == placebos[0].adapter != real[0].adapter
    for cycle, event in enumerate(placebos, start=1):
        pairs = {pair.question: pair for pair in queries.answers_of(store, run.id, cycle) if pair.tier == PRACTICE}
        assert {item.question_id for item in event.examples} == set(pairs)
        assert {item.answer_of for item in event.examples} == set(pairs)  # every reference is used, and used once
        taught, shuffled = adapter_of(folder, run, cycle), adapter_of(folder, run, cycle, "placebo-adapter")
        assert set(taught) == set(shuffled)
        for item in event.examples:
            asked, other = pairs[item.question_id], pairs[item.answer_of]
            assert taught[asked.text] == asked.reference  # the fake adapter holds what it was shown
            assert shuffled[asked.text] == other.reference != asked.reference
            assert asked.passage != other.passage


def test_the_cycles_own_adapter_and_loss_are_not_the_placebos(ran: tuple[Path, Store, queries.Run]) -> None:
    _, store, run = ran
    assert [cycle.adapter for cycle in queries.cycles_of(store, run.id)] == ["cycle-01/adapter", "cycle-02/adapter"]
    assert {point.stage for point in queries.series(store, run.id, "loss")} == {"fine-tune"}
    assert len(queries.series(store, run.id, "placebo_loss")) == 2 * STEPS


def test_the_offline_teachers_ceiling_is_marked_as_by_construction(ran: tuple[Path, Store, queries.Run]) -> None:
    _, store, run = ran
    gaps = {gap.metric: gap for gap in queries.gaps_of(store, run.id)}
    assert all(gap.by_construction for gap in gaps.values())
    assert gaps["answer_similarity"].teacher == 1.0 and gaps["answer_similarity"].closed is not None
    assert gaps["reference_nll"].closed is None and gaps["reference_nll"].scored == 0  # no teacher's likelihood


def test_the_learning_curve_weighs_the_same_test_at_each_moment_without_answers(
        ran: tuple[Path, Store, queries.Run]) -> None:
    _, store, run = ran
    rows = [row for row in queries.curve_of(store, run.id) if row.metric == "reference_nll"]
    assert [(row.cycle, row.step) for row in rows] == [(1, 0), (1, 2), (1, 4), (1, 8), (2, 2), (2, 4), (2, 8)]
    assert all(row.scored == row.asked == 8 for row in rows)
    end = {row.cycle: row for row in queries.changes_of(store, run.id)
           if (row.tier, row.metric, row.topic) == (HELD_OUT, "reference_nll", "")}
    for cycle in (1, 2):
        last = next(row for row in rows if (row.cycle, row.step) == (cycle, STEPS))
        assert (last.value, last.change, last.low) == (end[cycle].tuned, end[cycle].change, end[cycle].low)


def test_the_summary_has_a_line_an_arm_and_the_json_every_number(ran: tuple[Path, Store, queries.Run]) -> None:
    _, store, run = ran
    lines = [line for line in as_lines(store, run.id) if line.split(" ")[0] in ARMS]
    assert [line.split(" ")[0] for line in lines] == list(ARMS) and "not measured" in lines[-1]
    told = json.loads(json.dumps(as_json(store, run.id)))
    assert len(told["arms"]) == len(queries.arm_changes_of(store, run.id))
    assert [gap["metric"] for gap in told["gaps"]] == [gap.metric for gap in queries.gaps_of(store, run.id)]
    assert {point["step"] for point in told["along_training"]} == {0, 2, 4, 8}


def test_read_models_of_the_arms_can_be_rebuilt(ran: tuple[Path, Store, queries.Run]) -> None:
    from store.projections.rebuild import rebuild

    _, store, run = ran

    def state() -> object:
        return (queries.arm_changes_of(store, run.id), queries.gaps_of(store, run.id),
                queries.curve_of(store, run.id), queries.arm_prompts_of(store, run.id))
    before = state()
    with store.write() as connection:
        rebuild(connection)
    assert state() == before


def test_the_verdict_does_not_depend_on_which_arms_ran(tmp_path: Path, ran: tuple[Path, Store, queries.Run]) -> None:
    _, without = carry_out(tmp_path, cycles=2, general=3, new_topics=("jobs",), new_topic_questions=3)
    assert without.sentence == ran[2].sentence


def test_an_arm_that_fails_is_missing_with_its_reason_and_the_run_goes_on(tmp_path: Path) -> None:
    trained: list[str] = []

    def second_training_fails(where: str) -> None:
        trained.extend([where] if where == "fine_tune" else [])
        if where == "fine_tune" and len(trained) > STEPS:
            raise TrainingFailed("the loss became nan")
    store, run = carry_out(tmp_path, second_training_fails, arms=(FEW_SHOT, PLACEBO))
    (missing,) = told(store, run, AdapterMissing)
    assert missing.failed and "loss became nan" in missing.reason
    rows = {(row.arm, row.against, row.metric): row for row in queries.arm_changes_of(store, run.id)}
    placebo, few_shot = (rows[arm, "baseline", "reference_nll"] for arm in (PLACEBO, FEW_SHOT))
    assert (placebo.scored, placebo.asked, placebo.change, placebo.verdict) == (0, 8, None, "not measured")
    assert few_shot.scored == 8 and run.verdict not in (None, "not measured")


def test_where_the_search_failed_retrieval_is_missing_and_never_scored_as_a_bare_question(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise JudgeFailed("the encoder gave nothing")
    monkeypatch.setattr(fakes.FakeRetriever, "best", broken)
    store, run = carry_out(tmp_path, arms=(RETRIEVAL, FEW_SHOT))
    rows = [row for row in queries.arm_changes_of(store, run.id) if row.against == "baseline"]
    assert all((row.scored, row.asked) == (0, 8) for row in rows if row.arm == RETRIEVAL)
    assert any(row.scored == 8 for row in rows if row.arm == FEW_SHOT)
    missing = {answer.missing for answer in queries.arm_answers_of(store, run.id) if answer.arm == RETRIEVAL}
    assert missing == {"nothing could be put before the question"}


def test_a_cycle_without_an_adapter_has_no_curve_and_no_tuned_arm(tmp_path: Path) -> None:

    def no_training(where: str) -> None:
        if where == "fine_tune":
            raise TrainingFailed("no")
    store, run = carry_out(tmp_path, no_training, arms=(TUNED_RETRIEVAL,), learning_curve=True)
    assert told(store, run, LearningCurveMeasured) == [LearningCurveMeasured(())]
    assert all(row.scored == 0 for row in queries.arm_changes_of(store, run.id))


@pytest.mark.parametrize(("changes", "says"), [
    ({"arms": ("few-shots",)}, "unknown control arm 'few-shots'"), ({"arms": ("placebo",), "held_out": 0}, "held-out"),
    ({"arms": ("placebo",), "fine_tune": False}, "needs fine-tuning"),
    ({"learning_curve": True, "fine_tune": False}, "needs fine-tuning")])
def test_what_cannot_be_compared_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidConfig, match=says):
        plain_run(**changes)


def test_no_shuffle_ever_gives_a_question_an_answer_of_its_own_passage() -> None:
    chance = random.Random(4)
    for number in range(400):
        keys = [str(chance.randint(0, 9)) for _ in range(chance.randint(2, 30))]
        if max(keys.count(key) for key in keys) * 2 > len(keys):
            with pytest.raises(NothingToShuffle):
                derangement(keys, str(number))
            continue
        order = derangement(keys, str(number))
        assert sorted(order) == list(range(len(keys)))
        assert not [place for place, other in enumerate(order) if keys[place] == keys[other]]
        assert order == derangement(keys, str(number))
    singles = [str(number) for number in range(12)]
    assert len({tuple(derangement(singles, str(seed))) for seed in range(20)}) == 20


QUESTION = QuestionRecord("q", HELD_OUT, "pods", "What is it?", "p", "", "", "", "", ())
LONG = [ContextItem(name, f"{name} " + "word " * 50) for name in ("first", "second", "third")]


def test_what_does_not_fit_is_left_out_from_the_last_and_counted() -> None:
    whole = fit_prompt(QUESTION, LONG, PASSAGES, lambda text: True)
    assert (whole.sources, whole.left_out, whole.cut) == (("first", "second", "third"), 0, False)
    two = fit_prompt(QUESTION, LONG, PASSAGES, lambda text: len(text.split()) < 120)
    assert (two.sources, two.left_out, two.cut) == (("first", "second"), 1, False) and "What is it?" in two.text


def test_the_best_passage_is_cut_where_not_even_it_fits_and_the_question_stays_whole() -> None:
    cut = fit_prompt(QUESTION, LONG, PASSAGES, lambda text: len(text.split()) <= 30)
    assert (cut.sources, cut.left_out, cut.cut) == (("first",), 2, True)
    assert len(cut.text.split()) == 30 and cut.text.endswith("What is it?")
    bare = fit_prompt(QUESTION, LONG, PASSAGES, lambda text: False)
    assert (bare.sources, bare.text, bare.left_out, bare.cut) == ((), "What is it?", 3, True)


def test_several_arms_are_several_looks_but_the_runs_own_question_is_one() -> None:
    """A change that suffices for one arm does not among five; fine-tuned vs. baseline is uncorrected."""
    gains = (0.35, 0.3, -0.05, 0.3, 0.2, -0.05, 0.4, 0.2, 0.0, 0.3, 0.15, 0.0)
    asked = [QuestionRecord(f"q{n}", "held-out", "pods", "?", f"p{n}", "Pod", "A Pod.", "a", "A Pod.", ())
             for n in range(12)]

    def verdicts(arms: tuple[str, ...]) -> dict[tuple[str, str], str]:
        scores: dict[tuple[str, str, str], float | None] = {
            (arm, f"q{n}", "rouge_l"): 0.4 + (gain if arm in ("tuned", "placebo") else 0)
            for arm in ("baseline", "tuned", *arms) for n, gain in enumerate(gains)}
        return {(row.arm, row.against): row.verdict for row in control_arm_changes(asked, scores, arms, ["rouge_l"],
                                                                                         RunConfig())}

    assert verdicts(("placebo",))["placebo", "baseline"] == "improved"
    among_five = verdicts(("placebo", "few-shot", "retrieval", "tuned-retrieval", "teacher"))
    assert among_five["placebo", "baseline"] == "inconclusive"
    assert among_five["tuned", "baseline"] == "improved"
