"""Waits inside a stage: as the server says, bounded, shared by all calls; and the circuit."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from runner.llm.circuit_breaker import CircuitBreaker
from runner.llm.errors import EndpointUnavailable, RateLimited, TeacherError
from runner.llm.openai_client import OpenAIChat
from runner.llm.rate_limit import RateLimitGate
from runner.llm.retry import Clock, RetryingChat, RetryPolicy
from tests.runner.fake_openai import FakeOpenAI, Step, cut_off, hang_up, refuse, say, send
from tests.runner.fake_teachers import KEY, REQUEST


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(key=KEY) as server:
        server.words = lambda body: "fine"
        yield server


class FakeClock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 100.0
        self.sleeps: list[float] = []
        self._lock = threading.Lock()

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.sleeps.append(seconds)
            self.now += seconds


def patient_at(fake: FakeOpenAI, clock: FakeClock, patience: RetryPolicy | None = None) -> RetryingChat:
    pace = RateLimitGate(lambda: clock.now)
    chat = OpenAIChat("gpt-4o-mini", fake.url, KEY, 5.0, on_limit_spent=pace.hold)
    return RetryingChat(chat, patience or RetryPolicy(), pace, Clock(lambda: clock.now, clock.sleep), lambda *_: None)


def test_a_rate_limit_is_waited_for_as_long_as_the_server_says_and_little_more(fake: FakeOpenAI) -> None:
    clock = FakeClock()
    fake.script.extend([refuse(429, "slow", headers={"retry-after": "4"})] * 2)
    assert patient_at(fake, clock).complete(REQUEST).text == "fine"
    assert len(clock.sleeps) == 2
    assert all(4 <= seconds <= 5 for seconds in clock.sleeps)


def test_a_longer_wait_than_patience_allows_is_raised_at_once(fake: FakeOpenAI) -> None:
    clock = FakeClock()
    fake.script.append(refuse(429, "slow", headers={"retry-after": "600"}))
    with pytest.raises(RateLimited) as raised:
        patient_at(fake, clock).complete(REQUEST)
    assert raised.value.wait_seconds == pytest.approx(600)
    assert clock.sleeps == []


@pytest.mark.parametrize("after", ["0", "Mon, 30 Nov 2020 12:00:00 GMT", "0.001"])
def test_a_rate_limit_that_is_over_by_its_words_and_is_not_is_no_endless_loop(fake: FakeOpenAI, after: str) -> None:
    clock = FakeClock()
    fake.script.extend([refuse(429, "slow", headers={"retry-after": after})] * 200)
    with pytest.raises(RateLimited):
        patient_at(fake, clock, RetryPolicy(total_seconds=30)).complete(REQUEST)
    assert 2 < len(clock.sleeps) == len(fake.requests) - 1 < 12 and clock.now <= 130


def test_a_rate_limit_without_end_comes_to_the_end_of_patience(fake: FakeOpenAI) -> None:
    clock = FakeClock()
    fake.script.extend([refuse(429, "slow")] * 200)
    with pytest.raises(RateLimited):
        patient_at(fake, clock, RetryPolicy(total_seconds=30)).complete(REQUEST)
    assert clock.now <= 130


def test_one_calls_limit_holds_for_all(fake: FakeOpenAI) -> None:
    clock = FakeClock()
    fake.script.append(say("fine", headers={"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "9s"}))
    patient = patient_at(fake, clock)
    patient.complete(REQUEST)
    assert clock.sleeps == []
    patient.complete(REQUEST)
    assert 9 <= sum(clock.sleeps) <= 11


@pytest.mark.parametrize("step", [refuse(500, "oops"), cut_off, hang_up])
def test_a_passing_failure_is_tried_again(fake: FakeOpenAI, step: Step) -> None:
    clock = FakeClock()
    fake.script.extend([step, step])
    assert patient_at(fake, clock).complete(REQUEST).text == "fine"
    assert len(clock.sleeps) == 2


def test_a_dead_endpoint_opens_the_circuit_and_is_then_left_alone(fake: FakeOpenAI) -> None:
    clock = FakeClock()
    fake.script.extend([refuse(500, "oops")] * 100)
    patient = patient_at(fake, clock)
    for _ in range(3):
        with pytest.raises(EndpointUnavailable, match="oops"):
            patient.complete(REQUEST)
    assert len(fake.requests) == RetryPolicy().max_failures


def test_after_a_rest_one_call_may_try_and_success_closes_the_circuit() -> None:
    now = [0.0]
    circuit = CircuitBreaker(2, 10, lambda: now[0])
    circuit.failed("x")
    circuit.failed("x")
    with pytest.raises(EndpointUnavailable, match="2 failures in a row"):
        circuit.check()
    now[0] = 11
    circuit.check()
    with pytest.raises(EndpointUnavailable):
        circuit.check()
    circuit.succeeded()
    circuit.check()


@pytest.mark.parametrize("step", [refuse(401, "no"), refuse(404, "no"), send("{}"),
                                  refuse(429, "q", "insufficient_quota")])
def test_what_waiting_cannot_mend_is_not_waited_for(fake: FakeOpenAI, step: Step) -> None:
    clock = FakeClock()
    fake.script.append(step)
    with pytest.raises(TeacherError):
        patient_at(fake, clock).complete(REQUEST)
    assert clock.sleeps == []


def test_no_more_calls_run_at_once_than_allowed(fake: FakeOpenAI) -> None:
    fake.seconds = 0.3
    patient = patient_at(fake, FakeClock(), RetryPolicy(concurrency=3))
    with ThreadPoolExecutor(9) as pool:
        assert {c.text for c in pool.map(patient.complete, [REQUEST] * 9)} == {"fine"}
    assert 2 <= fake.most_at_once <= 3


def test_each_wait_is_told_and_telling_may_stop_it(fake: FakeOpenAI) -> None:
    class Stop(Exception):
        pass

    def stop(seconds: float, error: Exception) -> None:
        assert seconds >= 4 and "limits the calls" in str(error)
        raise Stop

    fake.script.append(refuse(429, "slow", headers={"retry-after": "4"}))
    patient = RetryingChat(OpenAIChat("gpt-4o-mini", fake.url, KEY), RetryPolicy(), RateLimitGate(time.monotonic),
                           Clock(), stop)
    with pytest.raises(Stop):
        patient.complete(REQUEST)
