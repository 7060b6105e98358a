"""Synthetic content of a run: questions, answers, scores, losses and comparisons, reproducible by seed."""

from __future__ import annotations

import dataclasses
import random

from runner.pipeline.stages.teacher_replacement import replacements
from store import events as happened
from store.headline import margin_of
from store.metrics import ANSWER_METRICS, JUDGE_METRICS, METRICS, Metric
from store.run_config import RunConfig
from store.statistics import gap_closed, paired_change, verdict_of, verdict_sentence

TOPICS = ("pods", "services", "volumes", "rbac", "jobs")
WORDS = ("the", "Pod", "restarts", "when", "its", "liveness", "probe", "fails", "and", "the", "kubelet", "waits", "for",
         "grace", "period", "before", "it", "sends", "a", "kill", "signal", "to", "every", "container", "on", "node")


class Content:
    """Generates events with content; scores are drawn once per question, so that arms can be paired."""

    def __init__(self, config: RunConfig, seed: int) -> None:
        self.config = config
        self.random = random.Random(seed)
        self.luck: dict[str, float] = {}
        self.scores: dict[tuple[int, str, str, str], float | None] = {}
        self.asked: dict[int, list[happened.QuestionRecord]] = {}
        self.verdict = self.sentence = ""

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
        return happened.AnswerRecord(question.question_id, text, None,
                                     self.config.max_new_tokens if number % 4 == 0 else 40, 0.4, number % 4 == 0)

    def judged(self, cycle: int, arm: str, questions: list[happened.QuestionRecord], gain: float,
               practice_bonus: float = 0.0) -> happened.AnswersScored:
        scores = []
        for number, question in enumerate(questions):
            more = gain + (practice_bonus if question.tier == "practice" else 0)
            for metric, value in self.values(question.question_id, more, gain != 0 or arm == "tuned").items():
                missing = arm == "tuned" and (
                    not self.config.fine_tune or (number == 3 and metric in (*ANSWER_METRICS, *JUDGE_METRICS)))
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
                "fact_recall": round(clip(0.2 + 0.5 * luck + gain / 2 + shake), 1),
                "rouge_l": clip(0.15 + 0.3 * luck + gain / 2 + shake),
                "chrf": clip(0.3 + 0.2 * luck + gain / 3 + shake),
                **{metric: clip(0.3 + 0.4 * luck + gain / 2 + shake)
                   for metric in (self.config.judge_metrics if self.config.judge else ())}}

    def trials(self, judging: int = 0) -> tuple[happened.Event, ...]:
        """Judge audits: answer similarity fails on negated references, all other metrics pass or are unremarkable."""
        means = {"right": 1.0, "short": 0.83, "negated": 0.96, "foreign": 0.57, "echo": 0.71, "no answer": 0.12,
                 "padded": 0.82, "empty": None}
        model = self.config.judge_metrics if self.config.judge else ()
        return tuple(happened.JudgeAudited(
            metric, self.config.judge or "all-MiniLM-L6-v2", judging, metric in model,
            () if metric in model else ("the reference denied is not told from the true answers on 4 of 4 questions",),
            4, tuple(happened.KindRecord(kind, mean, 4 if mean is not None else 0, 4, 4, True)
                     for kind, mean in means.items()), (), 8, 0.0, 0.0) for metric in (*ANSWER_METRICS, *model))

    def scored(self) -> dict[str, Metric]:
        """The metrics with at least one score."""
        present = {metric for _, _, _, metric in self.scores}
        return {name: measure for name, measure in METRICS.items() if name in present}

    def training(self, cycle: int, half: bool) -> tuple[happened.Event, ...]:
        if not self.config.fine_tune:
            return (happened.AdapterMissing("fine-tuning was switched off for this run", failed=False),)
        steps = self.config.steps // 2 if half else self.config.steps
        losses = [3.8 * 0.975**step / cycle**0.3 + self.random.gauss(0, 0.12) + 0.4 for step in range(1, steps + 1)]
        points: list[happened.Event] = [happened.MetricLogged("loss", step, loss, "nats per token")
                                        for step, loss in enumerate(losses, 1)]
        points += [happened.MetricLogged("training_tokens_per_second", step, 230 + self.random.gauss(0, 8),
                                         "tokens per second")
                   for step in range(10, steps + 1, 10)]
        if half:
            return tuple(points)
        return (*points, happened.AdapterTrained(f"cycle-{cycle:02d}/adapter", "c" * 64, None, steps, 96.0, 22_000,
                                                 losses[0], losses[-1], 4_884_480, ("q_proj x 30",), ()))

    def comparison(self, cycle: int, practice: list[happened.QuestionRecord]) -> happened.ArmsCompared:
        changes = []
        tiers = {q.tier: 0 for q in self.asked[0]} | {q.tier: cycle for q in practice}
        for tier, base in tiers.items():
            questions = [q for q in (*self.asked[0], *practice) if q.tier == tier]
            for topic in ("", *TOPICS):
                chosen = [q for q in questions if topic in ("", q.topic)]
                for measure in self.scored().values():
                    found = paired_change(
                        [self.scores[(base, "baseline", q.question_id, measure.name)] for q in chosen],
                        [self.scores[(cycle, "tuned", q.question_id, measure.name)] for q in chosen],
                        [q.passage_id for q in chosen], measure.better, measure.tie_band)
                    margin = margin_of(self.config, measure.name)
                    verdict = verdict_of(found, measure.better, margin)
                    changes.append(happened.ChangeRecord(tier=tier, metric=measure.name, topic=topic,
                                                         **dataclasses.asdict(found), verdict=verdict))
                    if (tier, topic, measure.name) == ("held-out", "", self.config.headline):
                        self.verdict, self.sentence = verdict, verdict_sentence(
                            verdict, measure.title, found, margin=margin)
        if not self.config.fine_tune:
            self.verdict, self.sentence = "not measured", "Not measured: fine-tuning was switched off for this run."
        return happened.ArmsCompared(tuple(changes), self.verdict, self.sentence)

    def ending(self, stage: str) -> tuple[happened.Event, ...]:
        """Events of the stages at the end of a run: the control arms' answers, scores and comparison."""
        asked = [question for question in self.asked[0] if question.tier == "held-out"]
        if stage == "arms-evaluation":
            gains = {"retrieval": 0.5, "tuned+retrieval": 0.6, "teacher": 0.7}
            return tuple(event for arm in self.config.arms
                         for event in (self.answers(arm, asked, 0), self.judged(0, arm, asked, gains.get(arm, 0.0))))
        return self.arms(asked) if stage == "arms-comparison" else ()

    def arms(self, asked: list[happened.QuestionRecord]) -> tuple[happened.Event, ...]:
        """Control arm results: retrieval far ahead, the placebo without gain, no likelihood scores for the teacher."""
        for arm in self.config.arms:
            if arm == "teacher":
                self.scores |= {(0, arm, q.question_id, metric): None for q in asked
                                for metric in ("choice_accuracy", "reference_nll")}
        at = {"tuned": self.config.cycles}

        def values(arm: str, metric: str) -> list[float | None]:
            return [self.scores[(at.get(arm, 0), arm, q.question_id, metric)] for q in asked]
        passages, changes = [q.passage_id for q in asked], []
        pairs = [("tuned", "baseline"), *((arm, "baseline") for arm in self.config.arms),
                 *(("tuned", arm) for arm in self.config.arms)]
        for arm, against in pairs:
            for measure in self.scored().values():
                found = paired_change(values(against, measure.name), values(arm, measure.name), passages,
                                      measure.better, measure.tie_band)
                changes.append(happened.ArmChangeRecord(
                    arm, against, measure.name, found.baseline, found.tuned, found.change, found.low, found.high,
                    found.scored, found.asked, found.wins, found.ties, found.losses, found.p_value,
                    verdict_of(found, measure.better, margin_of(self.config, measure.name))))
        gaps = [happened.GapRecord(name, **dataclasses.asdict(gap_closed(
            values("baseline", name), values("tuned", name), values("teacher", name), passages, measure.better)),
            by_construction=True) for name, measure in self.scored().items()]
        prompts = [happened.PromptsPrepared(arm, tuple(
            happened.PromptRecord(q.question_id, f"{q.passage} {q.text}", (q.passage_id,) if number % 4 else ("else",),
                                  number % 3, False) for number, q in enumerate(asked)))
                   for arm in self.config.arms if arm in ("few-shot", "retrieval", "tuned+retrieval")]
        scores = {(arm, q.question_id, measure.name): self.scores[(at.get(arm, 0), arm, q.question_id, measure.name)]
                  for arm in ("tuned", *self.config.arms) for q in asked for measure in self.scored().values()}
        parts = [happened.GainShareRecord("choice_accuracy", *part, 24, 30) for part in (
            ("wording", 0.08, -0.02, 0.18, 0.16), ("knowledge", 0.30, 0.14, 0.46, 0.60),
            ("memory", 0.12, 0.01, 0.23, 0.24))]
        return (*prompts, happened.ControlArmsCompared(
            self.config.cycles, tuple(changes), tuple(gaps), tuple(replacements(asked, scores, self.config)),
            tuple(parts) if "placebo" in self.config.arms else ()))

    def curve(self, cycle: int) -> happened.LearningCurveMeasured:
        steps, count, reach = self.config.steps, self.config.held_out, 0.1
        return happened.LearningCurveMeasured(tuple(
            happened.CurvePoint(step, steps, metric, start + gain * share, gain * share,
                                gain * share - reach if step else None, gain * share + reach if step else None, count,
                                count)
            for share in (0.0, 0.25, 0.5, 1.0) if (step := round(steps * share)) or cycle == 1
            for metric, start, gain in (("choice_accuracy", 0.4, 0.1 * cycle), ("reference_nll", 3.8, -0.6 * cycle))))
