"""A judge model at a compatible server on this machine: RAGAS's values, limits, receipts, and what goes wrong."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.judge.factory import open_llm_judge
from runner.judge.llm_judge import Limits, RagasLLMJudge
from runner.judge.protocols import JudgedAnswer
from runner.llm.retry import Clock, RetryPolicy
from store.costs.judge_cost import TYPICAL_USAGE, estimate, estimate_of
from store.costs.llm_calls import run_usage
from store.database import Store
from store.metrics import JUDGE_METRICS
from store.run_config import TAUGHT, InvalidConfig, RunConfig
from tests.runner import fake_judges
from tests.runner.fake_openai import FakeOpenAI, cut_off, refuse, say, silent
from tests.plain_runs import plain_run

IMPATIENT = RetryPolicy(total_seconds=60.0, first_seconds=0.01, max_seconds=0.02)
RIGHT = "A Pod groups containers. It has one address."
ITEM = JudgedAnswer("What is a Pod?", "A Pod groups containers. It is a node.", RIGHT, RIGHT + " It is mortal.")


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(words=fake_judges.competent) as server:
        yield server


def config_at(fake: FakeOpenAI, **changes: Any) -> RunConfig:
    return plain_run(**{"judge": "gpt-4o-mini", "judge_base_url": fake.url, **changes})


def opened(fake: FakeOpenAI, store: Store | None = None, limits: Limits | None = None, **changes: Any) -> RagasLLMJudge:
    judge = open_llm_judge(config_at(fake, **changes), "r1", store, None, IMPATIENT, Clock(rng=random.Random(1)),
                           limits)
    assert isinstance(judge, RagasLLMJudge)
    return judge


def marks(judge: RagasLLMJudge, metric: str, *items: JudgedAnswer,
          again: str = "") -> list[tuple[float | None, str | None]]:
    return [(mark.value, mark.missing) for mark in judge.scores(metric, items, lambda done: None, again)]


def test_its_values_are_ragas_own_over_an_openai_client(fake: FakeOpenAI) -> None:
    """The same server, asked once by RAGAS's own client and once through our chain."""
    from openai import AsyncOpenAI
    from ragas.llms import llm_factory
    from ragas.metrics.collections import AnswerRelevancy, FactualCorrectness, Faithfulness

    from runner.judge.ragas_metrics import CachedEmbedding
    from runner.judge.sentence_encoder import bundled_encoder

    async def expected() -> dict[str, float]:
        llm = llm_factory("gpt-4o-mini", client=AsyncOpenAI(api_key="x", base_url=fake.url))
        relevancy = AnswerRelevancy(llm=llm, embeddings=CachedEmbedding(bundled_encoder()))
        return {
            "factual_correctness": (await FactualCorrectness(llm=llm).ascore(
                response=ITEM.answer, reference=ITEM.reference)).value,
            "faithfulness": (await Faithfulness(llm=llm).ascore(
                user_input=ITEM.question, response=ITEM.answer, retrieved_contexts=[ITEM.passage])).value,
            "answer_relevancy": (await relevancy.ascore(user_input=ITEM.question, response=ITEM.answer)).value}

    by_ragas, judge = asyncio.run(expected()), opened(fake)
    ours = {metric: marks(judge, metric, ITEM)[0][0] for metric in JUDGE_METRICS}
    assert ours == pytest.approx(by_ragas, abs=1e-4)
    assert ours["factual_correctness"] == ours["faithfulness"] == 0.5


def test_every_call_is_recorded_and_none_is_paid_for_twice(fake: FakeOpenAI, store: Store) -> None:
    first = marks(opened(fake, store), "factual_correctness", ITEM)
    paid = len(fake.requests)
    assert marks(opened(fake, store), "factual_correctness", ITEM) == first and len(fake.requests) == paid == 4
    assert run_usage(store, "r1", judging=True).calls == paid and run_usage(store, "r1").calls == 0
    assert opened(fake, store).usage().cost_usd


def test_a_retest_is_not_answered_from_the_first_test(fake: FakeOpenAI, store: Store) -> None:
    judge = opened(fake, store)
    marks(judge, "faithfulness", ITEM)
    paid = len(fake.requests)
    marks(judge, "faithfulness", ITEM, again="retest")
    assert len(fake.requests) == 2 * paid
    marks(judge, "faithfulness", ITEM, again="retest")
    assert len(fake.requests) == 2 * paid  # a restart takes even the retest from its receipts


def test_the_same_question_is_asked_three_times_for_relevancy(fake: FakeOpenAI, store: Store) -> None:
    marks(opened(fake, store), "answer_relevancy", ITEM)
    assert len(fake.requests) == 3


@pytest.mark.parametrize("metric", JUDGE_METRICS)
def test_the_estimate_counts_calls_exactly_and_tokens_within_a_third(fake: FakeOpenAI, metric: str) -> None:
    words = "word " * 70  # a text of the usual length, in one sentence
    item = JudgedAnswer("What? " * 12, words, words, words + "word " * 20)
    marks(opened(fake), metric, item)
    asked = sum(len(message["content"]) for body in fake.requests for message in body["messages"]) / 4
    expected = estimate("gpt-4o-mini", 1, [metric], 70, audited=0)
    assert expected.calls == len(fake.requests) == TYPICAL_USAGE[metric].calls
    assert 0.67 * expected.prompt_tokens < asked < 1.33 * expected.prompt_tokens


def test_no_more_answers_are_judged_at_once_than_allowed(fake: FakeOpenAI) -> None:
    fake.seconds = 0.02
    items = [JudgedAnswer("Q?", f"Answer {number}.", RIGHT, RIGHT) for number in range(8)]
    marks(opened(fake, limits=Limits(at_once=2)), "faithfulness", *items)
    assert fake.most_at_once == 2


def test_a_rate_limit_is_waited_out(fake: FakeOpenAI) -> None:
    fake.script.append(refuse(429, "slow down", headers={"Retry-After": "0.2"}))
    began = time.monotonic()
    assert marks(opened(fake), "faithfulness", ITEM) == [(0.5, None)]
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("trouble", [say("I would rather not."), say('{"wrong": 1}'), say("", finish="length")])
def test_a_reply_that_cannot_be_read_is_asked_for_once_more(fake: FakeOpenAI, trouble: Any) -> None:
    fake.script.append(trouble)
    assert marks(opened(fake), "faithfulness", ITEM) == [(0.5, None)]


@pytest.mark.parametrize(("steps", "reason"), [
    ([say("no JSON"), say("none again")], "not JSON"),
    ([say('{"statements": []}')], "no statement"),
    ([say("", refusal="I cannot help with that")], "refused"),
    ([refuse(500)] * 200, "could not be reached"),
    ([cut_off] * 200, "could not be reached")])
def test_what_cannot_be_had_is_missing_with_its_reason_and_the_rest_goes_on(fake: FakeOpenAI, steps: list[Any],
                                                                            reason: str) -> None:
    fake.script.extend(steps)
    judge = opened(fake)
    ((value, missing),) = marks(judge, "faithfulness", ITEM)
    assert value is None and reason in (missing or "")
    fake.script.clear()
    time.sleep(0.05)
    if "reached" not in reason:
        assert marks(judge, "faithfulness", ITEM) == [(0.5, None)]


def unreadable_when(text: str) -> Any:
    """A judge that replies in prose to every prompt with a text in it, and well to all others."""
    return lambda body: "I like it." if text in str(body["messages"]) else fake_judges.competent(body)


def test_a_judge_none_of_whose_replies_can_be_read_is_not_asked_for_ever(fake: FakeOpenAI) -> None:
    """Two attempts at each of three answers, one after the other; then none, for the metric that they were for."""
    fake.words = unreadable_when("Given a question and an answer")  # the first prompt of faithfulness
    judge = opened(fake)
    found = marks(judge, "faithfulness", *[JudgedAnswer("Q?", f"Answer {n}.", RIGHT, RIGHT) for n in range(8)])
    assert {value for value, _ in found} == {None} and len(fake.requests) == 6 and fake.most_at_once == 1
    assert "not JSON" in str(found[0][1]) and "no further answer is sent to it" in str(found[-1][1])
    assert "faithfulness" in str(found[-1][1]) and "'I like it.'" in str(found[-1][1])
    assert marks(judge, "factual_correctness", ITEM)[0][0] == 0.5


def test_a_judge_that_could_be_read_once_is_asked_on(fake: FakeOpenAI) -> None:
    fake.words = unreadable_when("Strange")
    good, strange = JudgedAnswer("Q?", RIGHT, RIGHT, RIGHT), JudgedAnswer("Q?", "Strange.", RIGHT, RIGHT)
    found = marks(opened(fake), "faithfulness", good, *[strange] * 6, good)
    assert found[0] == found[-1] == (1.0, None)
    assert all("no score from the judge" in str(reason) for _, reason in found[1:-1])


def test_one_slow_answer_is_given_up_and_the_others_are_judged(fake: FakeOpenAI) -> None:
    fake.script.append(silent)
    judge = opened(fake, limits=Limits(at_once=1, answer_seconds=8.0))
    other = JudgedAnswer("Q?", "A Pod groups containers.", RIGHT, RIGHT)
    (late, right) = marks(judge, "faithfulness", ITEM, other)
    assert late == (None, "the judge gave no score within 8 s") and right == (1.0, None)


def test_a_judge_that_the_endpoint_does_not_have_is_asked_once(fake: FakeOpenAI) -> None:
    judge = opened(fake, judge="gpt-none", limits=Limits(at_once=1))
    found = marks(judge, "faithfulness", ITEM, ITEM, ITEM)
    assert {value for value, _ in found} == {None} and all("cannot be used" in str(reason) for _, reason in found)
    assert len(fake.requests) == 1


def test_without_a_key_every_score_is_missing_and_nothing_is_called(monkeypatch: pytest.MonkeyPatch,
                                                                    tmp_path: Path) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    judge = open_llm_judge(plain_run(judge="gpt-4o-mini"), "r1", None, None)
    (mark,) = judge.scores("faithfulness", [ITEM], lambda done: None)
    assert mark.value is None and "OPENAI_API_KEY" in (mark.missing or "")


@pytest.mark.parametrize(("changes", "says"), [
    ({"judge": "x", "judge_metrics": ("truth",)}, "unknown judge metric 'truth'"),
    ({"judge": "x", "judge_metrics": ()}, "judge_metrics is empty"),
    ({"judge": "x", "judge_base_url": "ftp://x"}, "judge_base_url"),
    ({"judge_base_url": "http://x"}, "without a judge"),
    ({"headline": "faithfulness"}, "needs a judge model"),
    ({"judge": "x", "judge_metrics": ("answer_relevancy",), "headline": "faithfulness"}, "needs a judge model")])
def test_a_judge_that_makes_no_sense_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidConfig, match=says):
        plain_run(**changes)


def test_what_a_run_will_ask_is_known_beforehand_and_nothing_without_a_judge() -> None:
    assert estimate_of(RunConfig()) is None
    found = estimate_of(plain_run(judge="gpt-4o-mini", judge_metrics=("faithfulness",), held_out=12, questions=12))
    assert found and found.answers == 12 * 2 + 12 * 2 + 4 * 9 and found.calls == 2 * found.answers
    assert found.cost_usd and "USD" in found.sentence()
    # A reply may be cut off and asked for again with a larger limit, and both once more if it cannot be read.
    assert found.most_calls == 4 * found.calls and "at most" in found.sentence()
    assert found.most_cost_usd and found.most_cost_usd > 4 * found.cost_usd
    small = plain_run(judge="gpt-4o-mini", judge_metrics=("faithfulness",), held_out=12, questions=12,
                      max_reply_tokens=1024)
    assert (once := estimate_of(small)) and once.most_calls == 2 * found.calls  # no larger limit
    taught = plain_run(judge="gpt-4o-mini", judge_metrics=("faithfulness",), held_out=12, questions=12,
                       taught_questions=10, headline_tier=TAUGHT, arms=("few-shot",))
    assert (more := estimate_of(taught)) and more.answers == found.answers + 10 * 2 + 10
    unknown = estimate_of(RunConfig(judge="llama3"))
    assert unknown and unknown.cost_usd is None and "not known" in unknown.sentence()
