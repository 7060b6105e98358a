"""Another teacher's references to a run's questions: agreement, other verdicts, and nothing paid twice."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import fakes
import pytest

from runner.cli.main import main
from runner.errors import UserError
from runner.llm.retry import Clock
from runner.pipeline import compare_teachers as comparison
from runner.pipeline.worker import execute_claimed_run
from runner.protocols import Teacher
from runner.teacher.factory import open_llm_teacher
from store import commands, queries
from store.costs.llm_calls import comparison_usage, run_usage
from store.database import Store, open_store
from store.event_log import leases
from store.event_log.journal import Journal, read_events
from store.events import TeachersCompared
from store.paths import Paths
from store.projections.rebuild import rebuild
from store.run_config import RunConfig
from tests.plain_runs import plain_run
from tests.runner.fake_openai import FakeOpenAI, refuse, say
from tests.runner.fake_teachers import IMPATIENT

MODEL = "gpt-4o-mini"


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as server:
        yield server


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a finished run of two cycles of the offline teacher, with everyday questions."""
    folder = tmp_path_factory.mktemp("finished")
    store = open_store(f"sqlite:///{folder / 'events.db'}")
    config = plain_run(topics=("pods", "services"), questions=4, held_out=6, cycles=2, steps=2, general=2)
    commands.launch_run(store, config, "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(folder, store.url), fakes.fake_resources) == 0
    store.close()
    return folder / "events.db"


@pytest.fixture
def store(finished: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copy(finished, tmp_path)
    opened = open_store(f"sqlite:///{tmp_path / finished.name}")
    yield opened
    opened.close()


@pytest.fixture
def run(store: Store) -> queries.Run:
    (found,) = queries.all_runs(store)
    return named(store, found.id)


def named(store: Store, name: str) -> queries.Run:
    found = queries.find_run(store, name)
    assert found and found.work == "finished", found and found.trace
    return found


def open_teacher(config: RunConfig, run: str, store: Store, journal: Journal) -> Teacher:
    return open_llm_teacher(config, run, store, None, IMPATIENT, Clock(rng=random.Random(1)), comparing=True)


def compared(store: Store, run: queries.Run, fake: FakeOpenAI, most_usd: float | None = None) -> TeachersCompared:
    request = comparison.parse_request(store, run, MODEL, fake.url, "auto", most_usd)
    return comparison.compare_teachers(store, request, lambda line: None, open_teacher, fakes.FakeJudge)


def test_equal_references_agree_and_no_verdict_changes(store: Store, run: queries.Run, fake: FakeOpenAI) -> None:
    """The fake endpoint quotes the passage, as the offline teacher does."""
    before = queries.changes_of(store, run.id), queries.answers_of(store, run.id, 1), run_usage(store, run.id)
    found = compared(store, run, fake)
    assert {(row.tier, row.metric) for row in found.agreement} == {
        (tier, metric) for tier in ("held-out", "practice") for metric in comparison.AGREEMENT_METRICS}
    assert all(row.mean == 1 and row.low is not None and row.low <= 1 == row.high for row in found.agreement)
    assert {(row.tier, row.scored, row.asked) for row in found.agreement} == {("held-out", 6, 6), ("practice", 8, 8)}
    own = {(row.cycle, row.tier, row.metric): row for row in queries.changes_of(store, run.id) if not row.topic}
    assert {row.cycle for row in found.changes} == {1, 2}
    for row in found.changes:
        before_it = own[row.cycle, row.tier, row.metric]
        assert (row.change, row.low, row.verdict) == (before_it.change, before_it.low, before_it.verdict), row
    assert not {"choice_accuracy", "reference_nll"} & {row.metric for row in found.changes}
    assert (queries.changes_of(store, run.id), queries.answers_of(store, run.id, 1),
            run_usage(store, run.id)) == before
    after = named(store, run.id)
    assert (after.verdict, after.sentence, after.attempts) == (run.verdict, run.sentence, run.attempts)


def test_other_references_agree_less_and_the_answers_score_otherwise(store: Store, run: queries.Run,
                                                                    fake: FakeOpenAI) -> None:
    good = fake.words

    def half(body: dict[str, object]) -> str:
        answer = json.loads(good(body))["answer"].split()
        return json.dumps({"answer": " ".join(answer[:len(answer) // 2 + 1]), "evidence": ""})
    fake.words = half  # type: ignore[assignment]
    found = compared(store, run, fake)
    assert all(row.mean is not None and 0 < row.mean < 1 and row.low is not None and row.high is not None
               and 0 <= row.low < row.mean < row.high <= 1 for row in found.agreement)
    own = {(row.cycle, row.tier, row.metric): row.baseline for row in queries.changes_of(store, run.id)
           if not row.topic}
    assert any(row.baseline != own[row.cycle, row.tier, row.metric] for row in found.changes)


def test_a_missing_reference_stays_missing_with_its_reason(store: Store, run: queries.Run, fake: FakeOpenAI) -> None:
    no = say(None, refusal="I cannot help with that")
    fake.script += [no, no]
    found = compared(store, run, fake)
    missing = [one for one in found.references if one.text is None]
    assert missing and all("refused" in str(one.missing) for one in missing)
    assert sum(row.scored for row in found.agreement if row.metric == "chrf") == len(found.references) - len(missing)


def test_a_repetition_pays_nothing_and_its_cost_is_not_the_runs(store: Store, run: queries.Run,
                                                                fake: FakeOpenAI) -> None:
    first = compared(store, run, fake)
    paid = len(fake.requests)
    assert paid == len(first.references) == first.calls == comparison_usage(store, run.id, MODEL).calls
    assert compared(store, run, fake) == first and len(fake.requests) == paid
    assert run_usage(store, run.id).calls == 0
    with store.write() as connection:
        rebuild(connection)
    recorded = [item.event for item in read_events(store, run.id) if isinstance(item.event, TeachersCompared)]
    assert recorded == [first, first]


def test_a_kill_loses_no_reply(store: Store, run: queries.Run) -> None:
    with FakeOpenAI(seconds=0.1) as fake:
        pid = os.fork()
        if not pid:
            compared(open_store(store.url), run, fake)
            os._exit(0)
        until = time.monotonic() + 30
        while comparison_usage(store, run.id, MODEL).calls < 3 and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        kept = comparison_usage(store, run.id, MODEL).calls
        leases.release_dead_claims(store, lambda owner: True)
        assert kept >= 3 and not [item for item in read_events(store, run.id)
                                  if isinstance(item.event, TeachersCompared)]
        before = len(fake.requests)
        found = compared(store, run, fake)
        assert len(fake.requests) - before <= len(found.references) - kept
        times = Counter(str(body["messages"]) for body in fake.requests)
        assert sum(count > 1 for count in times.values()) <= before - kept


def test_an_endpoint_that_fails_is_a_sentence_and_what_it_wrote_is_kept(store: Store, run: queries.Run,
                                                                        fake: FakeOpenAI) -> None:
    request = comparison.parse_request(store, run, "another", fake.url, "auto", None)
    with pytest.raises(UserError, match="another.* 0 of 14 references were written"):
        comparison.compare_teachers(store, request, lambda line: None, open_teacher, fakes.FakeJudge)
    fake.script += [refuse(402, "You exceeded your current quota", "insufficient_quota")]
    with pytest.raises(UserError, match="quota"):
        compared(store, run, fake)
    assert len(compared(store, run, fake).references) == 14  # the claim was given back


def test_a_budget_ends_the_calls_and_not_the_comparison(store: Store, run: queries.Run, fake: FakeOpenAI) -> None:
    found = compared(store, run, fake, most_usd=0.00005)  # 27 millionths of a dollar a call
    written = [one for one in found.references if one.text]
    assert 1 <= len(written) < len(found.references)
    assert all("USD" in str(one.missing) for one in found.references if one.text is None)


def test_the_command_prints_its_estimate_and_result_and_refuses_in_a_sentence(
        store: Store, run: queries.Run, fake: FakeOpenAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("STORE_URL", store.url)
    asked = ["compare-teachers", run.id, "--teacher", MODEL, "--teacher-base-url", fake.url]
    for wrong, says in ((["compare-teachers", "no-such", "--teacher", MODEL], "no run"),
                        (["compare-teachers", run.id, "--teacher", "knowledge-base"], "name another one"),
                        ([*asked, "--teacher-effort", "much"], "is not one of"),
                        ([*asked, "--max-cost-usd", "-1"], "out of range"),
                        ([*asked[:-1], f"{fake.url}/chat/completions"], "which the program adds itself")):
        assert main(wrong) == 2 and says in capsys.readouterr().err
    assert main([*asked, "--estimate"]) == 0 and not fake.requests
    assert "14 questions" in capsys.readouterr().out
    monkeypatch.setattr(comparison.compare_teachers, "__defaults__", (open_teacher, fakes.FakeJudge))
    assert main(asked) == 0
    out = capsys.readouterr().out
    assert "0 of 14 references are missing" in out and "rests on choice_accuracy" in out and "cannot be had" in out
    assert main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["teacher"] == f"{MODEL} at {fake.url}" and found["own_verdict"] == run.verdict
    assert len(found["references"]) == 14 and all(row["own"]["verdict"] == row["verdict"] for row in found["changes"])


def test_a_run_that_somebody_holds_is_left_alone(store: Store, run: queries.Run, fake: FakeOpenAI) -> None:
    assert leases.claim_finished_run(store, leases.owner_name(), run.id)
    with pytest.raises(UserError, match="is in use"):
        compared(store, run, fake)
    assert not fake.requests
