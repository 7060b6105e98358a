"""Question templates: turn one English statement into questions that it answers, by its surface grammar.

Each template matches one way in which documentation states a fact ("X is a ...", "Use X to ...", "defaults to ...",
"X must ...", "If ..., ...") and asks for what is said, or for what it is said of. What a template cannot ask about
precisely is not asked about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

from knowledge.documents.clause_parser import Clause, parse_clause
from knowledge.documents.clause_questions import named, question_wordings
from knowledge.documents.entry_names import is_entry
from knowledge.documents.question_checks import is_whole, specific_words
from knowledge.documents.subject_phrases import PageContext, with_context
from knowledge.documents.verb_lexicon import BE, IMPERATIVES, REPORTING, base_form, is_verb

_MAX_PREDICATE_WORDS = 20
_FEWEST_SPECIFIC = 3
"""Of a question for the subject, whose predicate has to tell it from all others."""
_CONNECTOR = re.compile(r"^(?:note that|please note that|also|additionally|in addition(?=,)|furthermore|"
                        r"moreover|similarly|in general|in short|in other words|in essence|generally|"
                        r"typically|usually|normally|importantly|currently|basically|remember that|finally|"
                        r"keep in mind that|be aware that|(?:important|note|warning|tip|caution)\s*:),?\s+", re.I)
_CONDITION = re.compile(r"^(if|when|whenever|once|unless|after|before)\s+(.+?),\s+(?:then\s+)?(.+)$", re.I)
_NO_CONDITION = re.compile(r"^(?:it|this|that|they|these|those|there|he|she|not|so|set|true|false|given|used|empty|"
                           r"present|unset|we|i|possible|necessary|needed|desired|in|on|at|for|as|\w+ed|\w+ing|none|"
                           r"any|both|either|more|no|only|multiple|several)\b", re.I)
_OF_A_SETTING = re.compile(r"^(?:not )?(?:set|unset|true|false|specified|omitted|provided|given|enabled|disabled|"
                           r"present|empty|left out)\b", re.I)
_FINITE = re.compile(r"\b(?:is|are|was|were|has|have|had|does|do|did|can|cannot|will|may|must|should|contains?|uses?|"
                     r"\w{3,}(?:[^su]s|ed))\b|n['’]t\b", re.I)
_TWO_CLAUSES = re.compile(r"\bthen\b|\b(?:is|are|was|were)\b.*\b(?:is|are|was|were)\b", re.I)
# "If you use it often, it may be new to you": advice and remarks, and not what happens.
_NO_CONSEQUENCE = re.compile(r"^(?:it['’]s|it (?:is|may be|might be|will be)|there (?:is|are)|that|this|is|are|was|has|"
                             r"can|and|or|but)\b|\byou(?:rs?)?\b", re.I)
_POINTER = re.compile(r"\b(?:see|refer to|read about|consult|described in|look at)\b", re.I)
_AIM = re.compile(r"^if you (?:want|wish|need|would like|['’]d like|have) to\s+(.+?),\s+(.+)$", re.I)
_PURPOSE = re.compile(r"^(?:in order )?to\s+(.+?),\s+(?:you\b|simply |just |first |"
                      + "|".join(sorted(IMPERATIVES)) + r")", re.I)
_USE = re.compile(r"^(?:you (?:can|may|should|must) (?:also )?use|use)\s+(.+?)\s+(?:in order )?to\s+(?!the\b|a\b|"
                  r"an\b)(.+)$", re.I)
_HOW_YOU = re.compile(r"^you (can|may|must|should|need to|have to)\s+(?:also |always |easily |simply )?(.+?)\s+(?:by|"
                      r"using|via|with the)\s+.+$", re.I)
_TAIL = re.compile(r",\s+(?:which|and|but|so|or|because|since|as|making|where|while|although|though|meaning|even|such|"
                   r"including|unless|except|rather|whereas|then|not|it|they|you|we|this|these|if|when|thus|instead|"
                   r"e\.g|i\.e|for example|see)\b.*$|\s+[-–—]+\s+.*$|"
                   r";\s.*$|:\s.*$|\s*\([^()]*\)$")
_THERE = re.compile(r"^there are (?:currently |basically |only )?((?:two|three|four|five|six|seven|eight|"
                    r"\d+) )(.+)$", re.I)
_DEFAULT_OF_ENTRY = re.compile(r"^(?:the default(?: value| setting)?(?: for this|"
                               r" of this)?(?: \w+)?(?: value)? (?:is|are)|(?:it|this|its value|"
                               r"this (?:option|setting|parameter|variable|value))? ?defaults (?:to|"
                               r"is))\s+(.+)$", re.I)
_BY_DEFAULT = re.compile(r"^by default,?\s+(.+)$", re.I)
_CHANGED = re.compile(r"^(Changed|New|Added|Deprecated) (?:in|since) version (\d[\w.]*)\s*:\s+(.+)$")
_VERBLESS = re.compile(r"^(?:a|an|the) (?:[\w`-]+ ){1,4}(?:that|which|to|of|for|used|with|from|containing|in)\b", re.I)
_DETERMINED = re.compile(r"(?:the|a|an|whether|how|all|each|every|any|one|information)\b")
_OF_A_REPLY = REPORTING - frozenset(re.findall(r"\w+", """
ignore disable set create print cause need store hold list display put take support accept override inherit control
extend require use give implement
"""))
"""Verbs of an entry's description that are asked with: "What does X return?"; the others with "do"."""
_REQUESTS = frozenset(("please", "assume", "be", "keep", "ask", "let", "do", "don't"))
_STANDS_FOR = re.compile(r"(?:this|it|these|they)\s(?!\w+\s(?:of|that)\b)", re.I)
"""A statement whose subject stands for a heading: it cannot answer what it is said of."""
_PERSON = re.compile(r"^(?:who|someone|people|users?|developers?|we|one|authors?)\b", re.I)
# Predicates that would ask for a thing by an opinion or by its being there.
_EMPTY_PREDICATE = re.compile(r"^(?:(?:work|look|seem|appear|exist|happen|help|need|apply|become|remain|go|"
                              r"come|behave|make|suffice|matter|vary|act|play|get)s?\b|\w+ly\b|(?:a |an |"
                              r"the )?(?:good|bad|common|valid|useful|great|nice|similar|same|best|easiest|"
                              r"simplest|example|way|most|important)\b|(?:likely|able|also|now|not|no|never|"
                              r"to|up|just|often|true|false|only|available|in|on|at|of|from|for|with|by|as|"
                              r"under|there|optional|required|possible|documented|described|discussed|called|"
                              r"known|shown|listed|mentioned|introduced|presented|explained|by convention|"
                              r"still|which|what|whether|how|why|special|already|being|in turn|therefore|thus|"
                              r"a bit|somewhat|very|quite|so|too)\b)", re.I)
_COUNTED = re.compile(r"\b(?:pair|both|between|two|three|four|five|six)\b.*,", re.I)
_NOT_ASKED_BACK = re.compile(r"\bnot\b|n['’]t\b| \(")


@dataclass(frozen=True)
class QuestionDraft:
    """A question and a second wording of it; templates with a lower rank give better questions."""

    rank: int
    first: str
    second: str
    """Empty if there is no second wording."""
    test: str = ""
    """A wording for the test alone; empty if it is to be made from the first one (`rewording`)."""


Template = Callable[[str, PageContext, Collection[str]], Iterator[QuestionDraft]]
"""(a statement, its headings, the words that occur in lower case) -> the questions that it answers."""


def draft_questions(sentence: str, context: PageContext, known_lower: Collection[str]) -> Iterator[QuestionDraft]:
    """All questions that a sentence answers, with their context added where necessary.

    Args:
        sentence: the statement, with backticks around code.
        context: the headings and page of the sentence.
        known_lower: words that occur in lower case, to distinguish a name from a sentence's first word.
    """
    statement = sentence.strip().rstrip(".!。 ")
    while (shorter := _CONNECTOR.sub("", statement)) != statement:
        statement = shorter[:1].upper() + shorter[1:]
    for template in TEMPLATES:
        for draft in template(statement, context, known_lower):
            if is_whole(draft.first):
                # A different opening as well: otherwise two long questions could be near-duplicates.
                second = re.sub(r"^Regarding ", "When it comes to ", draft.second)
                yield replace(draft, second=second if second and is_whole(second) else "")


def _from_default(statement: str, context: PageContext, known_lower: Collection[str]) -> Iterator[QuestionDraft]:
    """`By default, X does Y.`, and under the heading of a setting `The default is V` or `Defaults to V`."""
    if is_entry(context.name) and _DEFAULT_OF_ENTRY.match(statement):
        yield QuestionDraft(0, with_context(f"What does {context.name} default to?", context),
                            with_context(f"Which default value has {context.name}?", context))
    found = _BY_DEFAULT.match(statement)
    clause = parse_clause(found[1], context, known_lower) if found else None
    if not clause or not _is_specific(clause.subject, context, 1):
        return
    if clause.verb not in BE:
        helper = "do" if is_verb(clause.verb) else "does"
        yield QuestionDraft(1, with_context(f"What {helper} {clause.subject} do by default?", context),
                            with_context(f"What is the default behavior of {clause.subject}?", context))
    elif wordings := question_wordings(clause):
        yield QuestionDraft(1, with_context(f"{wordings[0].rstrip('?')} by default?", context),
                            with_context(f"Which default holds for {clause.subject}?", context))


def _from_entry(statement: str, context: PageContext, known_lower: Collection[str]) -> Iterator[QuestionDraft]:
    """`Installs a package.` or `A proxy to use.` after a heading that names what it describes."""
    named_alone = context.name.istitle() and context.name.isalpha() and context.name.lower() not in known_lower
    if not (context.opens and (is_entry(context.name) or named_alone)):
        return
    first, _, rest = statement.partition(" ")
    verb = base_form(first.lower()) or (first.lower() if first.lower() in IMPERATIVES else "")
    if verb and len(specific_words(rest)) >= 2 and not re.match(r"(?:is|are|was|if|that|not|or|to)\b", rest):
        question = f"What does {context.name} {verb if verb in _OF_A_REPLY else 'do'}?"
        told = _cut(rest)
        back = f"What {first.lower()} {told}?" if verb != first.lower() and _DETERMINED.match(told) else ""
        yield QuestionDraft(1, question if named_alone else with_context(question, context),
                            with_context(back or f"Which purpose does {context.name} serve?", context,
                                         context.name if back else ""))
    elif _VERBLESS.match(statement) and not parse_clause(statement, context, known_lower):
        yield QuestionDraft(2, with_context(named("is", context.name), context),
                            with_context(f"How is {context.name} best described?", context))


def _from_change(statement: str, context: PageContext, known_lower: Collection[str]) -> Iterator[QuestionDraft]:
    """`Changed in version 3.8: ...` under the heading of what was changed."""
    found = _CHANGED.match(statement)
    if found and is_entry(context.name) and len(specific_words(found[3])) >= 3:
        did = {"Changed": "changed in", "Deprecated": "is deprecated in"}.get(found[1], "is new in")
        yield QuestionDraft(4, with_context(f"What {did} {context.name} since version {found[2]}?", context),
                            with_context(f"Which change came to {context.name} with version {found[2]}?", context))


def _from_purpose(statement: str, context: PageContext, known_lower: Collection[str]) -> Iterator[QuestionDraft]:
    """`To do Y, ...`, `If you want to do Y, ...`, `Use X to do Y`, `You can do Y by ...`."""
    aim = _PURPOSE.match(statement) or _AIM.match(statement)
    if aim and len(specific_words(aim[1])) >= 2:
        yield QuestionDraft(1, with_context(f"How do you {aim[1]}?", context),
                            with_context(f"What is the way to {aim[1]}?", context))
    used = _USE.match(statement)
    if used and len(used[1].split()) <= 6 and len(specific_words(_cut(used[2]))) >= 2:
        yield QuestionDraft(1, with_context(f"What can you use to {_cut(used[2])}?", context, used[1]),
                            with_context(f"What is {used[1]} used for?", context))
    how = _HOW_YOU.match(statement)
    if how and len(how[2].split()) <= 14 and len(specific_words(how[2])) >= 2:
        yield QuestionDraft(2, with_context(f"How can you {how[2]}?", context),
                            with_context(f"What is the way to {how[2]}?", context))


def _from_list(statement: str, context: PageContext, known_lower: Collection[str]) -> Iterator[QuestionDraft]:
    """`There are two kinds of X: ...`."""
    there = _THERE.match(statement)
    if there and ":" in there[2] and 1 <= len(specific_words(_cut(there[2]))) <= 10:
        yield QuestionDraft(3, with_context(f"What are the {there[1]}{_cut(there[2])}?", context),
                            with_context(f"Which {_cut(there[2])} are there?", context))


def _from_condition(statement: str, context: PageContext, known_lower: Collection[str]) -> Iterator[QuestionDraft]:
    """`If C, M.`"""
    found = _CONDITION.match(statement)
    if not found or _AIM.match(statement):
        return
    # `If set to true` refers to what the heading names.
    about_heading = len(context.name.split()) <= 2 and _OF_A_SETTING.match(found[2]) \
        and (context.opens or is_entry(context.name))
    case = f"{context.name} is {found[2]}" if about_heading else found[2]
    fewest = 1 if about_heading else 2
    if not 3 <= len(case.split()) <= 18 or _NO_CONDITION.match(case) or not _FINITE.search(case) \
            or _TWO_CLAUSES.search(case) or _POINTER.search(found[3]) \
            or len(specific_words(case)) < fewest or len(specific_words(found[3])) < 2:
        return
    when, main = f"{found[1].lower()} {case}", found[3]
    you = re.match(r"you (can|must|should|need to|have to)\b", main, re.I)
    if you or main.split()[0].lower() in IMPERATIVES | _REQUESTS:
        modal = you[1].lower() if you else ""
        asked = "is to be done" if not you else f"do you {modal} do" if " " in modal else f"{modal} you do"
        if len(specific_words(case)) >= 3:
            yield QuestionDraft(3, with_context(f"What {asked} {when}?", context),
                                with_context(f"Which step is right {when}?", context))
        return
    if _NO_CONSEQUENCE.search(main):
        return
    clause = parse_clause(main, context, known_lower)
    wordings = question_wordings(clause) if clause else None
    second = f"{wordings[0].rstrip('?')} {when}?" if wordings else f"Which behavior is to be expected {when}?"
    yield QuestionDraft(2, with_context(f"What happens {when}?", context), with_context(second, context))


def _from_clause(statement: str, context: PageContext, known_lower: Collection[str]) -> Iterator[QuestionDraft]:
    """`X is`, `X must`, `X returns`: asks for the predicate, and for X."""
    clause = parse_clause(statement, context, known_lower)
    if not clause:
        return
    said = "" if _STANDS_FOR.match(statement) else _said_of_subject(clause)
    thing, they = ("things", "they") if clause.verb in ("are", "were") else ("thing", "it")
    back, test = (with_context(f"{asked} {said}?", context, clause.subject) if said else "" for asked in (
        "What", f"Of which {thing} does the documentation say that {they}"))
    forward = question_wordings(clause)
    if forward and _is_specific(clause.subject, context, forward[2]):
        question, other, rank = forward
        yield QuestionDraft(rank, with_context(question, context), with_context(other, context) if other else back)
    if back:
        yield QuestionDraft(3, back, "", test.replace("Regarding ", "Speaking of ", 1))


def _said_of_subject(clause: Clause) -> str:
    """Verb and predicate, where they tell the subject from all others; else empty."""
    predicate = _cut(clause.rest)
    plural = clause.verb not in ("are", "were") and (is_verb(clause.verb) or clause.verb in ("have", "do"))
    emphatic = clause.verb == "does"
    if plural or emphatic or not 4 <= len(predicate.split()) <= _MAX_PREDICATE_WORDS or _PERSON.match(clause.subject) \
            or len(specific_words(predicate)) < _FEWEST_SPECIFIC or not specific_words(clause.subject) \
            or _EMPTY_PREDICATE.match(predicate) or _EMPTY_PREDICATE.match(clause.verb) \
            or predicate.count(",") > 1 or _NOT_ASKED_BACK.search(predicate) or _breaks_a_list(clause.rest, predicate) \
            or _reads_as_definition(clause.verb, predicate):
        return ""
    return f"{clause.verb} {predicate}"


def _breaks_a_list(rest: str, predicate: str) -> bool:
    """Whether what was cut off is the last item of a list that the predicate counts: `a pair, A, and B`."""
    return bool(_COUNTED.search(predicate) and re.match(r",\s+(?:and|or)\b", rest[len(predicate):]))


def _reads_as_definition(verb: str, predicate: str) -> bool:
    """Whether `What is a P?` would ask what a P is, and not what is one."""
    return verb in BE and bool(re.match(r"(?:a|an|one)\b", predicate)) and len(specific_words(predicate)) < 5


TEMPLATES: tuple[Template, ...] = (_from_default, _from_entry, _from_change, _from_purpose, _from_list, _from_condition,
                                   _from_clause)


def _is_specific(subject: str, context: PageContext, rank: int) -> bool:
    """Whether a subject says what is meant: by itself, or with the headings that are named before the question."""
    telling = specific_words(subject)
    if subject in (context.name, f"the {context.name}") or any(not word.isalpha() for word in telling):
        return True
    return len(telling) >= (1 if rank <= 2 else 2)


def _cut(predicate: str) -> str:
    """A predicate without trailing clauses and parentheses."""
    shorter = _TAIL.sub("", predicate)
    return shorter.rstrip(" ,.:")
