"""Simulate a runner: append a run's events through the same functions as a real runner."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

from sqlalchemy import update

from runner.pipeline.pipeline import flow_rows
from store import commands, schema
from store import events as happened
from store.database import Store
from store.event_log import event_rows, journal, leases
from store.run_config import RunConfig
from store.timestamps import as_text
from tests.dashboard.made_content import Content

SECONDS = {"held-out": 2, "held-out-baseline": 14, "held-out-baseline-evaluation": 9, "questions": 2, "baseline": 15,
           "references": 3, "baseline-evaluation": 9, "fine-tune": 96, "tuned": 13, "tuned-evaluation": 9,
           "comparison": 1, "final-report": 1}
"""Duration of stages in seconds; all others take a few seconds."""


class Clock:
    """Replaces the journal's clock; it advances only when a test does so."""

    def __init__(self, start: datetime) -> None:
        self.moment = start

    def now(self) -> str:
        self.moment += timedelta(milliseconds=5)
        return as_text(self.moment)

    def pass_seconds(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@contextmanager
def clock_at(start: datetime) -> Iterator[Clock]:
    """Replace the journal's clock by one that starts at `start`."""
    clock = Clock(start)
    with patch.object(event_rows, "utc_now", clock.now):
        yield clock


class RunMaker(Content):
    """A simulated runner: claims a run and appends its events, as far as a test needs them."""

    def __init__(self, store: Store, config: RunConfig, clock: Clock, seed: int = 1, group: str = "") -> None:
        super().__init__(config, seed)
        self.store, self.clock = store, clock
        self.run = commands.launch_group(store, [config], group, "dashboard").runs[0] if group else \
            commands.launch_run(store, config, "dashboard")
        self.flow = flow_rows(config)

    def start(self, attempt: int = 1) -> RunMaker:
        owner = leases.owner_name()
        claim = leases.claim_next(self.store, owner, self.run)
        assert claim is not None
        self.journal = journal.Journal(self.store, claim)
        self.say(happened.RunStarted(owner, attempt, {"torch": "2.13.0", "python": "3.11"}, self.flow),
                 happened.KnowledgeRead("kubernetes-1.28", "k" * 64, 412),
                 happened.PlanChosen("cpu", "bf16", 4, 2, "no GPU; bf16 is 6.1 times as fast as fp32 here (measured): "
                                     "bf16, batch 4 x 1, 2 threads", "embedded", 134_515_008))
        return self

    def say(self, *events: happened.Event, cycle: int | None = None, stage: str | None = None) -> None:
        self.journal.append(*events, cycle=cycle, stage=stage)

    def stage(self, name: str, cycle: int, *events: happened.Event, finish: bool = True) -> None:
        """Append the events of a stage; without `finish` it stops at half of its items."""
        doer = next(row.doer for row in self.flow if row.stage == name)
        self.say(happened.StageStarted(doer), cycle=cycle, stage=name)
        seconds = SECONDS.get(name, 4) * self.random.uniform(0.85, 1.2)
        self.clock.pass_seconds(seconds if finish else seconds / 2)
        total = self.config.steps if name == "fine-tune" else self.config.questions
        self.say(happened.StageProgressed(total if finish else total // 2, total,
                                          "steps" if name == "fine-tune" else "questions", "", 0,
                                          seconds if finish else seconds / 2), cycle=cycle, stage=name)
        self.say(*events, cycle=cycle, stage=name)
        if finish:
            self.say(happened.MetricLogged("rss_before_bytes", 0, 8e8, "bytes"),
                     happened.MetricLogged("rss_bytes", 0, 8.5e8, "bytes"),
                     happened.MetricLogged("peak_rss_bytes", 0, 9e8 + 1e8 * len(name), "bytes"),
                     happened.StageFinished(seconds, f"cycle-{cycle:02d}/{name}.json", 4096, "a" * 64, "b" * 64),
                     cycle=cycle, stage=name)

    def opening(self) -> RunMaker:
        """Append the stages before the first cycle: the held-out set, its baseline answers and their scores."""
        count = self.config.held_out
        questions = self.questions(0, "held-out", count)
        questions += self.questions(0, "new-topic", self.config.new_topic_questions)
        general = self.questions(0, "general", self.config.general)
        questions += general
        self.asked[0] = questions
        set_hash = hashlib.sha256(f"{count}{self.config.seed}".encode()).hexdigest()
        asked = [question for question in questions if question not in general]
        self.stage("held-out", 0, happened.QuestionsAsked("knowledge-base", tuple(asked), count, set_hash),
                   self.references(asked))
        if general:
            self.stage("general", 0, happened.QuestionsAsked("the project", tuple(general), len(general), "g" * 64),
                       self.references(general))
        self.stage("judge-audit", 0, *self.trials())
        self.stage("held-out-baseline", 0, self.answers("baseline", questions, 0))
        self.stage("held-out-baseline-evaluation", 0, self.judged(0, "baseline", questions, 0.0))
        return self

    def cycle(self, number: int, gain: float = 0.2, until: str | None = None) -> bool:
        """Append one cycle; stops in the middle of stage `until`. True if the cycle was finished."""
        self.say(happened.CycleStarted(), cycle=number)
        practice = self.questions(number, "practice", self.config.questions)
        practice += self.questions(number, "paraphrase", self.config.paraphrases)
        everything = self.asked[0] + practice
        happenings: dict[str, tuple[happened.Event, ...]] = {
            "questions": (happened.QuestionsAsked("knowledge-base", tuple(practice), len(practice), "p" * 64),),
            "baseline": (self.answers("baseline", practice, number),),
            "references": (self.references(practice),),
            "baseline-evaluation": (self.judged(number, "baseline", practice, 0.0),),
            "fine-tune": self.training(number, half=until == "fine-tune"),
            "tuned": (self.answers("tuned", everything, number),),
            "tuned-evaluation": (self.judged(number, "tuned", everything, gain, practice_bonus=gain),),
            "learning-curve": (self.curve(number),) if self.config.learning_curve else (),
            "comparison": (),
        }
        for row in self.flow:
            if row.phase == "every cycle":
                if row.stage == "comparison":
                    happenings["comparison"] = (self.comparison(number, practice),)
                self.stage(row.stage, number, *happenings.get(row.stage, ()), finish=row.stage != until)
                if row.stage == until:
                    return False
        trained = self.config.fine_tune
        self.say(happened.CycleFinished(
            "finished" if trained else "not tuned", self.verdict, self.sentence,
            f"cycle-{number:02d}/adapter" if trained else None, 96.0 if trained else None, 160.0), cycle=number)
        return True

    def finish(self) -> str:
        for row in self.flow:
            if row.phase == "run ends":
                self.stage(row.stage, 0, *self.ending(row.stage))
        self.say(happened.RunFinished(self.verdict, self.sentence, 600.0))
        leases.release(self.store, self.journal.claim)
        return self.run

    def judge_again(self, metric: str, judge: str) -> None:
        """Append a rescoring of the last cycle's answers by another judge."""
        self.say(happened.JudgingStarted(1, (metric,), judge, (self.config.cycles,)), *self.trials(1)[:1])
        for cycle, arm in ((0, "baseline"), (self.config.cycles, "tuned")):
            self.say(happened.AnswersJudgedAgain(1, arm, judge, tuple(
                happened.ScoreRecord(q.question_id, metric, 0.25) for q in self.asked[0])), cycle=cycle)
        self.say(happened.JudgingFinished(1, 2 * len(self.asked[0]), 2 * len(self.asked[0]), 40, 9000, None))

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
        """Extend (or, with a negative time, expire) the lease of an active run."""
        lease_for(self.store, self.run, seconds)
        return self.run


def lease_for(store: Store, run: str, seconds: float) -> None:
    """Set the lease of a run to expire in so many seconds."""
    with store.write() as connection:
        connection.execute(update(schema.claims).where(schema.claims.c.run == run)
                           .values(expires_at=time.time() + seconds))
