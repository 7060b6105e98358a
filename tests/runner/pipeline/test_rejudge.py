"""Judging stored answers again adds new rows; the run's status, scores and verdict stay."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fakes
import pytest

from runner.cli.judge import metrics_in
from runner.cli.main import main
from runner.errors import UserError
from runner.judge.factory import open_llm_judge
from runner.llm.retry import Clock, RetryPolicy
from runner.pipeline.rejudge import parse_request, rejudge
from runner.pipeline.worker import execute_claimed_run
from store import commands, queries
from store.costs.prices import team_file
from store.database import Store
from store.event_log import leases
from store.event_log.journal import Journal, read_events
from store.paths import Paths
from store.projections.rebuild import rebuild
from store.run_config import RunConfig
from tests.runner import fake_judges
from tests.runner.fake_openai import FakeOpenAI
from tests.plain_runs import plain_run

IMPATIENT = RetryPolicy(total_seconds=60.0, first_seconds=0.01, max_seconds=0.02)


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(words=fake_judges.competent) as server:
        yield server


@pytest.fixture
def run(store: Store, tmp_path: Path) -> queries.Run:
    """A finished run of two cycles that had no judge model."""
    config = plain_run(topics=("pods", "services"), questions=6, held_out=6, cycles=2, steps=2)
    name = commands.launch_run(store, config, "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(tmp_path, store.url), fakes.fake_resources) == 0
    return named(store, name)


def named(store: Store, name: str) -> queries.Run:
    found = queries.find_run(store, name)
    assert found and found.work == "finished", found and found.trace
    return found


def judges(config: RunConfig, run: str, store: Store, journal: Journal) -> Any:
    model = open_llm_judge(config, run, store, None, IMPATIENT, Clock(rng=random.Random(1)))
    return fakes.FakeJudge(), model if config.judge else None


def again(store: Store, run: queries.Run, metrics: tuple[str, ...], fake: FakeOpenAI | None = None,
          cycle: int | None = None) -> int:
    order = parse_request(run, metrics, "gpt-4o-mini" if fake else None, fake.url if fake else None, cycle)
    return rejudge(store, order, lambda line: None, judges)


def test_new_scores_stand_beside_the_old_and_the_run_stays_as_it_was(fake: FakeOpenAI, store: Store,
                                                                     run: queries.Run) -> None:
    before = {cycle: queries.answers_of(store, run.id, cycle) for cycle in (1, 2)}, queries.changes_of(store, run.id)
    number = again(store, run, ("factual_correctness", "chrf"), fake)
    assert ({cycle: queries.answers_of(store, run.id, cycle) for cycle in (1, 2)},
            queries.changes_of(store, run.id)) == before
    after = named(store, run.id)
    assert (after.work, after.verdict, after.attempts) == (run.work, run.verdict, run.attempts)
    for cycle in (1, 2):
        for pair in queries.answers_of(store, run.id, cycle, number):
            assert set(pair.scores) == {"factual_correctness", "chrf"}
            assert None not in pair.scores["factual_correctness"]
            assert pair.judges and pair.judges["factual_correctness"] == f"gpt-4o-mini at {fake.url}"
    changes = queries.rejudged_changes(store, run.id, number)
    assert {(row.cycle, row.tier, row.metric) for row in changes if not row.topic} == {
        (cycle, tier, metric) for cycle in (1, 2) for tier in ("held-out", "practice")
        for metric in ("factual_correctness", "chrf")}
    (judging,) = queries.judgings_of(store, run.id)
    assert judging.work == "finished" and judging.scored == judging.asked and judging.calls
    assert [audit.judging for audit in queries.audits_of(store, run.id, number)] == [number, number]


def test_the_free_metrics_come_out_as_the_run_had_them_and_nothing_is_asked(store: Store, run: queries.Run) -> None:
    number = again(store, run, ("answer_similarity", "fact_recall"))
    own = {row.question: row.scores for row in queries.answers_of(store, run.id, 2)}
    for pair in queries.answers_of(store, run.id, 2, number):
        assert pair.scores == {metric: own[pair.question][metric] for metric in ("answer_similarity", "fact_recall")}


def test_every_judging_is_kept_for_itself_and_the_second_pays_nothing(fake: FakeOpenAI, store: Store,
                                                                      run: queries.Run) -> None:
    first = again(store, run, ("faithfulness",), fake, cycle=1)
    paid = len(fake.requests)
    second = again(store, run, ("faithfulness",), fake, cycle=1)
    assert (first, second) == (1, 2) and len(fake.requests) == paid
    assert [one.judging for one in queries.judgings_of(store, run.id)] == [1, 2]
    assert {row.cycle for row in queries.rejudged_changes(store, run.id, 2)} == {1}


def test_the_record_can_be_rebuilt_with_its_judgings(fake: FakeOpenAI, store: Store, run: queries.Run) -> None:
    number = again(store, run, ("faithfulness",), fake, cycle=2)
    before = (queries.rejudged_scores(store, run.id, number), queries.rejudged_changes(store, run.id, number),
              queries.audits_of(store, run.id), queries.judgings_of(store, run.id))
    with store.write() as connection:
        rebuild(connection)
    assert (queries.rejudged_scores(store, run.id, number), queries.rejudged_changes(store, run.id, number),
            queries.audits_of(store, run.id), queries.judgings_of(store, run.id)) == before


def test_a_judging_that_breaks_off_shows_as_interrupted_and_frees_the_run(store: Store, run: queries.Run) -> None:
    order = parse_request(run, ("chrf",), None, None, None)

    def stop(line: str) -> None:
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        rejudge(store, order, stop, judges)
    assert [one.work for one in queries.judgings_of(store, run.id)] == ["interrupted"]
    assert again(store, run, ("chrf",)) == 2


def test_a_judge_that_is_shut_down_is_refused_before_a_call(run: queries.Run, tmp_path: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    team_file(Paths(tmp_path, "")).write_text(
        '{"gone": {"prompt_usd": 1, "completion_usd": 1, "source": "a list", "looked_up": "2026-11-01", '
        '"shutdown": "2026-11-01", "successor": "next"}}')
    with pytest.raises(UserError, match="gone was shut down on 1 November 2026.*--judge next"):
        parse_request(run, ("faithfulness",), "gone", None, None)


def test_nobody_judges_a_run_that_somebody_holds(store: Store, run: queries.Run) -> None:
    assert leases.claim_finished_run(store, leases.owner_name(), run.id)
    with pytest.raises(UserError, match="is in use"):
        again(store, run, ("chrf",))


def test_a_waiting_run_cannot_be_claimed_as_ended(store: Store) -> None:
    name = commands.launch_run(store, plain_run(), "test")
    assert leases.claim_finished_run(store, leases.owner_name(), name) is None
    assert not read_events(store, name)[1:]


@pytest.mark.parametrize(("text", "says"), [
    ("choice_accuracy", "the student's own log-likelihood"), ("truth", "unknown metric"), (",", "no metric named")])
def test_what_no_stored_answer_is_enough_for_is_refused(text: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        metrics_in(text)


def test_the_command_says_its_price_first_and_bad_input_is_a_sentence(
        fake: FakeOpenAI, store: Store, run: queries.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("STORE_URL", store.url)
    asked = ["judge", run.id, "--metrics", "faithfulness"]
    assert main(asked) == 2 and "name it with --judge" in capsys.readouterr().err
    assert main(["judge", "no-such", "--metrics", "chrf"]) == 2 and "no run" in capsys.readouterr().err
    assert main([*asked, "--judge", "gpt-4o-mini", "--judge-base-url", fake.url, "--cycle", "9"]) == 2
    assert "no cycle 9" in capsys.readouterr().err
    assert main([*asked, "--judge", "gpt-4o-mini", "--judge-base-url", fake.url, "--estimate"]) == 0
    assert "tokens, about" in capsys.readouterr().out and not fake.requests and not queries.judgings_of(store, run.id)
