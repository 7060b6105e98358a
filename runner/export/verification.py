"""Let an exported or served student answer the run's locked test, and compare it with the recorded student.

What is compared: the answers' scores, paired by question, and the references' likelihood where the engine gives it. A
difference is explained, where it can be, by what the export says of itself (template, tokenizer, end of answers,
sampling, position encoding), by a server's answers and counts of tokens, and by the untrained student's record (an
adapter that was not applied).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from knowledge.questions import PRACTICE
from runner.export.export_facts import ExportFact, nll_tolerance
from runner.export.inference_engines import ChatServer, Engine
from runner.export.server_facts import FEWEST, AskedServer, facts_of_server, facts_of_tokens
from runner.judge.choice_accuracy import choice_accuracy
from runner.judge.scoring import ScoredItem, score_answers
from runner.pipeline.rejudge import StoredAnswers, journal_of_finished_run, read_stored
from runner.pipeline.stages.score_likelihoods import DISTRACTORS
from runner.protocols import Judge
from runner.student.exported_model import EngineAnswer, Losses
from store import queries
from store.analysis.export_verdict import DIFFERENT, NLL_TOLERANCE, SAME, NllDifference, export_verdict
from store.database import Store
from store.events import AnswerRecord, ExportChange, ExportScore, ExportVerified
from store.metrics import ANSWER_METRICS, METRICS
from store.statistics import PairedChange, paired_change

ReportProgress = Callable[[str], None]
BASELINE_ARM, TUNED_ARM = "baseline", "tuned"
ASKED_AGAIN = 3
"""How many questions a server is asked twice; where most of them get another answer, more are asked thrice."""


class CannotVerify(Exception):
    """There is nothing recorded to compare with; the message says what to do."""


@dataclass(frozen=True)
class Exported:
    """What is asked: a folder, a file or a server."""

    name: str
    size_bytes: int | None = None
    """Bytes of its weights; None for a server."""


@dataclass(frozen=True)
class RecordedTest:
    """The locked test of a run with what its fine-tuned student answered, in the order in which it was asked."""

    run: queries.Run
    cycle: int
    items: tuple[ScoredItem, ...]
    losses: Mapping[str, Mapping[str, float]]
    """Arm -> question -> recorded NLL of the reference, in nats per token."""
    choices: Mapping[str, float]
    """Question -> the fine-tuned student's recorded choice accuracy."""
    untrained: Mapping[str, str]
    """Question -> the untrained student's answer."""

    @property
    def limit(self) -> int:
        return self.run.config.max_new_tokens


def recorded_test(store: Store, run: queries.Run, cycle: int) -> RecordedTest:
    """Read the locked test of a run with the answers and likelihoods of a cycle's fine-tuned student.

    Raises:
        CannotVerify: the cycle has no answers of a fine-tuned student.
    """
    stored = read_stored(store, run.id)
    limit = run.config.max_new_tokens
    items = tuple(item for item in stored.scored_items(cycle, TUNED_ARM, limit) if item.question.tier != PRACTICE)
    if not any(item.answer.text for item in items):
        raise CannotVerify(f"run {run.id} has no answers of a fine-tuned student of cycle {cycle} to compare with")
    losses: dict[str, dict[str, float]] = {BASELINE_ARM: {}, TUNED_ARM: {}}
    choices: dict[str, float] = {}
    for pair in queries.answers_of(store, run.id, cycle):
        for arm, value in zip(losses, pair.scores.get("reference_nll", (None, None)), strict=True):
            if value is not None:
                losses[arm][pair.question] = value
        if (choice := pair.scores.get("choice_accuracy", (None, None))[1]) is not None:
            choices[pair.question] = choice
    return RecordedTest(run, cycle, items, losses, choices, _answers_of(stored, BASELINE_ARM, (0, cycle)))


def _answers_of(stored: StoredAnswers, arm: str, cycles: Sequence[int]) -> dict[str, str]:
    return {question: answer.text for cycle in cycles
            for question, answer in stored.answers.get((cycle, arm), {}).items() if answer.text}


def verify(store: Store, test: RecordedTest, export: Exported, engine: Engine, judge: Judge,
           facts: Sequence[ExportFact], report: ReportProgress) -> ExportVerified:
    """Ask the export the locked test, compare, and record the outcome as an event of the run.

    Args:
        export: what is asked, for the record.
        facts: what the export says of itself that differs from the record (`facts_of_folder`).

    Raises:
        CannotAnswer: the engine failed; nothing is recorded.
        UserError: the run is active.
    """
    with journal_of_finished_run(store, test.run.id) as journal:
        unusable = next((fact.phrase for fact in facts if fact.unusable), None)
        given = [] if unusable else _given(test, engine, report)
        losses = None if unusable else _losses(test, engine)
        answers = _unasked(test, unusable) if unusable else _answered(test, given)
        files = losses is not None and not isinstance(engine, ChatServer)
        observed = [] if unusable or files else _observed(test, engine, given)
        found = _compared(test, (export, engine.name), answers, losses, judge, [*facts, *observed])
        journal.append(found, cycle=test.cycle)
        return found


def _losses(test: RecordedTest, engine: Engine) -> Mapping[str, Losses] | None:
    """Return each question's NLL of its reference and of the distractors; None if the engine gives no likelihoods."""
    asked = [(item, [item.reference.text or "", *_distractors(item)]) for item in _with_reference(test)]
    found = engine.losses([(item.question.text, text) for item, texts in asked for text in texts])
    if found is None:
        return None
    remaining = iter(found)
    return {item.question.question_id: [next(remaining) for _ in texts] for item, texts in asked}


def _distractors(item: ScoredItem) -> Sequence[str]:
    return item.reference.foils if len(item.reference.foils) == DISTRACTORS else ()


def _given(test: RecordedTest, engine: Engine, report: ReportProgress) -> list[EngineAnswer]:
    found = []
    for answer in engine.answers([item.question.text for item in test.items], test.limit):
        found.append(answer)
        if len(found) % 10 == 0 or len(found) == len(test.items):
            report(f"  {len(found)} of {len(test.items)} questions answered")
    return found


def _answered(test: RecordedTest, given: Sequence[EngineAnswer]) -> list[AnswerRecord]:
    return [AnswerRecord(item.question.question_id, answer.text or None, None if answer.text else "the answer is empty",
                         answer.tokens, answer.seconds, answer.cut_off)
            for item, answer in zip(test.items, given, strict=True)]


def _observed(test: RecordedTest, engine: Engine, given: Sequence[EngineAnswer]) -> list[ExportFact]:
    """What a server, of which there are no files, shows by its answers and tokens; some are asked twice for it."""
    questions = [item.question.text for item in test.items]
    again = [list(engine.answers(questions[:ASKED_AGAIN], test.limit))]
    if sum(one.text != other.text for one, other in zip(given, again[0])) > 1:
        again = [list(engine.answers(questions[:FEWEST], test.limit)) for _ in range(2)]
    measured = engine.measured if isinstance(engine, ChatServer) else None
    found = facts_of_server(
        [AskedServer(item.answer, test.untrained.get(item.question.question_id, ""), answer,
                     None if measured is None else len(measured.prompt(item.question.text)))
         for item, answer in zip(test.items, given, strict=True)], again)
    if isinstance(engine, ChatServer) and measured and engine.tokens:
        found += facts_of_tokens(measured, engine.tokens, questions, test.limit)
    return found


def _unasked(test: RecordedTest, reason: str) -> list[AnswerRecord]:
    return [AnswerRecord(item.question.question_id, None, f"not asked: {reason}", 0, 0.0, False) for item in test.items]


def _with_reference(test: RecordedTest) -> list[ScoredItem]:
    return [item for item in test.items if item.reference.text and item.question.question_id in test.losses[TUNED_ARM]]


def _compared(test: RecordedTest, asked: tuple[Exported, str], answers: Sequence[AnswerRecord],
              losses: Mapping[str, Losses] | None, judge: Judge, facts: Sequence[ExportFact]) -> ExportVerified:
    export, engine = asked
    equal = sum(_text(item.answer) == _text(new) for item, new in zip(test.items, answers, strict=True))
    scores = _paired_scores(test, answers, losses, judge)
    changes = _changes(test, scores)
    exported = {question: values[0] for question, values in (losses or {}).items() if values[0] is not None}
    verdict = export_verdict(changes, _nll(exported, test.losses[TUNED_ARM], nll_tolerance(facts)),
                             [fact.phrase for fact in facts if fact.decisive], equal, len(test.items))
    causes = () if verdict.outcome == SAME else tuple(fact.phrase for fact in facts)
    if verdict.outcome == DIFFERENT and exported and _is_untrained(test, exported):
        causes = ("the adapter was not applied: it is the untrained student", *causes)
    sentence, unsaid = verdict.sentence, [cause for cause in causes if cause not in verdict.sentence]
    if verdict.outcome == DIFFERENT and not causes:
        sentence += " Probably: other weights, or quantization."
    elif unsaid:
        sentence += f" {'Probably' if verdict.outcome == DIFFERENT else 'What differs'}: {'; '.join(unsaid)}."
    return ExportVerified(
        export.name, engine, verdict.outcome, sentence, causes, equal, len(test.items),
        tuple(ExportChange(metric, change.baseline, change.tuned, change.change, change.low, change.high, change.scored,
                           change.asked) for metric, change in changes.items()), tuple(answers), export.size_bytes,
        tuple(ExportScore(metric, question, before, after) for metric, pairs in scores.items() if metric in changes
              for question, (before, after) in pairs.items()))


def _text(answer: AnswerRecord) -> str:
    return (answer.text or "").strip()


Pairs = dict[str, tuple[float | None, float | None]]
"""Question -> (recorded, exported) score."""


def _paired_scores(test: RecordedTest, answers: Sequence[AnswerRecord], losses: Mapping[str, Losses] | None,
                   judge: Judge) -> dict[str, Pairs]:
    """Score recorded and new answers by the same judge, and by likelihood where there is one, by metric."""
    renewed = [replace(item, answer=new) for item, new in zip(test.items, answers, strict=True)]
    before, after = (_scores(judge, items) for items in (test.items, renewed))
    questions = [item.question.question_id for item in test.items]
    found = {metric: dict(zip(questions, zip(before[metric], after[metric], strict=True), strict=True))
             for metric in before}
    if losses is not None:
        found["reference_nll"] = {question: (test.losses[TUNED_ARM][question], values[0])
                                  for question, values in losses.items()}
        found["choice_accuracy"] = {question: (test.choices[question], _choice(values))
                                    for question, values in losses.items()
                                    if len(values) > 1 and question in test.choices}
    return found


def _choice(losses: Losses) -> float | None:
    reference, *others = losses
    known = [other for other in others if other is not None]
    return choice_accuracy(reference, known) if reference is not None and len(known) == len(others) else None


def _changes(test: RecordedTest, scores: Mapping[str, Pairs]) -> dict[str, PairedChange]:
    """Pair the scores by question; a metric without any pair is left out."""
    clusters = {item.question.question_id: item.question.passage_id or item.question.question_id for item in test.items}
    found = {metric: paired_change([before for before, _ in pairs.values()], [after for _, after in pairs.values()],
                                   [clusters[question] for question in pairs], METRICS[metric].better,
                                   METRICS[metric].tie_band) for metric, pairs in scores.items()}
    return {metric: change for metric, change in found.items() if change.scored}


def _scores(judge: Judge, items: Sequence[ScoredItem]) -> dict[str, list[float | None]]:
    scored = score_answers(judge, TUNED_ARM, items, ANSWER_METRICS)
    return {event.scores[0].metric: [score.value for score in event.scores] for event in scored if event.scores}


def _nll(exported: Mapping[str, float], recorded: Mapping[str, float], tolerance: float) -> NllDifference | None:
    pairs = [(exported[question], recorded[question]) for question in exported if question in recorded]
    if not pairs:
        return None
    return NllDifference(sum(abs(new - old) for new, old in pairs) / len(pairs), len(pairs), tolerance)


def _is_untrained(test: RecordedTest, exported: Mapping[str, float]) -> bool:
    """Whether the export is the untrained student, by the references' likelihoods."""
    found = _nll(exported, test.losses[BASELINE_ARM], NLL_TOLERANCE)
    return found is not None and found.within
