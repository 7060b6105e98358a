"""Build stores in every state that a page can encounter."""

from __future__ import annotations

import dataclasses
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import update

from store import commands, queries, schema
from store import events as happened
from store.commands import playground, ratings_and_tags, schedules, verifications
from store.commands.playground import ArmAnswer, Usage
from store.commands.recurrence import Recurrence
from store.commands.verifications import Artefact
from store.control_arms import ARMS
from store.database import Store, open_store
from store.event_log import heartbeats, leases
from store.event_log.journal import append_without_claim
from store.run_config import RunConfig
from store.presets import preset
from store.timestamps import utc_now
from tests.addresses import address_in
from tests.dashboard.made_content import TOPICS
from tests.dashboard.run_maker import RunMaker, clock_at, lease_for
from tests.plain_runs import PLAIN

LEASE = 240.0


def store_at(folder: Path) -> Store:
    """Open the store that `default_paths()` names when DATA_DIR is `folder`."""
    return open_store(address_in(folder))


def config_of(margin: float | None = None, **changes: Any) -> RunConfig:
    """A small run; its `margin` may be that of runs that named none, which no new run can have."""
    config = preset("embedded", **{"questions": 10, "held_out": 40, "cycles": 3, "topics": TOPICS, "steps": 60,
                                   "passes": None, **PLAIN, **changes})
    return dataclasses.replace(config, margin=margin)


def queued(store: Store, start: datetime, **changes: Any) -> str:
    with clock_at(start):
        return commands.launch_run(store, config_of(**changes), "dashboard")


def running(store: Store, start: datetime, **changes: Any) -> str:
    with clock_at(start) as clock:
        maker = RunMaker(store, config_of(**changes), clock, seed=3).start().opening()
        maker.cycle(1)
        maker.say(happened.RecoveryTaken("rate limit", "wait and try again", 1, 4.0, "429 Too Many Requests"),
                  cycle=2, stage="questions")
        maker.cycle(2, until="fine-tune")
        return maker.hold(LEASE)


def renew(folder: Path, run: str) -> None:
    """Renew the lease of an active run."""
    store = store_at(folder)
    lease_for(store, run, LEASE)
    store.close()


def connect_runner(store: Store) -> tuple[str, str]:
    """Register a runner whose next heartbeat is due in days, however slow the machine; its owner and start time."""
    owner = leases.owner_name()
    started = heartbeats.register_runner(store, owner)
    with store.write() as connection:
        connection.execute(update(schema.runners).values(next_beat_by=schema.runners.c.next_beat_by + 1e6))
    return owner, started


def finished(store: Store, start: datetime, gains: tuple[float, ...] = (0.12, 0.2, 0.26), seed: int = 1,
             group: str = "", **changes: Any) -> str:
    with clock_at(start) as clock:
        maker = RunMaker(store, config_of(cycles=len(gains), **changes), clock, seed, group).start().opening()
        for number, gain in enumerate(gains, 1):
            maker.cycle(number, gain)
        return maker.finish()


def group_of_runs(store: Store, start: datetime, name: str = "rates",
                  rates: tuple[float, ...] = (1e-4, 1e-3), seeds: tuple[int, ...] = (1, 2, 3)) -> list[str]:
    """A group of two learning rates with three seeds each, the last of which is still queued; ids in queue order."""
    ids = []
    for place, (rate, seed) in enumerate((rate, seed) for rate in rates for seed in seeds):
        settings: dict[str, Any] = {"learning_rate": rate, "training_seed": seed, "held_out_set": name,
                                    "name": f"{name}: learning rate {rate:g}, seed {seed}"}
        began = start + timedelta(minutes=20 * place)
        if place == len(rates) * len(seeds) - 1:
            with clock_at(began):
                ids += commands.launch_group(store, [config_of(cycles=1, **settings)], name, "dashboard").runs
        else:
            ids.append(finished(store, began, (0.05 + 100 * rate + 0.03 * seed,), 1, name, **settings))
    return ids


def with_arms(store: Store, start: datetime, **changes: Any) -> str:
    """A run with every control arm, intermediate checkpoints and general questions."""
    return finished(store, start, (0.12, 0.2), 9, arms=tuple(ARMS), learning_curve=True, general=8,
                    **{"held_out": 20, **changes})


def untuned(store: Store, start: datetime, **changes: Any) -> str:
    return finished(store, start, gains=(0.0,), seed=4, fine_tune=False, **changes)


def failed(store: Store, start: datetime, **changes: Any) -> str:
    with clock_at(start) as clock:
        return RunMaker(store, config_of(student="/models/none", **changes), clock).start().opening().fail()


def lost(store: Store, start: datetime, **changes: Any) -> str:
    with clock_at(start) as clock:
        maker = RunMaker(store, config_of(**changes), clock).start().opening()
        maker.cycle(1, until="baseline")
        return maker.hold(-60)


def paid(store: Store, start: datetime, cost_usd: float | None = 0.0123) -> str:
    """A run of all four tiers with a paid teacher, some of whose questions were rejected."""
    changes = {"teacher": "gpt-4o-mini", "max_cost_usd": 0.5, "topics": TOPICS[:4], "new_topics": TOPICS[4:],
               "new_topic_questions": 8, "paraphrases": 6, "name": "four tiers, paid"}
    with clock_at(start) as clock:
        maker = RunMaker(store, config_of(cycles=1, **changes), clock, seed=6).start().opening()
        maker.say(happened.QuestionsRejected("gpt-4o-mini", (
            happened.RejectedRecord("Pods?", "pods", "practice", "p1", "has 1 words, not 4 to 40"),
            happened.RejectedRecord("Jobs?", "jobs", "practice", "p2", "has 1 words, not 4 to 40"),
            happened.RejectedRecord(EVIL, "jobs", "practice", "p2", EVIL))), cycle=1, stage="questions")
        for cycle, share in ((0, 0.4), (1, 1.0)):
            maker.say(happened.MetricLogged("teacher_calls", cycle, round(30 * share), "calls"),
                      happened.MetricLogged("teacher_tokens", cycle, round(41_000 * share), "tokens"),
                      happened.MetricLogged("teacher_cost_usd", cycle, cost_usd and cost_usd * share, "USD"),
                      cycle=cycle, stage="questions")
        maker.cycle(1, 0.2)
        return maker.finish()


EVIL = ('<img src="http://evil.example/x.png" onerror="alert(1)"><script>alert(2)</script> '
        '![image](http://evil.example/y.png) [click](javascript:alert(3)) **bold** $x^2$ :material/bomb: {{1+1}}')
FORMULA = '=HYPERLINK("http://evil.example","click")'
TURNED = "a\u202eb\u2066c\x00\x07\x1b[31m\x9b\u200f"
"""Characters that reverse or hide the text around them, or ring a bell."""
PRINTABLE = f"{FORMULA} {EVIL} $\\href{{http://evil.example/z}}{{x}}$"
"""What a model may be called: a name with control characters is refused."""
ODD = f"{PRINTABLE} {TURNED}"
SHEET = ("=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1")
"""Cell values that a spreadsheet would execute as formulas."""


class HostileMaker(RunMaker):
    """A run whose texts contain Markdown, HTML and formulas, or are far too long."""

    def question(self, name: str, tier: str, topic: str, number: int) -> happened.QuestionRecord:
        record = super().question(name, tier, topic, number)
        return dataclasses.replace(record, text=f"{EVIL} {number}", title=EVIL, passage=EVIL * 3, address=EVIL,
                                   evidence=EVIL)

    def answer(self, arm: str, question: happened.QuestionRecord, number: int) -> happened.AnswerRecord:
        texts = (EVIL, FORMULA, "A" * 100_000, "word " * 20_000, "```\n# heading\n```\n" + EVIL, "\x00\u202e\u0301 odd")
        return happened.AnswerRecord(question.question_id, texts[number % len(texts)], None, 9, 0.1, False)


def hostile_everywhere(store: Store, start: datetime) -> str:
    """A hostile run, and hostile text in everything else that users and machines can write into a store."""
    run = hostile(store, start, cycles=2)
    ratings_and_tags.annotate(store, run, (*SHEET[:4], ODD[:40]), f"=the note {ODD}", "ann")
    schedules.add(store, "odd", Recurrence(every_seconds=86_400), config_of(name=f"{ODD} repeated"),
                  f"{ODD} the planner")
    with store.write() as connection:
        connection.execute(schema.runners.insert(), {
            "owner": f"{ODD} the runner", "host": f"{ODD} the host", "pid": 1, "started_at": utc_now(),
            "beat_at": time.time(), "next_beat_by": time.time() + 86_400, "stopped": False})
    with clock_at(start + timedelta(minutes=90)) as clock:
        maker = HostileMaker(store, config_of(name=f"{ODD} failed", teacher=f"{PRINTABLE} the teacher"), clock).start()
        maker.opening().say(happened.RunFailed("model loading", f"{ODD} the error " + "A" * 100_000,
                                               f"{ODD} the advice", f"{ODD} the trace"))
        leases.release(store, maker.journal.claim)
    _hostile_questions(store, run)
    _hostile_exports(store, run)
    return run


def _hostile_questions(store: Store, run: str) -> None:
    """One answered question with a cost, and one that failed; the page shows the newest."""
    for number, end in enumerate(("failed", "answered")):
        playground.ask(store, run, 0, f"{ODD} the question {number}", ODD, f"odd {number}")
        claimed = playground.claim_next(store, "host:1:1")
        assert claimed
        if end == "failed":
            playground.fail(store, claimed, f"{ODD} the failure")
        else:
            playground.finish(store, claimed, [
                ArmAnswer("baseline", f"{ODD} the answer", True), ArmAnswer("tuned", "A" * 100_000, True),
                ArmAnswer("teacher", "", True, f"{ODD} the silence", Usage(f"{ODD} the model", 1, 10, 2, None))])


def _hostile_exports(store: Store, run: str) -> None:
    """An export that was verified, and one that was refused."""
    asked = queries.answers_of(store, run, 1)
    with store.write() as connection:
        append_without_claim(connection, run, happened.ExportVerified(
            f"{ODD} the export", f"{ODD} the engine", "different", f"{ODD} the cause", (f"{ODD} the cause",), 0,
            len(asked), (happened.ExportChange("chrf", 0.5, 0.2, -0.3, -0.4, -0.2, len(asked), len(asked)),),
            tuple(happened.AnswerRecord(pair.question, f"{ODD} the answer", None, 3, 0.1, False) for pair in asked),
            9), cycle=1)
    verifications.request(store, run, 1, Artefact(f"{SHEET[0]} **bold** $x^2$ :material/bomb: the folder"), ODD,
                          "odd export")
    claimed = verifications.claim_next(store, "host:1:1")
    assert claimed
    verifications.QUEUE.fail(store, claimed.id, claimed.attempt, f"{ODD} the refusal")


def hostile(store: Store, start: datetime, cycles: int = 1) -> str:
    with clock_at(start) as clock:
        maker = HostileMaker(store, config_of(cycles=cycles, name=EVIL, held_out=12), clock).start().opening()
        for number in range(1, cycles + 1):
            maker.cycle(number, 0.3)
        return maker.finish()


def long_ago(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


STATES = ("empty", "queued", "running", "finished", "untuned", "failed", "lost", "hostile", "paid", "arms")


def build(state: str, folder: Path) -> str | None:
    """Build a store in the given state in `folder`; returns its run."""
    if state == "empty":
        return None
    store = store_at(folder)
    try:
        maker = {"queued": queued, "running": running, "finished": finished, "untuned": untuned, "failed": failed,
                 "lost": lost, "hostile": hostile_everywhere, "paid": paid, "arms": with_arms}[state]
        return maker(store, long_ago(0.1 if state in ("queued", "running") else 2))
    finally:
        store.close()


def build_all(folder: Path) -> dict[str, str]:
    """Build one store with a run in every state; the finished one is the newest except for the active ones."""
    store = store_at(folder)
    runs = {
        "hostile": hostile(store, long_ago(30)),
        "failed": failed(store, long_ago(28), name="broken student"),
        "regressed": finished(store, long_ago(26), gains=(-0.3,), seed=5, learning_rate=0.05, name="rate too high"),
        "small": finished(store, long_ago(20), gains=(0.05, 0.06), seed=7, held_out=12, name="a small try"),
        "untuned": untuned(store, long_ago(8), name="baseline only"),
        "lost": lost(store, long_ago(6), name="power cut"),
        "finished": finished(store, long_ago(3), name="three cycles on five topics"),
        "running": running(store, long_ago(0.1), name="the same, more steps"),
        "queued": queued(store, long_ago(0.01), seed=8),
    }
    store.close()
    return runs


def main() -> None:
    """`python -m tests.dashboard.stores FOLDER [STATE]`: build a store for manual inspection."""
    import sys
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    print(build(sys.argv[2], folder) if len(sys.argv) > 2 else build_all(folder))


if __name__ == "__main__":
    main()
