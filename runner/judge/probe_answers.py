"""Probe answers for judge validation (right, wrong, empty, echoed, padded), built from a run's own test. Pure."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.languages import STOPS_WITHOUT_BLANK, is_another_language
from knowledge.perturbations import RULES, perturb
from runner.judge.scoring import ScoredItem
from store.events import AnswerRecord, QuestionRecord, ReferenceRecord

RIGHT, SHORT = "right", "short"
NEGATED, OFF_TOPIC, ECHO, REFUSAL, PADDED, EMPTY = "negated", "foreign", "echo", "no answer", "padded", "empty"
WRONG_KINDS = (NEGATED, OFF_TOPIC, ECHO, REFUSAL)
KINDS: dict[str, str] = {
    RIGHT: "the reference itself",
    SHORT: "true, and only a part of the reference",
    NEGATED: "the reference with every statement denied or turned round",
    OFF_TOPIC: "a reference to another question of the topic",
    ECHO: "the question, said back",
    REFUSAL: "\"I do not know.\"",
    PADDED: "the reference, with two answers to other questions behind it",
    EMPTY: "nothing at all",
}
"""Every kind of probe answer, with its description."""
RETESTED = (RIGHT, NEGATED)
I_DO_NOT_KNOW = "I do not know."

_SENTENCE = re.compile(rf"(?<=[.!?])\s+(?=[^\W\d_a-z]|[`\"(])|(?<=[{STOPS_WITHOUT_BLANK}])\s*(?=\S)")
_API_SUBJECT = re.compile(r"^In an? [\w-]+, [\w-]+ \([^)]*\)[ :,]*(?:is |are )?")
_NO_LIMIT = 1 << 30


@dataclass(frozen=True)
class Probe:
    """One probe answer."""

    kind: str
    question: QuestionRecord
    reference: ReferenceRecord
    text: str

    @property
    def given(self) -> ScoredItem:
        """The item as if a student had answered it."""
        answer = AnswerRecord(self.question.question_id, self.text or None, None if self.text else EMPTY, 0, 0.0, False)
        return ScoredItem(self.question, answer, self.reference, _NO_LIMIT)


def build_probes(questions: Sequence[QuestionRecord], references: dict[str, ReferenceRecord],
                 count: int) -> list[Probe]:
    """Probe answers to the first `count` questions that have a reference and distractors, topics alternating."""
    usable = [question for question in questions if _can_be_probed(references.get(question.question_id))]
    by_topic: dict[str, list[QuestionRecord]] = {}
    for question in usable:
        by_topic.setdefault(question.topic, []).append(question)
    alternating = [found[rank] for rank in range(len(usable)) for found in by_topic.values() if rank < len(found)]
    return [probe for question in alternating[:count]
            for probe in _probes_of(question, references[question.question_id])]


def _can_be_probed(reference: ReferenceRecord | None) -> bool:
    return reference is not None and bool((reference.text or "").strip()) and len(reference.foils) >= 2


def _probes_of(question: QuestionRecord, reference: ReferenceRecord) -> list[Probe]:
    text, (first, second, *_) = reference.text or "", reference.foils
    texts = {RIGHT: text, SHORT: shortened(text), NEGATED: negated(text), OFF_TOPIC: first, ECHO: question.text,
             REFUSAL: I_DO_NOT_KNOW, PADDED: f"{text} {first} {second}", EMPTY: ""}
    return [Probe(kind, question, reference, answer) for kind, answer in texts.items() if answer is not None]


def shortened(text: str) -> str | None:
    """A shorter correct answer: the first sentence, or an API text without its subject; None where there is none."""
    first, *rest = _SENTENCE.split(text)
    if rest:
        return first
    predicate = _API_SUBJECT.sub("", text)
    return predicate[:1].upper() + predicate[1:] if 0 < len(predicate) < len(text) else None


def negated(text: str) -> str:
    """Every sentence of a text negated, or perturbed another way where no rule negates it."""
    return " ".join((None if is_another_language(text) else RULES["negated"](sentence, random.Random(1)))
                    or perturb(sentence, 1)[0] for sentence in _SENTENCE.split(text))
