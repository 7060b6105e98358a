"""A large store to measure on: runs, cycles, questions, answers, scores and long series, as a runner would leave them.

Events are inserted in bulk and the read models are then rebuilt from them, so they are consistent by construction.
Every run is finished but the last one, which is in the middle of the training of its last cycle and has no runner.
`python -m tests.bench.seeded_store FILE [EVENTS] [CYCLES] [ANSWERS]` makes one and says how long it took.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, text

from runner.pipeline.pipeline import flow_rows
from store import schema
from store.database import Store, open_store
from store.event_log.event_rows import insert_events
from store.events import (
    AdapterTrained, AnswerRecord, AnswersGiven, AnswersScored, ArmsCompared, ChangeRecord, CycleFinished, CycleStarted,
    Event, KnowledgeRead, MetricLogged, PlanChosen, QuestionRecord, QuestionsAsked, ReferenceRecord, ReferencesWritten,
    RunFinished, RunRequested, RunStarted, ScoreRecord, StageFinished, StageProgressed, StageStarted, to_json,
)
from store.projections.rebuild import rebuild
from store.run_config import RunConfig
from store.timestamps import as_text
from tests.plain_runs import plain_run

CYCLES_A_RUN = 10
METRICS = ("choice_accuracy", "reference_nll", "answer_similarity", "fact_recall")
TOPICS = ("pods", "services", "jobs", "volumes", "nodes")
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_SECONDS_BETWEEN = 0.05
_SERIES = (("loss", "nats"), ("training_tokens_per_second", "tokens/s"))


@dataclass(frozen=True)
class Size:
    """How much there is to be in the store; runs follow from cycles."""

    events: int = 1_000_000
    cycles: int = 1_000
    answers: int = 50_000

    @property
    def runs(self) -> int:
        return -(-self.cycles // CYCLES_A_RUN)

    @property
    def questions_a_cycle(self) -> int:
        return max(1, self.answers // (2 * self.cycles))


def run_name(number: int) -> str:
    """The id of the seeded run with this number, from 0."""
    return f"{_BEGAN + timedelta(hours=number):%Y%m%d-%H%M%S}-{number:08x}"


def seed(store: Store, size: Size | None = None) -> int:
    """Fill an empty store; returns how many events it holds then."""
    size = size or Size()
    with store.write() as connection:
        for number in range(size.runs):
            insert_events(connection, list(_rows(number, size)))
        connection.execute(insert(schema.claims), [
            {"run": run_name(number), "fence": 1, "attempt": 1} for number in range(size.runs)])
        count = rebuild(connection)
    if store.is_sqlite:
        with store.driver_connection() as driver:
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            driver.execute("PRAGMA optimize")
    return count


def _rows(number: int, size: Size) -> Iterator[tuple[object, ...]]:
    run, began = run_name(number), _BEGAN + timedelta(hours=number)
    for seq, (cycle, stage, event) in enumerate(_events(number, size), start=1):
        yield (run, seq, cycle, stage, event.event_type,
               as_text(began + timedelta(seconds=seq * _SECONDS_BETWEEN)), to_json(event))


def _events(number: int, size: Size) -> Iterator[tuple[int | None, str | None, Event]]:
    cycles = min(CYCLES_A_RUN, size.cycles - number * CYCLES_A_RUN)
    config = plain_run(name=f"seeded {number}", cycles=cycles, questions=min(50, size.questions_a_cycle))
    yield None, None, RunRequested(asdict(config), "bench")
    yield None, None, RunStarted("bench:1:1", 1, {"python": "3.11"}, flow_rows(config))
    yield None, None, KnowledgeRead("Kubernetes v1.28", "abc", 1676)
    yield None, None, PlanChosen("cpu", "bf16", 4, 2, "no GPU here", "a student", 135_000_000)
    events_a_cycle = size.events // size.cycles
    for cycle in range(1, cycles + 1):
        told = list(cycle_events(random.Random(f"{number} {cycle}"), size.questions_a_cycle, config))
        trained = next(at for at, (_, event) in enumerate(told) if isinstance(event, AdapterTrained))
        at_work = number == size.runs - 1 and cycle == cycles
        before, after = told[:trained], [] if at_work else told[trained:]
        of_the_run = (4 if cycle == 1 else 0) + (cycle == cycles and not at_work)
        series = _series(max(0, events_a_cycle - len(before) - len(after) - of_the_run))
        for stage, event in (*before, *(("fine-tune", event) for event in series), *after):
            yield cycle, stage, event
        if at_work:
            return
    yield None, None, RunFinished("no evidence", "No evidence of a change.", 3_000.0)


def cycle_events(chance: random.Random, questions: int, config: RunConfig) -> Iterator[tuple[str | None, Event]]:
    """What one cycle tells besides its series."""
    yield None, CycleStarted()
    asked = [f"q{chance.getrandbits(40):010x}" for _ in range(questions)]
    yield "questions", StageStarted("teacher")
    yield "questions", QuestionsAsked("the knowledge base", tuple(_question(chance, name) for name in asked),
                                      questions, f"{chance.getrandbits(64):x}")
    yield "questions", _finished(chance, "questions")
    yield "references", StageStarted("teacher")
    yield "references", ReferencesWritten("the knowledge base", tuple(_reference(chance, name) for name in asked))
    yield "references", _finished(chance, "references")
    yield from _arm(chance, "baseline", asked)
    yield "fine-tune", StageStarted("trainer")
    yield "fine-tune", AdapterTrained("cycle/adapter", "aa", None, 100, 80.0, 40_000, 3.0, 1.5, 1_000_000, ("q x 30",),
                                      ())
    yield "fine-tune", _finished(chance, "fine-tune")
    yield from _arm(chance, "tuned", asked)
    yield "comparison", StageStarted("statistics")
    yield "comparison", ArmsCompared(tuple(_change(chance, metric, questions) for metric in METRICS), "no evidence",
                                     "No evidence of a change.")
    yield "comparison", _finished(chance, "comparison")
    yield "comparison", CycleFinished("finished", "no evidence", "No evidence of a change.", "cycle/adapter", 80.0,
                                      300.0)


def _arm(chance: random.Random, arm: str, asked: list[str]) -> Iterator[tuple[str, Event]]:
    yield arm, StageStarted("student")
    yield arm, AnswersGiven(arm, tuple(
        AnswerRecord(name, _prose(chance, 40), None, 60, 1.5, False) for name in asked))
    yield arm, _finished(chance, arm)
    yield arm, MetricLogged("peak_rss_bytes", 0, 2.5e9, "bytes")
    yield arm, MetricLogged("tokens_per_second", 0, 300.0, "tokens/s")
    yield f"{arm}-evaluation", StageStarted("judge")
    yield f"{arm}-evaluation", AnswersScored(arm, "likelihood", tuple(
        ScoreRecord(name, metric, chance.random()) for name in asked for metric in METRICS))
    yield f"{arm}-evaluation", _finished(chance, f"{arm}-evaluation")


def _finished(chance: random.Random, stage: str) -> Event:
    return StageFinished(60.0, f"cycle/{stage}.json", 20_000, f"{chance.getrandbits(256):064x}", "bb")


def _series(count: int) -> Iterator[Event]:
    for step in range(count):
        if step % 20 == 19:
            yield StageProgressed(step, count, "steps", "learning")
        else:
            key, unit = _SERIES[step % len(_SERIES)]
            yield MetricLogged(key, step // len(_SERIES), 3.0 / (step + 1), unit)


def _question(chance: random.Random, name: str) -> QuestionRecord:
    return QuestionRecord(name, "practice", chance.choice(TOPICS), _prose(chance, 12) + "?",
                          f"p{chance.randrange(1676)}", "A passage",
                          _prose(chance, 60), "https://kubernetes.io/docs/concepts/", _prose(chance, 10),
                          ("pod", "node"))


def _reference(chance: random.Random, name: str) -> ReferenceRecord:
    return ReferenceRecord(name, _prose(chance, 30), None, _prose(chance, 10),
                           tuple(_prose(chance, 30) for _ in range(3)), ("altered", "same topic", "same topic"))


def _change(chance: random.Random, metric: str, asked: int) -> ChangeRecord:
    change = chance.uniform(-0.1, 0.3)
    return ChangeRecord("held-out", metric, "", 0.5, 0.5 + change, change, change - 0.2, change + 0.2, asked, asked,
                        asked // 2, asked // 4, asked // 4, 0.2, "no evidence")


def _prose(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(_WORDS, k=words))


_TEXT = """a pod is the smallest unit that can be deployed and holds one or more containers which share storage and
network while a service gives them a stable address and a job runs them to completion on any node of the cluster"""
_WORDS = _TEXT.split()


if __name__ == "__main__":
    file, *numbers = sys.argv[1:]
    opened = open_store(f"sqlite:///{Path(file).absolute()}")
    started = time.monotonic()
    made = seed(opened, Size(*map(int, numbers)))
    with opened.read() as reading:
        rows = reading.execute(text("SELECT count(*) FROM answers")).scalar_one()
    print(f"{made} events, {rows} answers in {time.monotonic() - started:.1f} s")
    opened.close()
