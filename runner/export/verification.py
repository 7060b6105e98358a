"""Let an exported or served student answer the run's locked test, and compare it with the recorded student.

What is compared: the answers' scores, paired by question, and the references' likelihood where the engine gives it. A
difference is explained, where it can be, by what the export says of itself (template, tokenizer, end of answers,
sampling, position encoding) and by the untrained student's record (an adapter that was not applied).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge.questions import PRACTICE
from runner.export.inference_engines import Engine
from runner.judge.scoring import ScoredItem, score_answers
from runner.pipeline.rejudge import StoredAnswers, journal_of_finished_run, read_stored
from runner.protocols import Judge
from runner.student.exported_model import ExportedModel, Losses
from runner.student.models.bundled import student_source
from runner.student.models.hf_loader import open_tokenizer_and_config
from runner.student.prompt_template import prompt_ids, prompt_template_for
from store import queries
from store.analysis.export_verdict import (
    DIFFERENT, NLL_TOLERANCE, NLL_TOLERANCE_OTHER_PRECISION, NllDifference, export_verdict,
)
from store.database import Store
from store.events import AnswerRecord, ExportChange, ExportVerified
from store.metrics import ANSWER_METRICS, METRICS
from store.statistics import PairedChange, paired_change

ReportProgress = Callable[[str], None]
BASELINE_ARM, TUNED_ARM = "baseline", "tuned"


class CannotVerify(Exception):
    """There is nothing recorded to compare with; the message says what to do."""


@dataclass(frozen=True)
class RecordedTest:
    """The locked test of a run with what its fine-tuned student answered, in the order in which it was asked."""

    run: queries.Run
    cycle: int
    items: tuple[ScoredItem, ...]
    losses: Mapping[str, Mapping[str, float]]
    """Arm -> question -> recorded NLL of the reference, in nats per token."""
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
    for pair in queries.answers_of(store, run.id, cycle):
        for arm, value in zip(losses, pair.scores.get("reference_nll", (None, None)), strict=True):
            if value is not None:
                losses[arm][pair.question] = value
    return RecordedTest(run, cycle, items, losses, _answers_of(stored, BASELINE_ARM, (0, cycle)))


def _answers_of(stored: StoredAnswers, arm: str, cycles: Sequence[int]) -> dict[str, str]:
    return {question: answer.text for cycle in cycles
            for question, answer in stored.answers.get((cycle, arm), {}).items() if answer.text}


def verify(store: Store, test: RecordedTest, export: str, engine: Engine, judge: Judge,
           facts: Sequence[ExportFact], report: ReportProgress) -> ExportVerified:
    """Ask the export the locked test, compare, and record the outcome as an event of the run.

    Args:
        export: the folder or address, for the record.
        facts: what the export says of itself that differs from the record (`facts_of_folder`).

    Raises:
        CannotAnswer: the engine failed; nothing is recorded.
        UserError: the run is active.
    """
    with journal_of_finished_run(store, test.run.id) as journal:
        unusable = next((fact.phrase for fact in facts if fact.unusable), None)
        answers = _unasked(test, unusable) if unusable else _asked(test, engine, report)
        losses = None if unusable else engine.losses(
            [(item.question.text, item.reference.text or "") for item in _with_reference(test)])
        found = _compared(test, export, engine.name, answers, losses, judge, facts)
        journal.append(found, cycle=test.cycle)
        return found


def _asked(test: RecordedTest, engine: Engine, report: ReportProgress) -> list[AnswerRecord]:
    found = []
    given = engine.answers([item.question.text for item in test.items], test.limit)
    for item, answer in zip(test.items, given, strict=True):
        found.append(AnswerRecord(item.question.question_id, answer.text or None,
                                  None if answer.text else "the answer is empty", answer.tokens, answer.seconds,
                                  answer.cut_off))
        if len(found) % 10 == 0 or len(found) == len(test.items):
            report(f"  {len(found)} of {len(test.items)} questions answered")
    return found


def _unasked(test: RecordedTest, reason: str) -> list[AnswerRecord]:
    return [AnswerRecord(item.question.question_id, None, f"not asked: {reason}", 0, 0.0, False) for item in test.items]


def _with_reference(test: RecordedTest) -> list[ScoredItem]:
    return [item for item in test.items if item.reference.text and item.question.question_id in test.losses[TUNED_ARM]]


def _compared(test: RecordedTest, export: str, engine: str, answers: Sequence[AnswerRecord],
              losses: Losses | None, judge: Judge, facts: Sequence[ExportFact]) -> ExportVerified:
    equal = sum(_text(item.answer) == _text(new) for item, new in zip(test.items, answers, strict=True))
    changes = _changes(test, answers, losses, judge)
    exported = {item.question.question_id: loss
                for item, loss in zip(_with_reference(test), losses or (), strict=False) if loss is not None}
    verdict = export_verdict(changes, _nll(exported, test.losses[TUNED_ARM], _tolerance(facts)),
                             [fact.phrase for fact in facts if fact.decisive], equal, len(test.items))
    causes = tuple(fact.phrase for fact in facts) if verdict.outcome == DIFFERENT else ()
    if verdict.outcome == DIFFERENT and _is_untrained(test, answers, exported):
        causes = ("the adapter was not applied: it is the untrained student", *causes)
    sentence = verdict.sentence
    if verdict.outcome == DIFFERENT:
        sentence += f" Probably: {'; '.join(causes) or 'other weights, or quantization'}."
    return ExportVerified(
        export, engine, verdict.outcome, sentence, causes, equal, len(test.items),
        tuple(ExportChange(metric, change.baseline, change.tuned, change.change, change.low, change.high, change.scored,
                           change.asked) for metric, change in changes.items()), tuple(answers))


def _text(answer: AnswerRecord) -> str:
    return (answer.text or "").strip()


def _changes(test: RecordedTest, answers: Sequence[AnswerRecord], losses: Losses | None,
             judge: Judge) -> dict[str, PairedChange]:
    """Score recorded and new answers by the same judge, and pair them by question."""
    renewed = [dataclasses.replace(item, answer=new) for item, new in zip(test.items, answers, strict=True)]
    before, after = (_scores(judge, items) for items in (test.items, renewed))
    clusters = [item.question.passage_id or item.question.question_id for item in test.items]
    found = {metric: paired_change(before[metric], after[metric], clusters, METRICS[metric].better,
                                   METRICS[metric].tie_band) for metric in before}
    if losses is not None:
        scored = _with_reference(test)
        found["reference_nll"] = paired_change(
            [test.losses[TUNED_ARM][item.question.question_id] for item in scored], list(losses),
            [item.question.passage_id or item.question.question_id for item in scored], -1)
    return {metric: change for metric, change in found.items() if change.scored}


def _scores(judge: Judge, items: Sequence[ScoredItem]) -> dict[str, list[float | None]]:
    scored = score_answers(judge, TUNED_ARM, items, ANSWER_METRICS)
    return {event.scores[0].metric: [score.value for score in event.scores] for event in scored if event.scores}


def _nll(exported: Mapping[str, float], recorded: Mapping[str, float], tolerance: float) -> NllDifference | None:
    pairs = [(exported[question], recorded[question]) for question in exported if question in recorded]
    if not pairs:
        return None
    return NllDifference(sum(abs(new - old) for new, old in pairs) / len(pairs), len(pairs), tolerance)


def _is_untrained(test: RecordedTest, answers: Sequence[AnswerRecord], exported: Mapping[str, float]) -> bool:
    """Whether the export is the untrained student, by likelihood where there is one, else by its very answers."""
    if exported:
        found = _nll(exported, test.losses[BASELINE_ARM], NLL_TOLERANCE)
        return found is not None and found.within
    known = [(new, test.untrained[new.question_id]) for new in answers if new.question_id in test.untrained]
    return bool(known) and sum(_text(new) == old.strip() for new, old in known) > 0.8 * len(known)


@dataclass(frozen=True)
class ExportFact:
    """Something that an export says of itself and that differs from the recorded student."""

    phrase: str
    decisive: bool = False
    """Whether it alone makes the export another one, whatever it answers here: it changes how questions are put, or
    how answers are drawn or ended."""
    unusable: bool = False
    """Whether the export cannot be asked at all."""
    other_precision: bool = False
    """Whether it says that the weights have another precision than was measured."""


def _tolerance(facts: Sequence[ExportFact]) -> float:
    return NLL_TOLERANCE_OTHER_PRECISION if any(fact.other_precision for fact in facts) else NLL_TOLERANCE


_PROBE = "What does a Service do for a Pod?"


def facts_of_folder(engine: ExportedModel, run: queries.Run, models_dir: Path) -> list[ExportFact]:
    """Compare a folder's template, tokenizer, end of answers, sampling and positions with the recorded student's.

    Raises:
        StudentError: the run's student is no longer there.
    """
    tokenizer, config = open_tokenizer_and_config(student_source(run.config.student, models_dir))
    template = prompt_template_for(tokenizer, run.config.own_chat_template)
    facts = []
    expected, rendered = prompt_ids(tokenizer, template, _PROBE), engine.prompt(_PROBE)
    if tokenizer.get_vocab() != engine.tokenizer.get_vocab():
        rows = engine.model.get_input_embeddings().num_embeddings
        facts.append(ExportFact("another tokenizer", decisive=True, unusable=max(rendered) >= rows))
    elif expected != rendered:
        facts.append(ExportFact(f"another prompt: it asks {engine.tokenizer.decode(rendered)!r}, but was measured with "
                                f"{tokenizer.decode(expected)!r}", decisive=True))
    if template.end_id not in engine.end_ids():
        facts.append(ExportFact(f"answers do not end at {tokenizer.decode([template.end_id])!r}, the token that ends "
                                "them in training", decisive=True))
    elif extra := set(engine.end_ids()) - set(template.stop_ids):
        facts.append(ExportFact(f"answers end at {engine.tokenizer.decode(sorted(extra))!r}, which ended none in the "
                                "test", decisive=True))
    if engine.model.generation_config.do_sample and not run.config.temperature:
        facts.append(ExportFact("answers are sampled, but were measured with greedy decoding", decisive=True))
    penalty = engine.model.generation_config.repetition_penalty or 1.0
    if penalty != run.config.repetition_penalty:
        facts.append(ExportFact(f"a repetition penalty of {penalty:g}, measured with "
                                f"{run.config.repetition_penalty:g}", decisive=True))
    facts += _config_facts(config, engine.model.config)
    measured = str((run.plan or {}).get("precision") or "")
    exported = {"torch.float32": "fp32", "torch.bfloat16": "bf16", "torch.float16": "fp16"}.get(str(engine.model.dtype))
    if measured and exported != measured:
        facts.append(ExportFact(f"weights in {exported}, measured in {measured}", other_precision=True))
    return facts


_CONFIG_FIELDS = {"max_position_embeddings": "the longest context", "rope_parameters": "the position encoding",
                  "num_hidden_layers": "the number of layers", "hidden_size": "the width"}


def _config_facts(measured: Any, exported: Any) -> list[ExportFact]:
    return [ExportFact(f"{words}: {getattr(exported, field, None)}, measured with {getattr(measured, field, None)}",
                       decisive=field == "max_position_embeddings")
            for field, words in _CONFIG_FIELDS.items()
            if getattr(measured, field, None) != getattr(exported, field, None)]

