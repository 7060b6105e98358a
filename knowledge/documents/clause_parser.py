"""Parse an English statement into subject, verb and rest."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from knowledge.documents.subject_phrases import PageContext, subject_of
from knowledge.documents.verb_lexicon import BE, MODALS, REPORTING, base_form, is_verb

# The longest subject that is recognized.
_MAX_SUBJECT_WORDS = 10
# Before these, a word like `lists` or `sets` is a noun.
_AFTER_A_NOUN = BE | MODALS | frozenset(("of", "have", "has", "do", "does"))
_FILLER = re.compile(r"^(?:(?:also|only|often|sometimes|commonly|then|always|automatically|simply|generally|"
                     r"usually|typically|currently)\s)+")
_NAMED = re.compile(r"`|(?:option|flag|command|function|method|parameter|setting|variable|attribute|class|module|"
                    r"statement|keyword|file|field|property|tool|utility|operator|clause|directive)$")
_THIRD_PERSON = re.compile(r"[a-z]{2,}[a-rtv-z]s|[a-z]+(?:us|ss)es")
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
        if not _may_be_verb(words, index):
            continue
        if not relative and {"that", "which", "who"} & {earlier.lower() for earlier in words[1:index]}:
            relative = True  # the verb of the relative clause
            continue
        subject = subject_of(" ".join(words[:index]), context, known_lower)
        rest = _FILLER.sub("", " ".join(words[index + 1:]))
        return Clause(subject, word, rest) if subject and rest else None
    return None


def _may_be_verb(words: list[str], index: int) -> bool:
    """Whether the word at a place may be the finite verb of the statement."""
    word, before = words[index].lower(), words[index - 1]
    if word in BE or word in MODALS or word in ("has", "have", "does", "do"):
        return True
    if base_form(word):
        return not (words[index + 1:] and words[index + 1].lower() in _AFTER_A_NOUN)
    if before.strip("`").endswith("s") and is_verb(word) and word in REPORTING:
        return True
    # An unknown verb directly behind a name: "The `--cover-letter` option tells ...".
    named_so = index == 1 or (index <= 5 and _NAMED.match(before) and "`" in "".join(words[:index]))
    behind = words[index + 1].lower() if words[index + 1:] else ""
    if behind in BE or behind in MODALS or is_verb(behind) or base_form(behind):
        return False  # "The `fetch` values determine ...": a noun
    return bool(named_so and _THIRD_PERSON.fullmatch(word) and (index > 1 or before.startswith("`"))
                and words[index + 1:])
