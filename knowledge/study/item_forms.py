"""The forms of study items: one rule each, and the table of them.

Every rule reads the passage, its trainable questions and its siblings; none reads a locked test wording, and none makes
an altered copy of the passage: false statements are sentences of a sibling, and the terms to choose among are words
that the exam's alterations (`knowledge/perturbations.py`) never put in place of the right one. Of a passage in
another language than English no item says anything in English: what needs such words is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from knowledge.perturbations import CHOICES, OPPOSITES
from knowledge.study.passage_parts import GAP, Source, opening, with_gap, without_words, words
from knowledge.study.wordings import BARE_TITLE_WORDINGS, ENGLISH_WORDINGS, NOISE, TITLE_WORDINGS, WORDINGS
from knowledge.written_numbers import NUMBER_WITH_UNIT

NOISED_QUESTION = "noised question"

Part = tuple[str, str, str, str, bool]
"""Wording, prompt, answer, key term, complete: what a rule yields; `StudyItem` adds passage and form."""
Rule = Callable[[Source, "Form"], Iterator[Part]]


@dataclass(frozen=True)
class Form:
    """A form of study items: its rule, and how many items it makes of a passage."""

    rule: Rule
    count: int
    """Items of a passage; rules that go by key term or sentence make as many as there are, up to this."""
    words: int = 0
    """Words of an opening; 0: the whole answer."""


def questions(source: Source, form: Form) -> Iterator[Part]:
    """The passage's questions as asked, then in wordings by rule; the answer is the reference, or only its opening."""
    rng = source.rng(f"questions {form.words}")
    answer = opening(source.reference, form.words) if form.words else source.reference
    complete = answer == source.reference
    asked = source.passage.questions
    unchanged, *by_rule = [name for name in WORDINGS if source.is_english or name not in ENGLISH_WORDINGS]
    for number in range(form.count if asked else 0):
        name = unchanged if number < len(asked) else by_rule[(number - len(asked)) % len(by_rule)]
        question = asked[number % len(asked)]
        if prompt := WORDINGS[name](question, source, rng):
            yield name, prompt, answer, "", complete


def noised_questions(source: Source, form: Form) -> Iterator[Part]:
    """Words of the passage's questions, some left out or moved, or those of two questions together -> the reference.

    Each is another one, so that it is not the wording that is learned by heart.
    """
    rng, asked, rules = source.rng("noise"), source.passage.questions, tuple(NOISE.items())
    for number in range(form.count if asked else 0):
        name, rule = rules[number % len(rules)]
        question = asked[number // len(rules) % len(asked)]
        if (prompt := rule(question, source, rng)) and prompt != question:
            yield name, prompt, source.reference, "", True


def titles(source: Source, form: Form) -> Iterator[Part]:
    """The title alone, in several wordings -> the reference."""
    for wording in (TITLE_WORDINGS if source.is_english else BARE_TITLE_WORDINGS)[:form.count]:
        yield wording, wording.format(title=source.title, topic=source.topic.capitalize()), source.reference, "", True


def short_answers(source: Source, form: Form) -> Iterator[Part]:
    """A question -> the sentence that holds a key term."""
    rng = source.rng("short")
    for number in range(form.count if source.terms and source.passage.questions else 0):
        term = source.terms[number % len(source.terms)]
        question = source.passage.questions[number % len(source.passage.questions)]
        wording = rng.choice(("{} Answer in one sentence.", "In one sentence: {}", "{} Only the fact that counts.")) \
            if source.is_english else "{}"
        yield wording, wording.format(question), source.sentence_with(term), term, True


def cloze(source: Source, form: Form) -> Iterator[Part]:
    """A sentence with a key term left out -> the whole sentence."""
    wordings = ("Fill the gap: {}", "{} Which words are missing?", "Complete this: {}") if source.is_english \
        else ("{}",)
    for number in range(form.count if source.terms else 0):
        term, wording = source.terms[number % len(source.terms)], wordings[number % len(wordings)]
        sentence = source.sentence_with(term)
        yield wording, wording.format(with_gap(sentence, term)), sentence, term, True


def sentence_order(source: Source, form: Form) -> Iterator[Part]:
    """The sentences in another order, as text under the title; nothing for a passage of one sentence."""
    rng = source.rng("order")
    for _ in range(form.count if len(source.sentences) > 1 else 0):
        order = rng.sample(source.sentences, len(source.sentences))
        while tuple(order) == source.sentences:
            rng.shuffle(order)
        yield "title, then sentences", "", f"{source.title}: {' '.join(order)}", "", True


def reverse(source: Source, form: Form) -> Iterator[Part]:
    """The passage or one of its sentences, the title's words left out -> the title."""
    asked = ("Which subject is this? {}", "{} What is described here?", "Name the subject: {}")
    texts = (source.reference, *(source.sentences if len(source.sentences) > 1 else ()))
    for number in range(min(form.count, len(texts)) if source.is_english else 0):
        wording = asked[number % len(asked)]
        yield wording, wording.format(without_words(texts[number], words(source.title))), source.title, "", True


def true_false(source: Source, form: Form) -> Iterator[Part]:
    """A sentence under the title -> true; a sibling's sentence under the title -> false, and what is right."""
    rng = source.rng("true or false")
    strangers = rng.sample(source.foreign_sentences, min(form.count // 2, len(source.foreign_sentences)))
    for number, stranger in enumerate(strangers if source.is_english else ()):
        own = source.sentences[number % len(source.sentences)]
        yield "its own sentence", f"True or false? {source.title}: {own}", f"True. {own}", "", True
        yield "a sibling's sentence", f"True or false? {source.title}: {stranger}", f"False. {own}", "", True


def term_choice(source: Source, form: Form) -> Iterator[Part]:
    """A sentence with a gap and two terms to choose from, in words -> the right one, and the sentence."""
    rng = source.rng("terms")
    reference = source.reference.casefold()
    others = [term for sibling in source.siblings for term in sibling.key_terms
              if sibling.id != source.passage.id and term.casefold() not in reference]
    # Asked once for all terms that the exam alters alike: a topic has hundreds.
    alterations = [_alteration(other) for other in others]
    examples = dict(zip(alterations, others, strict=True))
    for number in range(form.count if source.terms and source.is_english else 0):
        term = source.terms[number % len(source.terms)]
        could = {kind for kind, other in examples.items() if could_replace(term, other)}
        false = [other for other, kind in zip(others, alterations, strict=True) if kind not in could]
        if false:
            options = rng.sample([term, rng.choice(false)], 2)
            sentence = source.sentence_with(term)
            prompt = f"{with_gap(sentence, term)} What belongs in the gap, {options[0]} or {options[1]}?"
            yield "two terms", prompt, f"{term}. {sentence}", term, True


def masked(source: Source, form: Form) -> Iterator[Part]:
    """The passage with a random share of its words left out -> the passage."""
    rng = source.rng("masked")
    for _ in range(form.count):
        share = rng.uniform(0.3, 0.7)
        text = " ".join(GAP if rng.random() < share else word for word in source.reference.split())
        order = "Restore the text: " if source.is_english else ""
        yield "words left out", f"{order}{re.sub(rf'{GAP}( {GAP})+', GAP, text)}", source.reference, "", True


def documents(source: Source, form: Form) -> Iterator[Part]:
    """The passage as text, its title before it: nothing is asked, and every token is learned."""
    separators = ("\n\n", ": ")
    for number in range(form.count):
        separator = separators[number % len(separators)]
        yield f"title{separator!r}text", "", f"{source.title}{separator}{source.reference}", "", True


FORMS: dict[str, Form] = {
    "question": Form(questions, 20),
    NOISED_QUESTION: Form(noised_questions, 24),
    "opening": Form(questions, 80, words=10),
    "title": Form(titles, 7),
    "short answer": Form(short_answers, 4),
    "cloze": Form(cloze, 6),
    "sentence order": Form(sentence_order, 2),
    "reverse": Form(reverse, 4),
    "true or false": Form(true_false, 4),
    "term choice": Form(term_choice, 4),
    "masked": Form(masked, 4),
    "document": Form(documents, 2),
}
"""Name -> form; the names are recorded with each item."""
ALL = tuple(FORMS)

_GROUPS = [frozenset(word.casefold() for word in re.split(r"[ /]", group)) for group in CHOICES + OPPOSITES]


class _Alteration(NamedTuple):
    """What the exam may alter of a term."""

    has_number: bool
    groups: frozenset[int]
    """The groups of words that it has a word of."""
    is_truth: bool
    """Whether it is a truth value."""


def could_replace(term: str, other: str) -> bool:
    """Whether an alteration of the exam could turn one term into the other: both have numbers, or are of one group."""
    ours, theirs = _alteration(term), _alteration(other)
    return (ours.has_number and theirs.has_number) or not ours.groups.isdisjoint(theirs.groups) or ours.is_truth


@lru_cache(maxsize=50_000)
def _alteration(term: str) -> _Alteration:
    found = {word.casefold() for word in words(term)}
    groups = frozenset(place for place, group in enumerate(_GROUPS) if found & group)
    return _Alteration(bool(re.search(r"\d", term) or NUMBER_WITH_UNIT.search(term)), groups,
                       bool({"true", "false"} & found))
