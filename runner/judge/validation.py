"""Validate a judge: whether it ranks probe answers correctly, and how reproducible its scores are.

A correct answer, whole or short, must score above every wrong one, padding must not raise the score, and an empty
answer must have none. The difference between two scores of the same answer is the noise; differences up to it are
counted as none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runner.judge.probe_answers import EMPTY, KINDS, PADDED, RETESTED, RIGHT, SHORT, WRONG_KINDS, Probe
from runner.judge.scoring import ScoredItem
from runner.llm.postponed_calls import Postponed
from store.events import AnswersScored, JudgeAudited, KindRecord, ProbeRecord, ScoreRecord

MIN_RANKED_CORRECTLY = 0.75
"""A kind passes when it is ranked correctly on this share (0..1) of the questions."""
NO_PROBES = "there is no held-out question with a reference and two false ones to make planted answers from"
_MIN_PROBES = 1e-9

ScoreAll = Callable[[Sequence[ScoredItem], str], list[AnswersScored]]
"""Scores items by all metrics of one judge; the second argument names a repetition."""


def validate_judge(probes: Sequence[Probe], score: ScoreAll, judging: int = 0) -> list[JudgeAudited]:
    """One validation event per metric of `score`."""
    again = [probe for probe in probes if probe.kind in RETESTED]
    first: dict[tuple[str, str], list[ScoreRecord]] = {}
    second, postponed = dict(first), Postponed()
    with postponed.caught():
        first = _scores(probes, score, "")
    with postponed.caught():
        second = _scores(again, score, "retest")
    postponed.raise_any()
    return [_validate_metric(metric, judge, probes, scores, again, second.get((metric, judge), []), judging)
            for (metric, judge), scores in first.items()]


def not_validated(metrics: Sequence[tuple[str, str]], reason: str, judging: int = 0) -> list[JudgeAudited]:
    """Placeholder events for these (metric, judge) without a validation: not passed, for the reason."""
    return [JudgeAudited(metric, judge, judging, False, (reason,), 0, (), (), 0, None, None)
            for metric, judge in metrics]


def _scores(probes: Sequence[Probe], score: ScoreAll, again: str) -> dict[tuple[str, str], list[ScoreRecord]]:
    """(metric, judge) -> a score for each probe, in order."""
    return {(event.scores[0].metric, event.judge): list(event.scores)
            for event in score([probe.given for probe in probes], again) if event.scores}


def _validate_metric(metric: str, judge: str, probes: Sequence[Probe], scores: Sequence[ScoreRecord],
                     again: Sequence[Probe], rescored: Sequence[ScoreRecord], judging: int) -> JudgeAudited:
    values = {(probe.question.question_id, probe.kind): score.value
              for probe, score in zip(probes, scores, strict=True)}
    differences = [abs(found - other.value) for probe, other in zip(again, rescored, strict=True)
                   if other.value is not None and (found := values[probe.question.question_id, probe.kind]) is not None]
    noise = max(differences, default=0.0)
    questions = list(dict.fromkeys(probe.question.question_id for probe in probes))
    kinds = tuple(_kind(kind, questions, values, noise) for kind in KINDS)
    reasons = tuple(_reason(kind, values, questions, scores) for kind in kinds if not kind.passed)
    records = tuple(ProbeRecord(probe.kind, probe.question.question_id, probe.text, score.value, score.missing)
                    for probe, score in zip(probes, scores, strict=True))
    return JudgeAudited(metric, judge, judging, not reasons, reasons, len(questions), kinds, records, len(differences),
                        sum(differences) / len(differences) if differences else None, noise if differences else None)


Values = dict[tuple[str, str], float | None]


def _kind(kind: str, questions: Sequence[str], values: Values, noise: float) -> KindRecord:
    found = [value for question in questions if (value := values.get((question, kind))) is not None]
    mean = sum(found) / len(found) if found else None
    if kind in (RIGHT, SHORT):  # the others are ranked against these; a correct answer must have a score
        return KindRecord(kind, mean, len(found), 0, 0, bool(found) or kind == SHORT)
    ranked = [_ranked_correctly(kind, question, values, noise) for question in questions if (question, kind) in values]
    return KindRecord(kind, mean, len(found), sum(ranked), len(ranked),
                      sum(ranked) >= MIN_RANKED_CORRECTLY * len(ranked))


def _ranked_correctly(kind: str, question: str, values: Values, noise: float) -> bool:
    """Whether this probe answer is ranked correctly; one without a score is not, except the empty one."""
    value, right = values[question, kind], values.get((question, RIGHT))
    if kind == EMPTY:
        return value is None
    if value is None or right is None:
        return False
    if kind == PADDED:
        return value <= right + noise + _MIN_PROBES
    correct = [right, *(short for short in [values.get((question, SHORT))] if short is not None)]
    return kind in WRONG_KINDS and all(value < one - noise - _MIN_PROBES for one in correct)


def _reason(kind: KindRecord, values: Values, questions: Sequence[str], scores: Sequence[ScoreRecord]) -> str:
    """Why a kind did not pass, with its numbers."""
    what = KINDS[kind.kind]
    if kind.scored == 0 and kind.kind != EMPTY:
        missing = next((score.missing for score in scores if score.value is None and score.missing != EMPTY), None)
        return f"no score for {what}" + (f": {missing}" if missing else "")
    if kind.kind == EMPTY:
        return f"{what} got a score"
    means = ", ".join(f"{name} {_mean([values.get((question, name)) for question in questions])}"
                      for name in (RIGHT, SHORT))
    better = "scores above the answer without its padding" if kind.kind == PADDED else \
        "is not separated from the correct answers"
    return (f"{what} {better} on {kind.of - kind.rightly} of {kind.of} questions (mean "
            f"{'none' if kind.mean is None else f'{kind.mean:.2f}'}; {means})")


def _mean(values: Sequence[float | None]) -> str:
    found = [value for value in values if value is not None]
    return f"{sum(found) / len(found):.2f}" if found else "none"
