"""Reword a generated question for the test: the same fact from another angle, in another sentence.

A table of the forms that `question_templates` and `clause_parser` produce; a question of no known form is not reworded.
"""

from __future__ import annotations

import re

from knowledge.documents.verb_lexicon import base_form

_CONTEXT = re.compile(r"Regarding (?P<context>.+?), (?P<question>(?:what|which|how|when)\b.+)", re.I)
_WHEN = r"(?P<when>(?:if|when|whenever|once|after|before|while|unless) .+)"
_DUTY = r"(?:must|should|shall)"
_MODAL = r"(?P<modal>must|should|can|may|will|shall|might|could|would)"

# A form of question (without its question mark), and its rewording. The first form that matches is used, so the special
# ones come first. `verbs` is the third person of `verb`.
_FORMS: tuple[tuple[str, str], ...] = (
    (r"How (?:do|can|should|must|may) you (?P<x>.+)", "A colleague wants to {x}; what do you advise?"),
    (r"What can you use to (?P<x>.+)", "Which means would you point out to somebody who has to {x}?"),
    (r"When should you (?P<x>.+)", "How does one notice that it is time to {x}?"),
    (r"Which (?P<x>.+) are there", "How would you list the {x} to a newcomer?"),
    (r"What should you not do when it comes to (?P<x>.+)", "What would you warn a newcomer to {x} about?"),
    (rf"What (?:can|must|should|may|need to|have to) you do {_WHEN}", "{when}, how ought one to react?"),
    (rf"What happens {_WHEN}", "{when}, what is the outcome?"),
    (rf"What is to be done {_WHEN}", "{when}, how ought one to react?"),
    (r"What (?:changed in|is new in) (?P<x>.+) since version (?P<did>\S+)",
     "Somebody moves to version {did}; what has to be known about {x}?"),
    (r"Where (?P<be>is|are|was|were) (?P<x>.+) (?P<did>\w+)", "Somebody looks for {x}; to which place do you point?"),
    (r"What happens to (?P<x>.+) by default", "What is done with {x} as long as nobody changes a setting?"),
    (r"What (?:is|are) (?P<x>.+) by default", "How do things stand with {x} as long as nobody changes a setting?"),
    (r"What (?P<do>do|does) (?P<x>.+) do by default", "How {do} {x} behave as long as nobody changes a setting?"),
    (r"What \w+ (?P<x>.+) (?:allow|enable) you to do", "What could nobody do without {x}?"),
    (r"What (?:is|are|was|were) (?P<x>.+) used for", "For what reason would somebody choose {x}?"),
    (r"What \w+ (?P<x>.+) be used for", "For what reason would somebody choose {x}?"),
    (r"What (?:is|was) true of (?P<x>.+)", "What should a newcomer know about {x}?"),
    (r"When (?P<be>is|are|was|were) (?P<x>.+) (?P<did>\w+)", "What has to occur so that {x} {be} {did}?"),
    (r"How (?P<be>is|are|was|were) (?P<x>.+) (?P<did>\w+)", "By what means does it come about that {x} {be} {did}?"),
    (rf"How {_MODAL} (?P<x>.+) be (?P<did>\w+)", "By what means does one get {x} {did}?"),
    (r"What happens to (?P<x>.+)", "What would a newcomer see being done with {x}?"),
    (r"What (?:will|may|might|would) happen to (?P<x>.+)", "What would a newcomer see being done with {x}?"),
    (rf"What {_DUTY} be done with (?P<x>.+)", "What sort of treatment does the rule demand for {x}?"),
    (r"What \w+ (?P<x>.+) not do", "What would it be wrong to expect from {x}?"),
    (r"What (?:do|does) (?P<x>.+) have", "What would one find on a closer look at {x}?"),
    (r"What (?:do|does) (?P<x>.+) do", "What would be left undone without {x}?"),
    (rf"What {_DUTY} (?P<x>.+) do", "What is required of {x}?"),
    (rf"What {_MODAL} (?P<x>.+) do", "What would it be right to expect from {x}?"),
    (r"What (?:can|may|could|might|will|would) be done with (?P<x>.+)", "What may somebody make of {x}?"),
    (rf"What {_DUTY} (?P<x>.+) be", "Which quality is required of {x}?"),
    (rf"What {_MODAL} (?P<x>.+) be", "What may somebody make of {x}?"),
    (r"What role does (?P<x>.+?) play in (?P<of>.+)", "A newcomer to {of} comes upon {x}; what is it there for?"),
    (r"What (?:is meant by|was meant by|is|are|was|were) (?P<x>.+)",
     "A newcomer comes across {x}; how would you explain it?"),
    (r"What (?P<do>do|does) (?P<x>.+) (?P<verb>[a-z]+) (?P<on>on|to|of|from|as)",
     "A newcomer wonders what {x} {verbs} {on}; how do you reply?"),
    (r"What (?P<do>do|does) (?P<x>.+) (?P<verb>[a-z]+)", "A newcomer wonders what {x} {verbs}; how do you reply?"),
    (rf"What {_MODAL} (?P<x>.+) (?P<verb>[a-z]+)", "A newcomer wonders what {x} {modal} {verb}; how do you reply?"),
)
_COMPILED = tuple((re.compile(rf"{form}\?", re.I), rewording) for form, rewording in _FORMS)


def reworded(question: str) -> str:
    """The question asked from another angle; empty if its form is not known."""
    about = _CONTEXT.fullmatch(question)
    bare = about["question"] if about else question
    for form, rewording in _COMPILED:
        if found := form.fullmatch(bare):
            parts = found.groupdict()
            text = rewording.format(**parts, verbs=_finite(parts))
            return f"Speaking of {about['context']}, {_lowered(text)}" if about else text[:1].upper() + text[1:]
    return ""


def _finite(parts: dict[str, str]) -> str:
    """The verb as its subject wants it: `does X return` becomes `X returns`."""
    verb = parts.get("verb", "")
    if parts.get("do", "").lower() != "does":
        return verb
    return next((form for form in (f"{verb}s", f"{verb}es", f"{verb[:-1]}ies") if base_form(form) == verb), f"{verb}s")


def _lowered(text: str) -> str:
    first, space, rest = text.partition(" ")
    return (first.lower() if first.istitle() else first) + space + rest
