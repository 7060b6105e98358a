"""What grows with the number of practice pairs: from reading the folder to every page.

A generated folder (`knowledge.invented`) has half as many facts again as pairs. Each size is measured in processes of
its own: one reads the folder and keeps its passages, as a run keeps its copy, and another one opens them, as a worker
does. Ten times the pairs may take 15 times the seconds; the split and the draws, which look for near-duplicates,
10 ** 1.5 times, where comparing each with each would take 100. Pages are asked of two stores with one run of ten
cycles, as `pages.py` asks them.
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
_NEAR_DUPLICATES = ("split and exclude near-duplicates", "draw the test", "draw all pairs in 10 cycles")
"""The steps that look for near-duplicates."""
_STEPS = ("read the folder", *_NEAR_DUPLICATES, "distractors of the test", "study items of all facts",
          "write 10 cycles to the store")
_MEMORY, _MEMORY_BOUND = "peak memory", 3.0
_PAGES_BOUND, _SMALL = 2.0, 50


def measure_scale() -> list[Row]:
    """Seconds of every step and peak memory by number of pairs, then every page over a large run and a small one."""
    found = [_measure_pairs(pairs) for pairs in PAIRS]
    rows = []
    for step in (*_STEPS, _MEMORY):
        for pairs, took in zip(PAIRS, found, strict=True):
            growth = took[step] / max(found[0][step], 0.01)
            rows.append(Row(f"{step}, {pairs:,} pairs", took[step], "MB" if step == _MEMORY else "s", growth,
                            f"{PAIRS[0]:,} pairs", f"< {_bound(step, pairs / PAIRS[0]):.1f} x" * (pairs > PAIRS[0])))
    return [*rows, *_page_rows()]


def _bound(step: str, times: float) -> float:
    """By how much a step may grow with so many times the pairs."""
    if step == _MEMORY:
        return _MEMORY_BOUND
    return float(times ** 1.5) if step in _NEAR_DUPLICATES else 1.5 * times


def _measure_pairs(pairs: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        reading, working = (_apart(measure, Path(folder), pairs) for measure in (_read, _work))
        return reading | working | {_MEMORY: max(reading[_MEMORY], working[_MEMORY])}


def _apart(measure: Callable[[Path, int, _Stopwatch], None], folder: Path, pairs: int) -> dict[str, float]:
    """What it measures in a process of its own, and that process's peak memory in MB."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(_measured, measure, folder, pairs).result()


def _measured(measure: Callable[[Path, int, _Stopwatch], None], folder: Path, pairs: int) -> dict[str, float]:
    took = _Stopwatch()
    measure(folder, pairs, took)
    return took.seconds | {_MEMORY: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}


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


def _read(folder: Path, pairs: int, took: _Stopwatch) -> None:
    """Read a generated folder and keep its passages."""
    from knowledge import domain_json
    from knowledge.documents import domain_of_folder
    from knowledge.invented.generator import write_facts

    write_facts(folder / "facts", pairs * 3 // 2)
    took.start()
    domain = domain_of_folder(folder / "facts", "Vantorel")
    took.stop("read the folder")
    (folder / "passages.json").write_text(domain_json.to_json(domain))


def _work(folder: Path, pairs: int, took: _Stopwatch) -> None:
    """Everything that a run does with the passages, and the store with its events."""
    from knowledge import domain_json
    from knowledge.distractors import make_distractors
    from knowledge.questions import HELD_OUT, PRACTICE, Question, draw_questions
    from knowledge.split import held_out_passages, practice_passages
    from knowledge.study import study_items

    domain = domain_json.from_json((folder / "passages.json").read_text())
    took.start()
    held_out_passages(domain)
    took.stop("split and exclude near-duplicates")
    wanted = min(TEST_QUESTIONS, pairs // CYCLES)
    test = draw_questions(domain, domain.topics, wanted, HELD_OUT, 1)
    took.stop("draw the test")
    drawn: list[Question] = []
    for cycle in range(CYCLES):
        drawn += draw_questions(domain, domain.topics, pairs // CYCLES, PRACTICE, 1 + cycle,
                                [question.text for question in (*test, *drawn)])
    took.stop("draw all pairs in 10 cycles")
    if (len(test), len(drawn)) != (wanted, pairs):
        raise RuntimeError(f"{len(drawn)} pairs and {len(test)} test questions, not {pairs} and {wanted}")
    for question in test:
        passage = domain.passage(question.passage_id)
        make_distractors(question.text, passage.text, passage, domain, 1)
    took.stop("distractors of the test")
    siblings = {topic: [passage for passage in practice_passages(domain) if passage.topic == topic]
                for topic in domain.topics}
    for question in drawn:
        passage = domain.passage(question.passage_id)
        study_items(passage, 1, siblings=siblings[passage.topic])
    took.stop("study items of all facts")
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
    took.stop("write 10 cycles to the store")
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
