"""Receipts: a reply is in the store before it is used, whatever kills the process in between.

`KILLS` in the environment says how many times the client process is killed (default 10).
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from runner.llm.chat import ChatRequest
from runner.llm.response_cache import CachedChat
from store.costs.llm_calls import LLMCall, UsageTotals, call_key, find_call, record_call, run_usage
from store.database import Store, open_store
from store.schema import teacher_calls
from tests.runner.fake_openai import FakeOpenAI

KILLS = int(os.environ.get("KILLS", "10"))
ITEMS = 20 + 5 * KILLS  # enough that hardly a client comes to its end before it is killed
KEY = "sk-secret-0123456789"
ROOT = Path(__file__).parents[3]
# Imports once, then forks a client for each line it reads: a client that is killed costs no new start.
NURSERY = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from runner.llm.openai_client import OpenAIChat, _certificates
from runner.llm.response_cache import CachedChat
from store.database import open_store
from tests.runner.llm.test_response_cache import KEY, requests
import openai.resources.chat.completions
url, address = sys.argv[1:]
_certificates()  # read once, and not by every client

def work():
    chat = CachedChat(OpenAIChat("gpt-4o-mini", address, KEY), "gpt-4o-mini", "fake", "r1", open_store(url))
    with ThreadPoolExecutor(3) as pool:
        return "".join(completion.text + ";" for completion in pool.map(chat.complete, requests()))

for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        print(work(), flush=True)
        os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""


def requests() -> list[ChatRequest]:
    return [ChatRequest("s", f"item {number}", "reference", {}, 0.0, 10, 0, "reference", str(number))
            for number in range(ITEMS)]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'events.db'}"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()


# --- the table -------------------------------------------------------------------------------------------

def test_equal_calls_have_equal_keys_and_every_part_counts() -> None:
    key = call_key("m", "p", {"a": 1, "b": 2}, "i")
    assert key == call_key("m", "p", {"b": 2, "a": 1}, "i")
    others = [call_key("n", "p", {"a": 1, "b": 2}, "i"), call_key("m", "q", {"a": 1, "b": 2}, "i"),
              call_key("m", "p", {"a": 1, "b": 3}, "i"), call_key("m", "p", {"a": 1, "b": 2}, "j")]
    assert len({key, *others}) == 5


def test_a_receipt_is_found_again_and_the_first_one_of_a_key_stays(store: Store) -> None:
    first = LLMCall("k", "r1", "m", "questions", "one", 10, 2)
    assert find_call(store, "k") is None
    assert record_call(store, first) == first
    assert record_call(store, LLMCall("k", "r2", "m", "questions", "two", 10, 2)) == first
    assert find_call(store, "k") == first


def test_totals_count_what_a_run_paid_for_and_what_nobody_metered(store: Store) -> None:
    record_call(store, LLMCall("a", "r1", "m", "q", "", 10, 2))
    record_call(store, LLMCall("b", "r1", "m", "q", "", None, None))
    record_call(store, LLMCall("c", "r2", "m", "q", "", 5, 5))
    assert run_usage(store, "r1") == UsageTotals(calls=2, prompt_tokens=10, completion_tokens=2, unmetered=1)
    assert run_usage(store, "r9") == UsageTotals(0, 0, 0, 0)


# --- killed clients --------------------------------------------------------------------------------------

class Nursery:
    """Starts clients one after the other."""

    def __init__(self, url: str, address: str) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", NURSERY, url, address], cwd=ROOT, text=True,
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def start(self) -> int:
        """A new client; returns its process id."""
        assert self._process.stdin
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return int(self._line())

    def end(self) -> list[str]:
        """Wait for the client's end; what it printed, if it came so far."""
        lines = list(iter(self._line, "ended"))
        return lines[0].split(";")[:-1] if lines else []

    def close(self) -> None:
        self._process.communicate(timeout=1700)

    def _line(self) -> str:
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line, "the nursery died"
        return line.strip()


def kill_after(client: int, fake: FakeOpenAI, calls: int, seconds: float) -> None:
    """Kill -9 so many calls after now, and a moment more: before, within or after the commit."""
    goal, deadline = len(fake.requests) + calls, time.monotonic() + 900
    while len(fake.requests) < goal and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):  # it was quicker
        os.kill(client, signal.SIGKILL)


def recorded_texts(store: Store) -> dict[str, str]:
    with store.read() as connection:
        rows = connection.execute(select(teacher_calls.c.key, teacher_calls.c.response)).all()
    return {row.key: json.loads(row.response)["text"] for row in rows}


def test_no_recorded_call_is_billed_twice_however_often_the_client_is_killed(url: str, store: Store,
                                                                             tmp_path: Path) -> None:
    chance = random.Random(4)
    keys = CachedChat(None, "gpt-4o-mini", "fake", "r1", None)  # type: ignore[arg-type]
    key_of = {request.user: keys.cache_key(request) for request in requests()}
    billed: Counter[str] = Counter()

    def words(body: dict[str, Any]) -> str:
        item = body["messages"][1]["content"]
        billed[item] += 1
        return f"{item}, bill {billed[item]}"  # a second bill would bring other words

    with FakeOpenAI(key=KEY, words=words, seconds=0.005) as fake:
        nursery, cut_short = Nursery(url, fake.url), 0
        for _ in range(KILLS):
            known, paid = recorded_texts(store), billed.copy()
            kill_after(nursery.start(), fake, chance.randint(1, 5), chance.uniform(0, 0.03))
            cut_short += not nursery.end()
            after = recorded_texts(store)
            assert {key: after[key] for key in known} == known
            assert not [item for item in billed - paid if key_of[item] in known]
        assert cut_short > 0
        nursery.start()
        finished = nursery.end()
        assert finished == [recorded_texts(store)[key_of[request.user]] for request in requests()]
        before = len(fake.requests)
        nursery.start()
        assert nursery.end() == finished
        assert len(fake.requests) == before
        nursery.close()
    store.close()
    assert not [path.name for path in tmp_path.iterdir() if KEY.encode() in path.read_bytes()]
