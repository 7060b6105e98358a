"""How a teacher is asked for questions: from the form for large models down to those that a very small one manages.

`passages` shows several passages a call and wants JSON with quoted evidence. `numbered` shows one passage as numbered
sentences, so that evidence is a number and never misquoted. `sentence` shows one sentence, which is the evidence, and
wants a plain question. A search begins with the form that fits the model and goes on to the next when too few of its
drafts are valid. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from knowledge.documents.sentence_splitter import sentences
from knowledge.passages import Passage
from runner.teacher import prompts
from runner.teacher.prompts import PassageMaterial, Prompt
from runner.teacher.reply_parsing import Draft, parse_numbered_question, parse_plain_question, parse_questions
from store.training_defaults import billions_of

AUTO = "auto"
FIRST_FORM = ((0.5, "sentence"), (8.5, "numbered"), (float("inf"), "passages"))
"""Billions of parameters up to which a model whose name states its size begins with a form."""


@dataclass(frozen=True)
class QuestionForm:
    """One way to ask for questions."""

    name: str
    passages_per_call: int
    tokens: int
    """Token limit of a reply for each passage, and once more."""
    schema: dict[str, Any]
    """JSON schema of the reply; empty for plain text."""
    calls_at_first: int
    """Calls of the first round, before it is known whether the model manages this form; 0 is all of them."""
    prompt: Callable[[str, str, str, Sequence[PassageMaterial]], Prompt]
    """From the domain's name, the topic's name, the tier and the passages."""
    parse: Callable[[str, Sequence[PassageMaterial]], list[Draft]]
    """The drafts of a reply; raises `UnreadableReply`."""
    quoted_evidence: bool = False
    """Whether the model quotes its evidence, which is the proof that the question is about the passage."""


def _passages_prompt(domain: str, topic: str, tier: str, materials: Sequence[PassageMaterial]) -> Prompt:
    return prompts.question_prompt(domain, topic, tier, materials)


def _numbered_prompt(domain: str, topic: str, tier: str, materials: Sequence[PassageMaterial]) -> Prompt:
    return prompts.numbered_question_prompt(domain, tier, materials[0], sentences(materials[0].passage.text))


def _sentence_prompt(domain: str, topic: str, tier: str, materials: Sequence[PassageMaterial]) -> Prompt:
    return prompts.sentence_question_prompt(materials[0].passage.title, sentence_of(materials[0]))


def _parse_passages(text: str, materials: Sequence[PassageMaterial]) -> list[Draft]:
    return parse_questions(text)


def _parse_numbered(text: str, materials: Sequence[PassageMaterial]) -> list[Draft]:
    return [parse_numbered_question(text, sentences(materials[0].passage.text))]


def _parse_sentence(text: str, materials: Sequence[PassageMaterial]) -> list[Draft]:
    return [Draft(parse_plain_question(text), "", sentence_of(materials[0]))]


def sentence_of(material: PassageMaterial) -> str:
    """The sentence of a passage that is shown alone: the one with most key terms, at each further attempt the next."""
    passage = material.passage
    ranked = sorted(sentences(passage.text), key=lambda text: -_key_terms_in(text, passage))
    turn = len(material.asked) + material.attempts
    return ranked[turn % len(ranked)]


def _key_terms_in(text: str, passage: Passage) -> int:
    return sum(term.casefold() in text.casefold() for term in passage.key_terms)


FORMS = (
    QuestionForm("passages", 4, 200, prompts.QUESTIONS_SCHEMA, 2, _passages_prompt, _parse_passages,
                 quoted_evidence=True),
    QuestionForm("numbered", 1, 80, prompts.NUMBERED_SCHEMA, 4, _numbered_prompt, _parse_numbered),
    QuestionForm("sentence", 1, 40, {}, 4, _sentence_prompt, _parse_sentence),
)
"""From the most demanding form to the simplest."""


def forms_for(chosen: str, model: str) -> tuple[QuestionForm, ...]:
    """The forms of a search, in order: those that a setting and the model's name leave.

    Args:
        chosen: `auto`, or the name of the only form.
        model: with `auto` a size in the model's name, such as `qwen2.5:7b`, decides the first form.
    """
    names = [form.name for form in FORMS]
    if chosen != AUTO:
        return (FORMS[names.index(chosen)],)
    size = billions_of(model)
    return FORMS[names.index(next(name for largest, name in FIRST_FORM if size <= largest)):]
