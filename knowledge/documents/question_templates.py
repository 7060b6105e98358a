"""Question templates: turn one English statement into two questions that it answers, by its surface grammar.

Each template matches one way in which documentation states a fact ("X is a ...", "Use X to ...", "By default ...",
"X must ...", "If ..., ...") and asks for it twice: for the predicate, and for the subject.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from knowledge.documents.clause_parser import named, parse_clause, question_wordings
from knowledge.documents.subject_phrases import PageContext, with_context
from knowledge.documents.verb_lexicon import BE, IMPERATIVES, MODALS, base_form, is_participle, is_verb

_MAX_PREDICATE_WORDS = 20
_CONNECTOR = re.compile(r"^(?:note that|please note that|also|additionally|in addition|furthermore|moreover|however|"
                        r"thus|therefore|hence|similarly|in general|in short|in other words|in essence|instead|"
                        r"generally|typically|usually|normally|importantly|currently|basically|remember that|"
                        r"keep in mind that|be aware that|(?:important|note|warning|tip|caution)\s*:),?\s+", re.I)
_CONDITION = re.compile(r"^(if|when|whenever|once|unless|after|before|while)\s+(.+?),\s+(?:then\s+)?(.+)$", re.I)
_NO_CONDITION = re.compile(r"^(?:it|this|that|they|these|those|there|he|she|not|so|set|true|false|given|used|empty|"
                           r"present|unset|we|i|possible|necessary|needed|desired|in doubt|\w+ed|\w+ing|none|any|"
                           r"both|either|more|no)\b", re.I)
_OF_A_SETTING = re.compile(r"^(?:not )?(?:set|unset|true|false|specified|omitted|provided|given|enabled|disabled|"
                           r"present|empty|left out)\b", re.I)
_PURPOSE = re.compile(r"^(?:in order )?to\s+(.+?),\s+(?:you\b|simply |just |first |"
                      + "|".join(sorted(IMPERATIVES)) + r")", re.I)
_USE = re.compile(r"^(?:you (?:can|may|should|must) (?:also )?use|use)\s+(.+?)\s+(?:in order )?to\s+(?!the\b|a\b|"
                  r"an\b)(.+)$", re.I)
_HOW_YOU = re.compile(r"^you (can|may|must|should|need to|have to)\s+(?:also )?(.+?)\s+(?:by|using|via|"
                      r"with the)\s+.+$", re.I)
_WHEN_YOU = re.compile(r"^(?:you (?:must|should|need to|have to)\s+)(.+?)\s+(?:if|when|before|after|"
                       r"unless)\s+(.+)$", re.I)
_TAIL = re.compile(r",\s+(?:which|and|but|so|or|because|since|as|making|where|while|although|though|meaning|even|such|"
                   r"including|unless|except|rather|whereas|then|not|it|they|you|we|this|these)\b.*$|\s+[-–—]\s+.*$|"
                   r";\s.*$|:\s.*$|\s*\([^()]*\)$")
_LOOSE = re.compile(r"\b(?:this|these|those|above|below|following|here|former|latter|we|our|us|i|my|let's|therefore|"
                    r"however|earlier|previous|previously|aforementioned|such|same|too|that way)\b", re.I)
_OPEN_END = frozenset(re.findall(r"\S+", """
and or the a an is are that which if when than not
"""))
_DETERMINED = re.compile(r"(?:the|a|an|whether|how|all|each|every|any|one|information)\b")
_THERE = re.compile(r"^there are ((?:two|three|four|five|six|seven|eight|several|many|some|various|multiple|"
                    r"\d+) )(.+)$", re.I)
_FORBIDDEN = re.compile(r"^(?:do not|don't|never|avoid)\s+\w+", re.I)
_VERBLESS = re.compile(r"^(?:a|an|the) (?:[\w`-]+ ){1,4}(?:that|which|to|of|for|used|with|from|containing)\b", re.I)


@dataclass(frozen=True)
class QuestionDraft:
    """Two wordings of one question; templates with a lower rank give better questions."""

    rank: int
    first: str
    second: str


def draft_questions(sentence: str, context: PageContext, known_lower: Collection[str]) -> Iterator[QuestionDraft]:
    """All pairs of questions that a sentence answers, with their context added where necessary.

    Args:
        sentence: the statement, with backticks around code.
        context: the headings and page of the sentence.
        known_lower: words that occur in lower case, to distinguish a name from a sentence's first word.
    """
    statement = sentence.strip().rstrip(".!。 ")
    while (shorter := _CONNECTOR.sub("", statement)) != statement:
        statement = shorter[:1].upper() + shorter[1:]
    for draft in (*_from_purpose(statement, context), *_from_list(statement, context),
                  *_from_condition(statement, context, known_lower), *_from_default(statement, context, known_lower),
                  *_from_clause(statement, context, known_lower), *_without_subject(statement, context, known_lower)):
        if _is_whole(draft.first) and _is_whole(draft.second):
            # A different opening as well: otherwise two long questions could be near-duplicates.
            yield replace(draft, second=re.sub(r"^Regarding ", "When it comes to ", draft.second))


def _from_purpose(statement: str, context: PageContext) -> Iterator[QuestionDraft]:
    """`To do Y, ...`, `Use X to do Y`, `You can do Y by ...`."""
    if found := _PURPOSE.match(statement):
        yield QuestionDraft(1, with_context(f"How do you {found[1]}?", context),
                            with_context(f"What is the way to {found[1]}?", context))
    if (used := _USE.match(statement)) and len(used[1].split()) <= 6:
        done = _cut(used[2])
        yield QuestionDraft(1, with_context(f"What can you use to {done}?", context, used[1]),
                            with_context(f"What is {used[1]} used for?", context))
    if (how := _HOW_YOU.match(statement)) and len(how[2].split()) <= 14:
        yield QuestionDraft(2, with_context(f"How can you {how[2]}?", context),
                            with_context(f"What is the way to {how[2]}?", context))
    if (needed := _WHEN_YOU.match(statement)) and len(needed[1].split()) <= 14:
        yield QuestionDraft(3, with_context(f"When should you {needed[1]}?", context),
                            with_context(f"Under which circumstances is it right to {needed[1]}?", context))


def _from_list(statement: str, context: PageContext) -> Iterator[QuestionDraft]:
    """`There are two ...` and `Do not ...`."""
    if (there := _THERE.match(statement)) and 1 <= len(_cut(there[2]).split()) <= 14:
        many = re.sub(r"\bof\b.*", "", there[2]).split()[0]
        if many.endswith("s") or len(_cut(there[2]).split()) > 1:
            yield QuestionDraft(3, with_context(f"Which {_cut(there[2])} are there?", context),
                                with_context(f"What are the {there[1]}{_cut(there[2])}?", context))
    if _FORBIDDEN.match(statement):
        yield QuestionDraft(7, f"What should you not do when it comes to {context.heading_and_page}?",
                            f"Which mistake is to be avoided with {context.heading_and_page}?")


def _from_condition(statement: str, context: PageContext, known_lower: Collection[str]) -> Iterator[QuestionDraft]:
    """`If C, M.`"""
    found = _CONDITION.match(statement)
    if not found:
        return
    # `If set to true` refers to what the heading names.
    about_heading = context.opens and len(context.name.split()) <= 2 and _OF_A_SETTING.match(found[2])
    case = f"{context.name} is {found[2]}" if about_heading else found[2]
    if not 3 <= len(case.split()) <= 16 or _NO_CONDITION.match(case):
        return
    when, main = f"{found[1].lower()} {case}", found[3]
    you = re.match(r"you (can|must|should|may|need to|have to)\b", main, re.I)
    if you or main.split()[0].lower() in IMPERATIVES:
        modal = you[1].lower() if you and you[1].lower() in MODALS else "should"
        yield QuestionDraft(2, with_context(f"What {modal} you do {when}?", context),
                            with_context(f"Which step is right {when}?", context))
        return
    clause = parse_clause(main, context, known_lower)
    wordings = question_wordings(clause) if clause else None
    second = f"{wordings[0].rstrip('?')} {when}?" if wordings else f"Which behavior is to be expected {when}?"
    yield QuestionDraft(2, with_context(f"What happens {when}?", context), with_context(second, context))
    for draft in _from_clause(main, context, known_lower):
        yield replace(draft, rank=draft.rank + 3)


def _from_default(statement: str, context: PageContext, known_lower: Collection[str]) -> Iterator[QuestionDraft]:
    """`By default, X does Y.`"""
    found = re.match(r"^by default,?\s+(.+)$", statement, re.I)
    clause = parse_clause(found[1], context, known_lower) if found else None
    if clause and clause.verb in BE and is_participle(clause.rest.split()[0].lower()):
        yield QuestionDraft(3, with_context(f"What happens to {clause.subject} by default?", context),
                            with_context(f"Which default holds for {clause.subject}?", context))
    elif clause and clause.verb in BE:
        yield QuestionDraft(1, with_context(f"What {clause.verb} {clause.subject} by default?", context),
                            with_context(f"Which default holds for {clause.subject}?", context))
    elif clause:
        helper = "do" if is_verb(clause.verb) else "does"
        yield QuestionDraft(1, with_context(f"What {helper} {clause.subject} do by default?", context),
                            with_context(f"What is the default behavior of {clause.subject}?", context))


def _from_clause(statement: str, context: PageContext, known_lower: Collection[str]) -> Iterator[QuestionDraft]:
    """`X is`, `X must`, `X returns`: asks for the predicate and for X."""
    clause = parse_clause(statement, context, known_lower)
    forward = question_wordings(clause) if clause else None
    if not clause or not forward:
        return
    question, other, rank = forward
    predicate = _cut(clause.rest)
    long_enough = 3 <= len(predicate.split()) <= _MAX_PREDICATE_WORDS
    plural = is_verb(clause.verb) or clause.verb in ("are", "were", "have", "do")
    dependent = re.match(r"(?:it|its|they|their|them|not)\b", predicate, re.I)
    if other:
        yield QuestionDraft(rank, with_context(question, context), with_context(other, context))
    elif long_enough and not dependent and not (plural and clause.verb not in ("are", "were")):
        back = f"What {clause.verb} {predicate}?"
        yield QuestionDraft(rank, with_context(question, context), with_context(back, context, clause.subject))


def _without_subject(statement: str, context: PageContext, known_lower: Collection[str]) -> Iterator[QuestionDraft]:
    """`Installs a package.` or `A proxy to use.`: the subject is the heading."""
    first, _, rest = statement.partition(" ")
    rest = _cut(rest)
    fits = _DETERMINED.match(rest) and 2 <= len(rest.split()) <= _MAX_PREDICATE_WORDS
    if fits and first.istitle() and base_form(first.lower()):
        yield QuestionDraft(1, f"What does {context.name} do?",
                            with_context(f"What {first.lower()} {rest}?", context, context.name))
    verbless = _VERBLESS.match(statement) and not parse_clause(statement, context, known_lower)
    if context.opens and verbless and " " not in context.name:
        yield QuestionDraft(2, with_context(named("is", context.name), context),
                            with_context(f"How is {context.name} best described?", context))


def _cut(predicate: str) -> str:
    """A predicate without trailing clauses and parentheses."""
    shorter = _TAIL.sub("", predicate)
    return shorter.rstrip(" ,.:")


def _is_whole(question: str) -> bool:
    """Whether a question is complete and refers to nothing outside it."""
    bare = re.sub(r"`[^`]*`", "code", question)
    words = bare.rstrip("?").split()
    return (not _LOOSE.search(bare.removeprefix("Regarding ")) and words[-1].lower() not in _OPEN_END
            and question.count("(") == question.count(")") and question.count('"') % 2 == 0
            and question.count("`") % 2 == 0 and bare.count("?") == 1 and len(words) <= 34)

