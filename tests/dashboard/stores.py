"""Real stores in every state that a page can meet, built through the same doors that a runner uses."""

from __future__ import annotations

import dataclasses
import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import update

from store import commands, journal, leases, schema
from store import events as happened
from store.config import RunConfig, check
from store.database import Store, open_store
from store.measures import MEASURES
from store.statistics import paired_change, verdict_of, verdict_sentence

FLOW = tuple(happened.FlowRow(*row) for row in (
    ("held-out", "run starts", "teacher", "Ask the held-out test"),
    ("held-out-baseline", "run starts", "student", "Untrained answers to the test"),
    ("held-out-baseline-evaluation", "run starts", "judge", "Score the untrained test answers"),
    ("questions", "every cycle", "teacher", "Ask practice questions"),
    ("baseline", "every cycle", "student", "Untrained answers"),
    ("references", "every cycle", "teacher", "Write reference answers"),
    ("baseline-evaluation", "every cycle", "judge", "Score the untrained answers"),
    ("fine-tune", "every cycle", "trainer", "Fine-tune the student"),
    ("tuned", "every cycle", "student", "Tuned answers"),
    ("tuned-evaluation", "every cycle", "judge", "Score the tuned answers"),
    ("comparison", "every cycle", "statistics", "Compare before and after"),
    ("final-report", "run ends", "statistics", "Close the run"),
))
SECONDS = {"held-out": 2, "held-out-baseline": 14, "held-out-baseline-evaluation": 9, "questions": 2, "baseline": 15,
           "references": 3, "baseline-evaluation": 9, "fine-tune": 96, "tuned": 13, "tuned-evaluation": 9,
           "comparison": 1, "final-report": 1}
TOPICS = ("pods", "services", "volumes", "rbac", "jobs")
WORDS = ("the Pod restarts when its liveness probe fails and the kubelet waits for the grace period before it sends "
         "a kill signal to every container of the Pod that still runs on the node").split()


class Clock:
    """Stands in for `datetime` in the journal: time passes when a test says so."""

    def __init__(self, start: datetime) -> None:
        self.moment = start

    def now(self, _zone: Any = None) -> datetime:
        self.moment += timedelta(milliseconds=5)
        return self.moment

    def pass_seconds(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@contextmanager
def clock_at(start: datetime) -> Iterator[Clock]:
    """A journal whose events happen from `start` on."""
    clock = Clock(start)
    with patch.object(journal, "datetime", clock):
        yield clock


class RunMaker:
    """Plays a runner: claims a run and appends what would happen, as far as a test wants it to."""

    def __init__(self, store: Store, config: RunConfig, clock: Clock, seed: int = 1) -> None:
        self.store, self.config, self.clock = store, config, clock
        self.random = random.Random(seed)
        self.run = commands.launch(store, config, "dashboard")
        self.luck: dict[str, float] = {}
        self.scores: dict[tuple[int, str, str, str], float | None] = {}
        self.asked: dict[int, list[happened.QuestionRecord]] = {}
        self.sentence = ""

    def start(self, attempt: int = 1) -> RunMaker:
        owner = leases.owner_name()
        claim = leases.claim_next(self.store, owner, self.run)
        assert claim is not None
        self.journal = journal.Journal(self.store, claim)
        self.say(happened.RunStarted(owner, attempt, {"torch": "2.13.0", "python": "3.11"}, FLOW),
                 happened.KnowledgeRead("kubernetes-1.28", "k" * 64, 412),
                 happened.PlanChosen("cpu", "bf16", 4, 2, "no GPU; bf16 is 6.1 times as fast as fp32 here (measured): "
                                     "bf16, batch 4 x 1, 2 threads", "embedded", 134_515_008))
        return self

    def say(self, *events: happened.Event, cycle: int | None = None, stage: str | None = None) -> None:
        self.journal.append(*events, cycle=cycle, stage=stage)

    def stage(self, name: str, cycle: int, *events: happened.Event, finish: bool = True) -> None:
        """A stage from its beginning to its end; without `finish` it stays at half its items."""
        doer = next(row.doer for row in FLOW if row.stage == name)
        self.say(happened.StageStarted(doer), cycle=cycle, stage=name)
        seconds = SECONDS[name] * self.random.uniform(0.85, 1.2)
        self.clock.pass_seconds(seconds if finish else seconds / 2)
        total = self.config.steps if name == "fine-tune" else self.config.questions
        self.say(happened.StageProgressed(total if finish else total // 2, total,
                                          "steps" if name == "fine-tune" else "questions"), cycle=cycle, stage=name)
        self.say(*events, cycle=cycle, stage=name)
        if finish:
            self.say(happened.MetricLogged("rss_bytes", 0, 9e8 + 1e8 * len(name), "bytes"),
                     happened.StageFinished(seconds, f"cycle-{cycle:02d}/{name}.json", 4096, "a" * 64, "b" * 64),
                     cycle=cycle, stage=name)

    def opening(self) -> RunMaker:
        """The stages of the run itself: the held-out set and its untrained answers, at cycle 0."""
        count = self.config.held_out
        questions = self.questions(0, "held-out", count)
        set_hash = hashlib.sha256(f"{count}{self.config.seed}".encode()).hexdigest()
        self.stage("held-out", 0, happened.QuestionsAsked("knowledge-base", tuple(questions), count, set_hash),
                   self.references(questions))
        self.stage("held-out-baseline", 0, self.answers("baseline", questions, 0))
        self.stage("held-out-baseline-evaluation", 0, self.judged(0, "baseline", questions, 0.0))
        return self

    def cycle(self, number: int, gain: float = 0.2, until: str | None = None) -> bool:
        """One cycle; stops in the middle of stage `until`. True when the cycle was finished."""
        self.say(happened.CycleStarted(), cycle=number)
        practice = self.questions(number, "practice", self.config.questions)
        everything = self.asked[0] + practice
        happenings: dict[str, tuple[happened.Event, ...]] = {
            "questions": (happened.QuestionsAsked("knowledge-base", tuple(practice), len(practice), "p" * 64),),
            "baseline": (self.answers("baseline", practice, number),),
            "references": (self.references(practice),),
            "baseline-evaluation": (self.judged(number, "baseline", practice, 0.0),),
            "fine-tune": self.training(number, half=until == "fine-tune"),
            "tuned": (self.answers("tuned", everything, number),),
            "tuned-evaluation": (self.judged(number, "tuned", everything, gain, practice_bonus=gain),),
            "comparison": (),
        }
        for row in FLOW:
            if row.phase == "every cycle":
                if row.stage == "comparison":
                    happenings["comparison"] = (self.comparison(number, practice),)
                self.stage(row.stage, number, *happenings[row.stage], finish=row.stage != until)
                if row.stage == until:
                    return False
        trained = self.config.fine_tune
        self.say(happened.CycleFinished(
            "finished" if trained else "not tuned", self.verdict, self.sentence,
            f"cycle-{number:02d}/adapter" if trained else None, 96.0 if trained else None, 160.0), cycle=number)
        return True

    def finish(self) -> str:
        self.stage("final-report", 0)
        self.say(happened.RunFinished(self.verdict, self.sentence, 600.0))
        leases.release(self.store, self.journal.claim)
        return self.run

    def fail(self) -> str:
        self.say(happened.CycleStarted(), cycle=1)
        self.say(happened.StageStarted("student"), cycle=1, stage="baseline")
        self.say(happened.RecoveryTaken("out of memory", "batch size halved to 2", 1, 0.0,
                                        "DefaultCPUAllocator: can't allocate memory"), cycle=1, stage="baseline")
        self.say(happened.StageFailed("model loading", "The model folder has no config.json.",
                                      "Check --student: it must be a model folder.", "Traceback ..."),
                 cycle=1, stage="baseline")
        self.say(happened.RunFailed("model loading", "The model folder has no config.json.",
                                    "Check --student: it must be a model folder.", "Traceback (most recent call last)"))
        leases.release(self.store, self.journal.claim)
        return self.run

    def hold(self, seconds: float) -> str:
        """Keep (or, with a negative time, lose) the lease of a run that is not over."""
        import time
        with self.store.write() as connection:
            connection.execute(update(schema.claims).where(schema.claims.c.run == self.run)
                               .values(expires_at=time.time() + seconds))
        return self.run

    def questions(self, cycle: int, tier: str, count: int) -> list[happened.QuestionRecord]:
        self.asked[cycle] = [self.question(f"{tier}-{cycle}-{number}", tier, TOPICS[number % len(TOPICS)], number)
                             for number in range(count)]
        return self.asked[cycle]

    def question(self, name: str, tier: str, topic: str, number: int) -> happened.QuestionRecord:
        passage = " ".join(self.random.choices(WORDS, k=60)).capitalize() + "."
        return happened.QuestionRecord(name, tier, topic, f"What does field {number} of {topic} decide?",
                                       f"passage-{name}", f"{topic.capitalize()}: field {number}", passage,
                                       f"api:{topic}.field{number}", passage[:70], ("Pod", "kubelet"))

    def references(self, questions: list[happened.QuestionRecord]) -> happened.ReferencesWritten:
        return happened.ReferencesWritten("knowledge-base", tuple(
            happened.ReferenceRecord(q.question_id, q.passage[:140], None, q.evidence,
                                     ("It never restarts.", "It names the node.", "It is a label selector."),
                                     ("negated copy", "same topic", "same topic")) for q in questions))

    def answers(self, arm: str, questions: list[happened.QuestionRecord], cycle: int) -> happened.AnswersGiven:
        return happened.AnswersGiven(arm, tuple(self.answer(arm, q, number) for number, q in enumerate(questions)))

    def answer(self, arm: str, question: happened.QuestionRecord, number: int) -> happened.AnswerRecord:
        if arm == "tuned" and not self.config.fine_tune:
            return happened.AnswerRecord(question.question_id, None, "there is no adapter", 0, 0.0, False)
        if arm == "tuned" and number == 3:
            return happened.AnswerRecord(question.question_id, None, "the answer was empty", 0, 0.4, False)
        text = (question.passage[:100] if arm == "tuned" else
                "As an AI model I think that " + " ".join(self.random.choices(WORDS, k=30)))
        return happened.AnswerRecord(question.question_id, text, None, 40, 0.4, number % 4 == 0)

    def judged(self, cycle: int, arm: str, questions: list[happened.QuestionRecord], gain: float,
               practice_bonus: float = 0.0) -> happened.AnswersScored:
        scores = []
        for number, question in enumerate(questions):
            more = gain + (practice_bonus if question.tier == "practice" else 0)
            for metric, value in self.values(question.question_id, more, gain != 0 or arm == "tuned").items():
                missing = arm == "tuned" and (
                    not self.config.fine_tune or number == 3 and metric in ("answer_similarity", "fact_recall"))
                self.scores[(cycle, arm, question.question_id, metric)] = None if missing else value
                scores.append(happened.ScoreRecord(question.question_id, metric, None if missing else value,
                                                   "no answer to score" if missing else None))
        return happened.AnswersScored(arm, "all-MiniLM-L6-v2", tuple(scores))

    def values(self, question: str, gain: float, tuned: bool) -> dict[str, float]:
        luck = self.luck.setdefault(question, self.random.random())
        shake = self.random.gauss(0, 0.06) if tuned else 0.0

        def clip(value: float) -> float:
            return max(0.0, min(1.0, value))
        return {"choice_accuracy": float(luck + gain + shake > 0.55), "reference_nll": 4.1 - luck - 3 * gain + shake,
                "answer_similarity": clip(0.35 + 0.4 * luck + gain / 2 + shake),
                "fact_recall": round(clip(0.2 + 0.5 * luck + gain / 2 + shake), 1)}

    def training(self, cycle: int, half: bool) -> tuple[happened.Event, ...]:
        if not self.config.fine_tune:
            return (happened.AdapterMissing("fine-tuning was switched off for this run", failed=False),)
        steps = self.config.steps // 2 if half else self.config.steps
        losses = [3.8 * 0.975**step / cycle**0.3 + self.random.gauss(0, 0.12) + 0.4 for step in range(1, steps + 1)]
        points: list[happened.Event] = [happened.MetricLogged("loss", step, loss, "nats per token")
                                        for step, loss in enumerate(losses, 1)]
        points += [happened.MetricLogged("tokens_per_second", step, 230 + self.random.gauss(0, 8), "tokens per second")
                   for step in range(10, steps + 1, 10)]
        if half:
            return tuple(points)
        return (*points, happened.AdapterTrained(f"cycle-{cycle:02d}/adapter", "c" * 64, None, steps, 96.0, 22_000,
                                                 losses[0], losses[-1], 4_884_480, ("q_proj x 30",), ()))

    def comparison(self, cycle: int, practice: list[happened.QuestionRecord]) -> happened.ArmsCompared:
        changes = []
        for tier, questions, base in (("held-out", self.asked[0], 0), ("practice", practice, cycle)):
            for topic in ("", *TOPICS):
                chosen = [q for q in questions if topic in ("", q.topic)]
                for measure in MEASURES.values():
                    found = paired_change(
                        [self.scores[(base, "baseline", q.question_id, measure.name)] for q in chosen],
                        [self.scores[(cycle, "tuned", q.question_id, measure.name)] for q in chosen],
                        [q.passage_id for q in chosen], measure.better, measure.tie_band)
                    verdict = verdict_of(found, measure.better)
                    changes.append(happened.ChangeRecord(tier=tier, metric=measure.name, topic=topic,
                                                         **dataclasses.asdict(found), verdict=verdict))
                    if (tier, topic, measure.name) == ("held-out", "", self.config.headline):
                        self.verdict, self.sentence = verdict, verdict_sentence(verdict, measure.title, found)
        if not self.config.fine_tune:
            self.verdict, self.sentence = "not measured", "Not measured: fine-tuning was switched off for this run."
        return happened.ArmsCompared(tuple(changes), self.verdict, self.sentence)


def store_at(folder: Path) -> Store:
    """An open store where `locations()` looks for it once DATA_DIR is `folder`."""
    return open_store(f"sqlite:///{folder / 'events.db'}")


def config_of(**changes: Any) -> RunConfig:
    return check(RunConfig(**{"questions": 10, "held_out": 40, "cycles": 3, "topics": TOPICS, "steps": 60, **changes}))


def queued(store: Store, start: datetime, **changes: Any) -> str:
    with clock_at(start):
        return commands.launch(store, config_of(**changes), "dashboard")


def running(store: Store, start: datetime, **changes: Any) -> str:
    with clock_at(start) as clock:
        maker = RunMaker(store, config_of(**changes), clock, seed=3).start().opening()
        maker.cycle(1)
        maker.say(happened.RecoveryTaken("rate limit", "wait and try again", 1, 4.0, "429 Too Many Requests"),
                  cycle=2, stage="questions")
        maker.cycle(2, until="fine-tune")
        return maker.hold(3600)


def finished(store: Store, start: datetime, gains: tuple[float, ...] = (0.12, 0.2, 0.26), seed: int = 1,
             **changes: Any) -> str:
    with clock_at(start) as clock:
        maker = RunMaker(store, config_of(cycles=len(gains), **changes), clock, seed).start().opening()
        for number, gain in enumerate(gains, 1):
            maker.cycle(number, gain)
        return maker.finish()


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


EVIL = ('<img src="http://evil.example/x.png" onerror="alert(1)"><script>alert(2)</script> '
        '![image](http://evil.example/y.png) [click](javascript:alert(3)) **bold** $x^2$ :material/bomb: {{1+1}}')
FORMULA = '=HYPERLINK("http://evil.example","click")'


class HostileMaker(RunMaker):
    """Questions and answers that try to be Markdown, HTML, formulas, or far too long."""

    def question(self, name: str, tier: str, topic: str, number: int) -> happened.QuestionRecord:
        record = super().question(name, tier, topic, number)
        return dataclasses.replace(record, text=f"{EVIL} {number}", title=EVIL, passage=EVIL * 3, address=EVIL,
                                   evidence=EVIL)

    def answer(self, arm: str, question: happened.QuestionRecord, number: int) -> happened.AnswerRecord:
        texts = (EVIL, FORMULA, "A" * 100_000, "word " * 20_000, "```\n# heading\n```\n" + EVIL, "\x00\u202e\u0301 odd")
        return happened.AnswerRecord(question.question_id, texts[number % len(texts)], None, 9, 0.1, False)


def hostile(store: Store, start: datetime) -> str:
    with clock_at(start) as clock:
        maker = HostileMaker(store, config_of(cycles=1, name=EVIL, held_out=12), clock).start().opening()
        maker.cycle(1, 0.3)
        return maker.finish()


def long_ago(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


STATES = ("empty", "queued", "running", "finished", "untuned", "failed", "lost", "hostile")


def build(state: str, folder: Path) -> str | None:
    """A store in the named state in `folder`; returns its run."""
    if state == "empty":
        return None
    store = store_at(folder)
    try:
        maker = {"queued": queued, "running": running, "finished": finished, "untuned": untuned, "failed": failed,
                 "lost": lost, "hostile": hostile}[state]
        return maker(store, long_ago(0.1 if state in ("queued", "running") else 2))
    finally:
        store.close()


def build_all(folder: Path) -> dict[str, str]:
    """One store with a run in every state, the finished one newest but for what is at work."""
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
    """`python -m tests.dashboard.stores FOLDER [STATE]`: a store to look at by hand."""
    import sys
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    print(build(sys.argv[2], folder) if len(sys.argv) > 2 else build_all(folder))


if __name__ == "__main__":
    main()
