"""Parse an English statement into subject, verb and rest, and word a question about it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from knowledge.documents.subject_phrases import PageContext, subject_of
from knowledge.documents.verb_lexicon import BE, MODALS, PREPOSITIONAL, REPORTING, base_form, is_participle, is_verb

# The longest subject that is recognized.
_MAX_SUBJECT_WORDS = 15
_USED_FOR = re.compile(r"^(?:be )?(?:used|useful|intended|designed|meant)\s+(?:to|for)\b", re.I)
_WHEN = re.compile(r"\s(?:when|whenever|if|unless|once|after|before|while)\s")
_HOW = re.compile(r"^\w+(?:\s\w+ly)?\s(?:by|using|via|through|with)\s(?!default\b)")
# Before these, a word like `lists` or `sets` is a noun.
_AFTER_A_NOUN = BE | MODALS | frozenset(("of", "have", "has", "do", "does"))
_FILLER = re.compile(r"^(?:(?:also|only|often|sometimes|commonly|then|now|always|automatically|simply|generally|"
                     r"usually|typically|currently)\s)+")
# A question about the predicate, a second wording (or "": ask for the subject instead), and the rank.
Wordings = tuple[str, str, int]


@dataclass(frozen=True)
class Clause:
    """A parsed statement: `subject` as a question names it, the finite `verb`, and the rest."""

    subject: str
    verb: str
    rest: str


def parse_clause(statement: str, context: PageContext, known_lower: Collection[str]) -> Clause | None:
    """Parse a statement; None if no verb or no subject that makes sense alone is found."""
    words = re.findall(r"`[^`]*`\S*|\S+", statement)
    relative = False
    for index in range(1, min(len(words), _MAX_SUBJECT_WORDS + 1)):
        word = words[index].lower()
        plural = words[index - 1].strip("`").endswith("s") and is_verb(word) and word in REPORTING
        if base_form(word) and words[index + 1:] and words[index + 1].lower() in _AFTER_A_NOUN:
            continue
        if word in BE or word in MODALS or base_form(word) or plural or word in ("has", "have", "does", "do"):
            if not relative and {"that", "which", "who"} & {earlier.lower() for earlier in words[1:index]}:
                relative = True  # the verb of the relative clause
                continue
            subject = subject_of(" ".join(words[:index]), context, known_lower)
            rest = _FILLER.sub("", " ".join(words[index + 1:]))
            return Clause(subject, word, rest) if subject and rest else None
    return None


def question_wordings(clause: Clause) -> Wordings | None:
    """A question about the predicate, a second wording (or ""), and the rank; None if there is no good wording."""
    if clause.verb in BE:
        return _wordings_of_being(clause)
    if clause.verb in MODALS:
        return _wordings_of_modal(clause)
    subject, base = clause.subject, base_form(clause.verb) or clause.verb
    helper = "do" if is_verb(clause.verb) or clause.verb in ("have", "do") else "does"
    if base in ("has", "have"):
        had = re.match(r"(?:been|to|not|already|never)\b|\w+ed\b", clause.rest)
        return None if had else (f"What {helper} {subject} have?", "", 4)
    if base in ("does", "do"):
        return (f"What {helper} {subject} not do?", "", 4) if clause.rest.startswith("not ") else None
    if base in PREPOSITIONAL:
        ending = PREPOSITIONAL[base]
        return (f"What {helper} {subject} {base} {ending}?", "", 2) if clause.rest.startswith(f"{ending} ") else None
    if base in ("allow", "enable") and re.match(r"(?:you|one|users|us) to\b", clause.rest):
        return f"What {helper} {subject} {base} you to do?", f"What becomes possible with {subject}?", 1
    if base in REPORTING:
        return f"What {helper} {subject} {base}?", "", 2
    return f"What {helper} {subject} do?", "", 3


def _wordings_of_being(clause: Clause) -> Wordings | None:
    subject, verb, rest = clause.subject, clause.verb, clause.rest
    first = rest.split()[0].lower()
    if _USED_FOR.match(rest):
        helper = "do" if verb == "are" else "does"
        return f"What {verb} {subject} used for?", f"Which purpose {helper} {subject} serve?", 1
    if first in ("a", "an") or (first in ("the", "one") and len(rest.split()) > 4):
        return named(verb, subject), f"How {verb} {subject} best described?", 0
    if is_participle(first):
        if _WHEN.search(rest):
            return f"When {verb} {subject} {first}?", f"Under which condition {verb} {subject} {first}?", 2
        if _HOW.match(rest):
            return f"How {verb} {subject} {first}?", "", 2
        return f"What happens to {subject}?", "", 5
    if first in ("not", "only", "also", "always", "never", "now", "just", "still", "being", "to", "that", "it"):
        return None
    return f"What {verb} true of {subject}?".replace("are true", "is true").replace("were true", "was true"), "", 6


def named(verb: str, subject: str) -> str:
    """`What is X?`, made longer if X is one word, since a question needs at least four words."""
    return f"What {verb} {subject}?" if " " in subject else f"What {verb} meant by {subject}?".replace("are", "is", 1)


def _wordings_of_modal(clause: Clause) -> Wordings | None:
    subject, modal, rest = clause.subject, clause.verb, clause.rest
    if rest.startswith("not ") or modal == "cannot":
        denied = f"What {'can' if modal == 'cannot' else modal} {subject} not do?"
        return None if "be" in rest.split()[:2] else (denied, "", 4)
    first = rest.split()[0].lower()
    if first in REPORTING:
        return f"What {modal} {subject} {first}?", "", 2
    if first != "be":
        return f"What {modal} {subject} do?", "", 3
    if _USED_FOR.match(rest):
        return f"What {modal} {subject} be used for?", f"What is a use of {subject}?", 1
    first = rest.split()[1].lower() if len(rest.split()) > 1 else ""
    if not is_participle(first):
        return f"What {modal} {subject} be?", "", 3
    if _HOW.match(rest[3:]):
        return f"How {modal} {subject} be {first}?", "", 2
    if modal in ("will", "may", "might", "would"):
        return f"What {modal} happen to {subject}?", "", 4
    return f"What {modal} be done with {subject}?", "", 4
