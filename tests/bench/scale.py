"""What grows with the number of practice pairs: from reading the folder to every page.

A generated folder (`knowledge.invented`) has half as many facts again as pairs. Each size is measured in a process of
its own, so that its peak memory is its own. Goals are for ten times the smallest size: ten times its seconds, and not a
hundred. Pages are asked of two stores with one run of ten cycles, as `pages.py` asks them.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.bench.row import Row

PAIRS = (1_000, 3_000, 10_000)
CYCLES = 10
TEST_QUESTIONS = 1_000
_STEPS = ("read the folder", "split and exclude near-duplicates", "draw the test", "draw all pairs in 10 cycles",
          "distractors of the test", "study items of all facts", "write 10 cycles to the store")
_PAGES_BOUND, _SMALL = 2.0, 50


def measure_scale() -> list[Row]:
    """Seconds of every step and peak memory by number of pairs, then every page over a large run and a small one."""
    found = [_apart(_measure_pairs, pairs) for pairs in PAIRS]
    rows = []
    for step in (*_STEPS, "peak memory"):
        unit = "MB" if step == "peak memory" else "s"
        for pairs, took in zip(PAIRS, found, strict=True):
            growth = took[step] / max(found[0][step], 0.01)
            goal = "" if pairs == PAIRS[0] else f"< {1.5 * pairs / PAIRS[0]:.0f} x its seconds" * (unit == "s")
            rows.append(Row(f"{step}, {pairs:,} pairs", took[step], unit, growth, f"{PAIRS[0]:,} pairs", goal))
    return [*rows, *_page_rows()]


def _apart(measure: Callable[[int], dict[str, float]], pairs: int) -> dict[str, float]:
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(measure, pairs).result()


def _measure_pairs(pairs: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        took = _Stopwatch()
        _measure_steps(Path(folder), pairs, took)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return took.seconds | {"peak memory": peak}


class _Stopwatch:
    """Seconds of the steps, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def start(self) -> None:
        self._since = time.perf_counter()

    def stop(self, step: str) -> None:
        self.seconds[step] = time.perf_counter() - self._since
        self.start()


def _measure_steps(folder: Path, pairs: int, took: _Stopwatch) -> None:
    from knowledge.distractors import make_distractors
    from knowledge.documents import domain_of_folder
    from knowledge.invented.generator import write_facts
    from knowledge.questions import HELD_OUT, PRACTICE, Question, draw_questions
    from knowledge.split import held_out_passages, practice_passages
    from knowledge.study import study_items

    write_facts(folder / "facts", pairs * 3 // 2)
    took.start()
    domain = domain_of_folder(folder / "facts", "Vantorel")
    took.stop(_STEPS[0])
    held_out_passages(domain)
    took.stop(_STEPS[1])
    wanted = min(TEST_QUESTIONS, pairs // CYCLES)
    test = draw_questions(domain, domain.topics, wanted, HELD_OUT, 1)
    took.stop(_STEPS[2])
    drawn: list[Question] = []
    for cycle in range(CYCLES):
        drawn += draw_questions(domain, domain.topics, pairs // CYCLES, PRACTICE, 1 + cycle,
                                [question.text for question in (*test, *drawn)])
    took.stop(_STEPS[3])
    if (len(test), len(drawn)) != (wanted, pairs):
        raise RuntimeError(f"{len(drawn)} pairs and {len(test)} test questions, not {pairs} and {wanted}")
    for question in test:
        passage = domain.passage(question.passage_id)
        make_distractors(question.text, passage.text, passage, domain, 1)
    took.stop(_STEPS[4])
    siblings = {topic: [passage for passage in practice_passages(domain) if passage.topic == topic]
                for topic in domain.topics}
    for question in drawn:
        passage = domain.passage(question.passage_id)
        study_items(passage, 1, siblings=siblings[passage.topic])
    took.stop(_STEPS[5])
    _write_cycles(folder, pairs // CYCLES, took)


def _write_cycles(folder: Path, questions: int, took: _Stopwatch) -> None:
    """Ten cycles of so many questions, event by event as a worker appends them."""
    import random

    from store import commands
    from store.database import open_store
    from store.event_log import leases
    from store.event_log.journal import Journal
    from tests.bench.seeded_store import cycle_events
    from tests.plain_runs import plain_run

    store = open_store(f"sqlite:///{folder / 'events.db'}")
    config = plain_run()
    claim = leases.claim_next(store, "bench:1:1", commands.launch_run(store, config, "bench"))
    if claim is None:
        raise RuntimeError("the run was not to be had")
    journal = Journal(store, claim)
    told = [list(cycle_events(random.Random(cycle), questions, config)) for cycle in range(CYCLES)]
    took.start()
    for cycle, events in enumerate(told, start=1):
        for stage, event in events:
            journal.append(event, cycle=cycle, stage=stage)
    took.stop(_STEPS[6])
    store.close()


def _page_rows() -> list[Row]:
    """Every page, cold and again, over a run of 10,000 pairs and 1,000 test questions and over one of 500 and 50."""
    rows: list[Row] = []
    large, small = (_pages_of(questions) for questions in (PAIRS[-1] // CYCLES, _SMALL))
    for what, milliseconds in large.items():
        rows.append(Row(f"page {what}, {PAIRS[-1]:,} pairs", milliseconds, "ms", milliseconds / small[what],
                        f"{CYCLES * _SMALL:,} pairs", f"< {_PAGES_BOUND:.0f} x"))
    return rows


def _pages_of(questions: int) -> dict[str, float]:
    """Milliseconds of the server's processor time of every page, with one run in the store: ten cycles of so many
    practice questions, and a test of as many."""
    from datetime import UTC, datetime, timedelta

    from store.database import open_store
    from tests.bench.pages import PAGES, page_milliseconds
    from tests.dashboard.served import serve
    from tests.dashboard.stores import finished

    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/events.db")
        run = finished(store, datetime.now(UTC) - timedelta(days=1), (0.1,) * CYCLES, questions=questions,
                       held_out=questions)
        store.close()
        took: dict[str, float] = {}
        with serve(Path(folder), every_seconds=0.02) as server:
            for name, page in (PAGES | {"dataset": "dataset"}).items():
                found = page_milliseconds(server, page, f"run={run}" if name in _OF_A_RUN else "")
                took |= {f"{name}, cold": found.cold_processor, f"{name}, warm": found.warm_processor}
        return took


_OF_A_RUN = ("answers", "compare", "dataset", "live")
