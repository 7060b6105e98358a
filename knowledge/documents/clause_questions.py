"""Word questions about a parsed statement: for what is said of its subject, by verb and voice.

A statement whose question would be vague ("What is true of X?", "What happens to X?") is not asked about here.
"""

from __future__ import annotations

import re

from knowledge.documents.clause_parser import Clause
from knowledge.documents.verb_lexicon import BE, MODALS, PREPOSITIONAL, REPORTING, base_form, is_participle, is_verb

# A question about the predicate, a second wording (or "": ask for the subject instead), and the rank.
Wordings = tuple[str, str, int]
_USED_FOR = re.compile(r"^(?:be )?(?:used|useful|intended|designed|meant)\s+(?:to(?!\s+be\b)|for)\b", re.I)
_WHEN = re.compile(r"(?<! as)\s(?:when|whenever|if|unless|once|after|before|while)\s")
_HOW = re.compile(r"^\w+(?:\s\w+ly)?\s(?:by|using|via|through|with)\s(?!default\b)")
ASKED_WITH = REPORTING - {"need", "set", "take", "give", "use", "cause", "put", "display", "introduce", "affect",
                          "mean"}
"""Verbs that are asked with; what the others say needs more than their object."""
_SAY_LITTLE = frozenset(("come", "go", "become", "remain", "behave", "happen", "occur", "exist", "work", "wait", "know",
                         "follow", "begin", "end", "turn", "grow", "fail", "let"))
_VAGUE_OBJECT = re.compile(r"(?:some|a lot|great|much|more|many|the same|this|these|that|such|only|not|no|it|"
                           r"them|its own|their own|support for|a way|additional|several|various|other|"
                           r"another|all|any|and|or|to\b(?! be)|too|less|both)\b|[,;]", re.I)
_OPINION = re.compile(r"(?:(?:an?|the|one|of) )*(?:very |quite |rather )?(?:good|bad|common|valid|useful|"
                      r"great|nice|bit|lot|similar|different|few|part|number|couple|only|same|best|most|main|"
                      r"reason|problem|example|little|way|thing|possible|result|fairly|convenient|handy|"
                      r"simple|powerful|important|big|huge|means|consequence|effect|list of|first|last|next|"
                      r"question|matter|point|case|exception|issue|bug|work)\b", re.I)
# "Taking the time to ... makes" is an opinion, "the second bit is" goes on from a text before.
_NO_QUESTION_ABOUT = re.compile(r"\w+ing\s|(?:the )?(?:first|second|third|fourth|last|next|other|final|only|"
                                r"main)\b", re.I)
_VALUE = re.compile(r"(?:the )?(?:default|minimum|maximum|initial|smallest|largest|size|length|limit|port|number|value|"
                    r"version|name|type|file name|unit|range|format|exit)\b", re.I)
# "held by two readers" says who, "considered to match" says what; neither says how or when.
_NOT_ASKED_PASSIVE = re.compile(r"(?:held|required|needed|used|supported|known|wanted|shared) by\b|"
                                r"(?:considered|said|supposed|known|thought|believed) (?:to|as|an?)\b")
_IS_VALUE = re.compile(r"[`\d\"'“]|[A-Z]{2,}\b|(?:zero|one|two|three|ten|true|false|on|off)\b")
_PLACED = frozenset(re.findall(r"\w+", """
stored kept located placed written found installed saved defined recorded declared configured logged cached held
"""))
"""Participles that are asked with "where"."""
_ASKED_PASSIVE = dict(re.findall(r"(\w+) (\w+)", """
derived from, based on, taken from, computed from, determined by, controlled by, represented by, converted to,
mapped to, limited to, restricted to, replaced by, followed by, separated by, preceded by, translated into, appended to,
read from, interpreted as, treated as, passed to, added to, set to, applied to, inherited from, composed of, built from,
bound to, used as, identified by, made of, encoded as, returned as, intended for, associated with
"""))
"""Participle -> the preposition that it is asked with: "What is X derived from?"."""


def question_wordings(clause: Clause) -> Wordings | None:
    """A question about the predicate, a second wording (or ""), and the rank; None if there is no good wording."""
    if _NO_QUESTION_ABOUT.match(clause.subject):
        return None
    if clause.verb in BE:
        return _wordings_of_being(clause)
    if clause.verb in MODALS:
        return _wordings_of_modal(clause)
    subject, base = clause.subject, base_form(clause.verb) or clause.verb
    helper = "do" if is_verb(clause.verb) or clause.verb in ("have", "do") else "does"
    if base in ("has", "have", "does", "do") or _VAGUE_OBJECT.match(clause.rest):
        return None
    if base in PREPOSITIONAL:
        ending = PREPOSITIONAL[base]
        return (f"What {helper} {subject} {base} {ending}?", "", 2) if clause.rest.startswith(f"{ending} ") else None
    if base in ("allow", "enable") and re.match(r"(?:you|one|users|us) to\b", clause.rest):
        return f"What {helper} {subject} {base} you to do?", f"What becomes possible with {subject}?", 1
    if base in ASKED_WITH:
        return f"What {helper} {subject} {base}?", "", 2
    if base in _SAY_LITTLE or (base in ("get", "gets") and is_participle(clause.rest.split(maxsplit=1)[0].lower())):
        return None  # "gets called by" says what is done to X
    return (f"What {helper} {subject} do?", "", 3) if "`" in subject else None


def _wordings_of_being(clause: Clause) -> Wordings | None:
    subject, verb, rest = clause.subject, clause.verb, clause.rest
    first = rest.split(maxsplit=1)[0].lower()
    if _USED_FOR.match(rest):
        helper = "do" if verb == "are" else "does"
        return f"What {verb} {subject} used for?", f"Which purpose {helper} {subject} serve?", 1
    if first in ("a", "an") or (first in ("the", "one") and len(rest.split()) > 4):
        first_word = subject.split(maxsplit=1)[0].lower()
        opinion = _OPINION.match(rest) or first_word in ("any", "all", "each", "every", "both")
        return None if opinion else (named(verb, subject), f"How {verb} {subject} best described?", 0)
    if is_participle(first):
        return _wordings_of_passive(f"{verb} {subject}", rest)
    if _VALUE.match(subject) and _IS_VALUE.match(rest):
        return f"What {verb} {subject}?", f"Which value {'do' if verb == 'are' else 'does'} {subject} have?", 0
    return None


def _wordings_of_passive(asked: str, rest: str) -> Wordings | None:
    """What is asked about `X is done by ...`; `asked` is the verb and its subject, or a modal, subject and `be`."""
    did = rest.split(maxsplit=1)[0].lower()
    if _NOT_ASKED_PASSIVE.match(rest):
        return None
    if _HOW.match(rest):
        return f"How {asked} {did}?", "", 2
    if _WHEN.search(rest.partition(",")[0]) and len(rest.split()) > 4:
        return f"When {asked} {did}?", f"Under which condition {asked} {did}?", 2
    if did in _PLACED and re.match(r"\w+(?: \w+ly)? (?:in|at|under|inside|within)\s", rest):
        return f"Where {asked} {did}?", f"In which place {asked} {did}?", 2
    if preposition := _ASKED_PASSIVE.get(did, ""):
        return (f"What {asked} {did} {preposition}?", "", 2) if re.match(rf"\w+ {preposition}\s", rest) else None
    return None


def named(verb: str, subject: str) -> str:
    """`What is X?`, made longer if X is one word, since a question needs at least four words."""
    return f"What {verb} {subject}?" if " " in subject else f"What {verb} meant by {subject}?".replace("are", "is", 1)


def _wordings_of_modal(clause: Clause) -> Wordings | None:
    subject, modal, rest = clause.subject, clause.verb, clause.rest
    first, _, behind = rest.partition(" ")
    if modal == "cannot" or first == "not" or not behind:
        return None
    if first.lower() in ASKED_WITH:
        return f"What {modal} {subject} {first.lower()}?", "", 2
    if first != "be":
        return None
    if _USED_FOR.match(rest):
        return f"What {modal} {subject} be used for?", f"What is a use of {subject}?", 1
    if is_participle(behind.split(maxsplit=1)[0].lower()):
        return _wordings_of_passive(f"{modal} {subject} be", behind)
    if modal in ("must", "should") and len(behind.split()) > 1 and not _OPINION.match(behind):
        return f"What {modal} {subject} be?", "", 3
    return None
