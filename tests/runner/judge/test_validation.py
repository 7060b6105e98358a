"""The judges on trial: a competent one passes, broken ones are caught, what similarity cannot see is measured."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fakes
import pytest

from knowledge.kubernetes.notes import read_notes
from runner.judge.factory import open_llm_judge
from runner.judge.probe_answers import KINDS, Probe, build_probes, negated, shortened
from runner.judge.ragas_metrics import RagasJudge
from runner.judge.scoring import llm_scores, score_answers
from runner.judge.validation import validate_judge
from runner.llm.retry import Clock, RetryPolicy
from runner.pipeline.resources import RunResources
from runner.pipeline.worker import execute_claimed_run
from store import commands, queries
from store.database import Store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import JudgeAudited, JudgingEstimated, QuestionRecord, ReferenceRecord
from store.metrics import ANSWER_METRICS, JUDGE_METRICS
from store.paths import Paths
from store.run_config import RunConfig
from tests.runner import fake_judges
from tests.runner.fake_openai import FakeOpenAI
from tests.plain_runs import plain_run

IMPATIENT = RetryPolicy(total_seconds=60.0, first_seconds=0.01, max_seconds=0.02)


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(words=fake_judges.competent) as server:
        yield server


def probes(count: int = 4) -> list[Probe]:
    """Planted answers to made-up questions about real notes of several sentences."""
    notes = [note for note in read_notes() if shortened(note.text)][:30:5]
    asked = [QuestionRecord(note.id, "held-out", note.topic, f"What is to be known about {note.title}?", note.id,
                            note.title, note.text, note.address, note.text, note.key_terms) for note in notes]
    references = {note.id: ReferenceRecord(note.id, note.text, None, note.text, (notes[at - 1].text, notes[at - 2].text,
                                                                                 "x"), ("a", "b", "c"))
                  for at, note in enumerate(notes)}
    return build_probes(asked, references, count)


def judged_by(fake: FakeOpenAI, metrics: tuple[str, ...] = JUDGE_METRICS) -> dict[str, JudgeAudited]:
    config = plain_run(judge="gpt-4o-mini", judge_base_url=fake.url, judge_metrics=metrics)
    judge = open_llm_judge(config, "r1", None, None, IMPATIENT, Clock(rng=random.Random(1)))

    def score(given: Any, again: str) -> Any:
        return llm_scores(judge, "audit", given, metrics, lambda done, total: None, again)

    return {found.metric: found for found in validate_judge(probes(), score)}


def test_every_kind_is_planted_and_only_what_is_true_is_called_right() -> None:
    planted = probes(2)
    assert [probe.kind for probe in planted] == [*KINDS] * 2
    by_kind = {probe.kind: probe for probe in planted}
    whole = by_kind["right"].text
    assert by_kind["short"].text in whole and by_kind["padded"].text.startswith(whole)
    assert by_kind["negated"].text != whole and by_kind["empty"].text == ""
    assert by_kind["echo"].text == by_kind["right"].question.text


def test_every_sentence_is_denied() -> None:
    assert negated("A Pod is mortal. It can restart.") == "A Pod is not mortal. It cannot restart."


def test_a_text_is_shortened_only_to_what_is_true_of_it() -> None:
    assert shortened("A Pod is mortal. It can restart.") == "A Pod is mortal."
    assert shortened("In a PodSpec, hostIPC (boolean, optional) is for IPC.") == "For IPC."
    assert shortened("A Pod is mortal.") is None


def test_a_competent_judge_passes_where_it_compares_with_the_truth(fake: FakeOpenAI) -> None:
    found = judged_by(fake, ("factual_correctness", "faithfulness"))
    assert found["factual_correctness"].passed, found["factual_correctness"].reasons
    assert found["faithfulness"].passed, found["faithfulness"].reasons
    assert found["faithfulness"].noise == 0 and found["faithfulness"].retests == 8


def test_relevancy_is_caught_for_what_it_never_sees(fake: FakeOpenAI) -> None:
    """Even in a competent judge's hands: no reference is before it."""
    relevancy = judged_by(fake, ("answer_relevancy",))["answer_relevancy"]
    failed = {kind.kind for kind in relevancy.kinds if not kind.passed}
    assert not relevancy.passed and "echo" in failed and "no answer" not in failed


@pytest.mark.parametrize("broken", [fake_judges.constant, fake_judges.perverse, fake_judges.fickle()])
def test_a_planted_broken_judge_is_caught(broken: Callable[[dict[str, Any]], str]) -> None:
    with FakeOpenAI(words=broken) as server:
        for metric, found in judged_by(server, ("factual_correctness", "faithfulness")).items():
            assert not found.passed, metric
            assert any("is not separated from the correct answers" in reason for reason in found.reasons)


def test_a_fickle_judge_shows_its_noise() -> None:
    with FakeOpenAI(words=fake_judges.fickle()) as server:
        found = judged_by(server, ("factual_correctness",))["factual_correctness"]
    assert (found.most_noise or 0) > 0.1


def test_a_judge_that_pays_for_padding_is_caught() -> None:
    def by_length(given: Any, again: str) -> Any:
        scored = score_answers(fakes.FakeJudge(), "audit", given, ("answer_similarity",))
        scores = tuple(dataclasses.replace(score, value=score.value and min(1.0, len(one.pair[0]) / 2000))
                       for score, one in zip(scored[0].scores, given, strict=True))
        return [dataclasses.replace(scored[0], scores=scores)]
    (found,) = validate_judge(probes(), by_length)
    assert not found.passed and any("without its padding" in reason for reason in found.reasons)


def test_a_judge_that_gives_no_score_has_not_passed() -> None:
    with FakeOpenAI(words=lambda body: "no idea") as server:
        found = judged_by(server, ("faithfulness",))["faithfulness"]
    assert not found.passed and all("not JSON" in reason for reason in found.reasons)


def test_what_closeness_cannot_see_is_measured() -> None:
    judge = RagasJudge()
    found = {item.metric: item
             for item in validate_judge(probes(), lambda given, again: score_answers(judge, "audit", given))}
    assert set(found) == set(ANSWER_METRICS)
    for metric in ("answer_similarity", "rouge_l", "chrf"):
        kinds = {kind.kind: kind for kind in found[metric].kinds}
        assert not found[metric].passed and not kinds["negated"].passed
        assert (kinds["negated"].mean or 0) > (kinds["short"].mean or 0)  # wrong in the same words beats true and short
        assert kinds["no answer"].passed and kinds["foreign"].passed and kinds["empty"].passed
        assert (found[metric].most_noise or 0) < 1e-4


# --- in a run ------------------------------------------------------------------------------------------------


def carry_out(store: Store, data: Path, config: RunConfig) -> queries.Run:
    def bench(config: RunConfig, run: str, store: Store, *others: object) -> RunResources:
        judge = open_llm_judge(config, run, store, None, IMPATIENT, Clock(rng=random.Random(1)))
        return dataclasses.replace(fakes.fake_resources(config, run, store, *others),  # type: ignore[arg-type]
                                   open_llm_judge=lambda: judge if config.judge else None)
    run = commands.launch_run(store, config, "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(data, store.url), bench) == 0
    found = queries.find_run(store, run)
    assert found
    return found


def small(**changes: Any) -> RunConfig:
    return plain_run(**{"topics": ("pods", "services"), "questions": 6, "held_out": 6, "steps": 2, **changes})


def test_a_run_with_a_judge_is_audited_first_scored_by_it_and_says_what_it_cost(fake: FakeOpenAI, store: Store,
                                                                                tmp_path: Path) -> None:
    judged = ("factual_correctness",)
    run = carry_out(store, tmp_path, small(judge="gpt-4o-mini", judge_base_url=fake.url, judge_metrics=judged))
    assert run.work == "finished", run.trace
    events = [item.event for item in read_events(store, run.id)]
    kinds = [type(event) for event in events]
    assert kinds.index(JudgingEstimated) < kinds.index(JudgeAudited)
    audits = {found.metric: found for found in queries.audits_of(store, run.id)}
    assert set(audits) == {*ANSWER_METRICS, *judged} and audits["factual_correctness"].passed
    assert audits["factual_correctness"].judge == f"gpt-4o-mini at {fake.url}"
    rows = {row.metric: row for row in queries.changes_of(store, run.id) if row.tier == "held-out" and not row.topic}
    assert {row.scored for row in rows.values()} == {6} and set(rows) >= set(judged)
    (estimated,) = [event for event in events if isinstance(event, JudgingEstimated)]
    calls = [point.value for point in queries.series(store, run.id, "judge_calls")]
    assert calls and 0 < (calls[-1] or 0) <= estimated.calls
    assert not queries.teacher_usage(store, [run.id])  # the judge's calls are not the teacher's


def test_a_judge_that_fails_leaves_its_scores_missing_and_the_run_goes_on(store: Store, tmp_path: Path) -> None:
    with FakeOpenAI(models=("another",)) as server:
        run = carry_out(store, tmp_path, small(judge="gpt-4o-mini", judge_base_url=server.url))
    assert run.work == "finished", run.trace
    rows = {row.metric: row for row in queries.changes_of(store, run.id) if row.tier == "held-out" and not row.topic}
    assert rows["faithfulness"].scored == 0 and rows["answer_similarity"].scored == 6
    assert not any(found.passed for found in queries.audits_of(store, run.id) if found.metric in JUDGE_METRICS)


def test_without_a_test_there_is_no_audit_and_that_is_said(store: Store, tmp_path: Path) -> None:
    run = carry_out(store, tmp_path, small(held_out=0))
    assert run.work == "finished", run.trace
    audits = queries.audits_of(store, run.id)
    assert {found.metric for found in audits} == set(ANSWER_METRICS)
    assert not any(found.passed or found.questions for found in audits)
    assert "no held-out question" in audits[0].reasons[0]
