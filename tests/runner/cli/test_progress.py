"""The progress line shows stage, items done, loss and remaining time, and fits into 80 columns."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import fakes
import pytest

from knowledge.questions import Question
from runner.cli.progress import progress_line
from runner.hardware.utilization import UtilizationClock
from runner.pipeline.stage_checkpoints import Artifact, Header
from runner.pipeline.resources import RunResources
from runner.pipeline.stage_context import StageContext, ThroughputClock
from runner.pipeline.stages.generate_answers import generate_answers
from runner.pipeline.stages.score_likelihoods import LikelihoodScorer, likelihood_scores
from runner.protocols import Answer, GenerationConfig, Likelihood
from runner.teacher.offline_teacher import OfflineTeacher
from store import commands, queries
from store.database import open_store
from store.event_log import leases
from store.event_log.journal import Journal, StopRequested
from store.events import (
    AnswerRecord, AnswerSampled, CycleStarted, Event, QuestionRecord, ReferenceRecord, ReferencesWritten, RunStarted,
    StageProgressed,
    StageStarted,
)
from tests.plain_runs import plain_run


def test_the_line_says_where_the_run_is(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    run = commands.launch_run(store, plain_run(cycles=10), "test")

    def line() -> str:
        found = queries.find_run(store, run)
        assert found
        return progress_line(store, found)

    assert "waiting for a runner" in line()
    claim = leases.claim_next(store, "host:1:1")
    assert claim
    journal = Journal(store, claim)
    journal.append(RunStarted("host:1:1", 1, {}, ()), CycleStarted(), cycle=10)
    journal.append(StageStarted("trainer"), cycle=10, stage="fine-tune")
    assert "fine-tune" in line()
    journal.append(StageProgressed(100, 1000, "steps", "loss 3.141", 1, 99.0), cycle=10, stage="fine-tune")
    assert re.fullmatch(r"  cycle 10/10 \| fine-tune \| 100 of 1000 steps \| loss 3\.141 \| 1[56] min left",
                        line())
    assert len(line()) <= 80
    journal.append(StageProgressed(900, 1000, "steps", "", 900, 0.0), cycle=10, stage="fine-tune")
    assert "left" not in line()  # begun again at 900, and nothing done since


class SlowStudent(fakes.FakeStudent):
    """Takes two seconds per answer, by a fake clock."""

    now = 100.0

    def answer(self, questions: Sequence[Question], decoding: GenerationConfig, seed: int,
               adapter: Path | None) -> Iterator[list[Answer]]:
        for question in questions:
            self.now += 2.0
            yield [Answer(question.id, "Yes.", 2, 2.0)]


def test_what_was_done_before_a_resume_is_no_speed_of_this_attempt(tmp_path: Path) -> None:
    """40 of 50 answers are there already; as if made in this attempt's two seconds, they would promise the rest at
    once."""
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    run, student = commands.launch_run(store, plain_run(), "test"), SlowStudent()
    claim = leases.claim_next(store, "host:1:1")
    assert claim
    journal, left, sampled = Journal(store, claim), list[float | None](), list[AnswerSampled]()
    journal.append(RunStarted("host:1:1", 1, {}, ()), StageStarted("student"), stage="baseline")

    def emit(event: Event) -> None:
        journal.append(event, stage="baseline")
        found = queries.find_run(store, run)
        assert found and found.last_event_at
        if isinstance(event, AnswerSampled):
            sampled.append(event)
        if isinstance(event, StageProgressed):
            left.append(found.stage_seconds_left(found.last_event_at))

    bench = RunResources(fakes.small_domain, OfflineTeacher, lambda rung: student, fakes.FakeJudge)
    context = StageContext("r", plain_run(), 0, "baseline", {}, tmp_path, Header("r", 0, "baseline", "", ""),
                           bench,
                           emit, throughput=ThroughputClock(lambda: student.now))
    asked = [QuestionRecord(f"q{number}", "Why?", "pods", "held-out", "p1", "A passage", "", "", "", ())
             for number in range(50)]
    context.folder.mkdir()
    context.partial_results().add([dataclasses.asdict(AnswerRecord(one.question_id, "Yes.", None, 2, 2.0, False))
                         for one in asked[:40]])
    given = generate_answers(context, asked, "baseline", None)
    assert len(given.answers) == 50
    assert sampled[0] == AnswerSampled("baseline", "q40", "Yes."), "the first that this attempt answered"
    assert left == [None, *(pytest.approx(2.0 * count) for count in range(9, 0, -1)), 0.0]


def test_a_stage_that_stands_still_promises_less_and_less(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'events.db'}")
    run = commands.launch_run(store, plain_run(), "test")
    claim = leases.claim_next(store, "host:1:1")
    assert claim
    Journal(store, claim).append(StageProgressed(10, 20, "answers", "", 0, 10.0), stage="baseline")
    found = queries.find_run(store, run)
    assert found and found.last_event_at
    assert found.stage_seconds_left(found.last_event_at) == 10.0
    assert found.stage_seconds_left(found.last_event_at + timedelta(seconds=90)) == 100.0


def test_an_attempt_that_falls_back_begins_its_clock_again() -> None:
    now = [0.0]
    pace = ThroughputClock(lambda: now[0])
    told = []
    for done, at in ((0, 0), (5, 10), (5, 100), (6, 102)):  # after the second, memory ran out and it was tried again
        now[0] = float(at)
        told.append(pace.at(done))
    assert told == [(0, 0.0), (0, 10.0), (5, 0.0), (5, 2.0)]


class WeighingStudent(fakes.FakeStudent):
    """Tells after every three pairs, as one that weighs in batches."""

    def likelihoods(self, pairs: Sequence[tuple[str, str]], adapter: Path | None,
                    on_scored: Callable[[int], None] = lambda _so_far: None) -> list[Likelihood]:
        for so_far in (*range(3, len(pairs), 3), len(pairs)):
            on_scored(so_far)
        return super().likelihoods(pairs, adapter)


def test_judging_counts_while_a_student_weighs_and_a_stop_is_heard_there(tmp_path: Path) -> None:
    asked = [QuestionRecord(f"q{number}", "held-out", "pods", f"Why {number}?", "p1", "A passage", "", "", "", ())
             for number in range(10)]
    written = ReferencesWritten("offline", tuple(
        ReferenceRecord(one.question_id, "True.", None, "", ("False.", "Wrong.", "No."), ()) for one in asked))
    header = Header("r", 0, "references", "", "")
    bench = RunResources(fakes.small_domain, OfflineTeacher, lambda rung: WeighingStudent(), fakes.FakeJudge)
    told: list[int] = []

    def emit(event: Event) -> None:
        assert isinstance(event, StageProgressed) and event.total == 10
        told.append(event.done)
        if told[-1] == stop_at:
            raise StopRequested("cancel")

    context = StageContext("r", plain_run(), 0, "baseline-evaluation",
                           {"references": Artifact(header, (written,), "", 0)}, tmp_path, header, bench, emit,
                           utilization=UtilizationClock(lambda: 0.0))
    stop_at = 0
    assert len(likelihood_scores(context, "baseline", asked, LikelihoodScorer()).scores) == 20
    assert told == list(range(1, 11))  # 8 questions at once and then 2, of 4 texts each: no count comes twice
    told.clear()
    stop_at = 3
    with pytest.raises(StopRequested):
        likelihood_scores(context, "baseline", asked, LikelihoodScorer())
    assert told == [1, 2, 3]
