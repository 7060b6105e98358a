"""Questions: validation, and drawing them from a domain's passages for the offline teacher."""

from __future__ import annotations

import hashlib
import random
import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from knowledge.domain import Domain
from knowledge.languages import QUESTION_MARKS, STOPS_WITHOUT_BLANK, is_another_language, is_english, word_count
from knowledge.near_duplicate_questions import NearDuplicateIndex, find_near_duplicate, normalize
from knowledge.passages import Passage
from knowledge.split import held_out_passages, practice_passages

__all__ = [
    "ANY_PASSAGE", "GENERAL", "HELD_OUT", "NEW_TOPIC", "PARAPHRASE", "PRACTICE", "TIERS", "PassageChoice", "Question",
    "draw_questions", "find_near_duplicate", "question_id", "validation_errors",
]

PRACTICE = "practice"
PARAPHRASE = "paraphrase"
HELD_OUT = "held-out"
NEW_TOPIC = "new-topic"
TIERS = (PRACTICE, PARAPHRASE, HELD_OUT, NEW_TOPIC)
"""The tiers for which a teacher writes questions."""
GENERAL = "general"
"""The tier of the general-knowledge questions (`knowledge/general_questions.py`)."""

FEWEST_WORDS, MOST_WORDS = 4, 40
FEWEST_WORDS_ELSEWHERE = 2
"""For languages other than English, some of which write in one word what English needs three for."""
_ENDS_AS_QUESTION = re.compile(rf"[{QUESTION_MARKS}]$|\u304b[\u3002\uff0e]?$")
"""A question mark of any script, or the Japanese particle."""

_QUESTION_WORDS = frozenset(re.findall(r"[\w-]+", """
what which who whom whose when where why how is are was were do does did can could should would will may must has
have name describe explain
"""))
_INTRODUCTORY_WORDS = frozenset(re.findall(r"[\w-]+", """
in on at for from with without under by to of if when while after before during given once suppose besides among
between within inside until although since as through unlike apart why beyond instead
"""))
# Question words that count anywhere: "Load dropped a minute ago; which mechanism delays the shrinking?"
_QUESTION_WORDS_ANYWHERE = frozenset(re.findall(r"[\w-]+", "what which who whom whose when where why how"))
_TEXT = r"(?:text|passage|document|paragraph|section|excerpt|article|context|statement)"
_TEXT_REFERENCE = re.compile(rf"\b(?:this|that) {_TEXT}\b|\bthe (?:passage|excerpt|paragraph|article)\b|\bthe above\b|"
                             rf"\bthe {_TEXT} (?:above|below|says|states|mentions|describes)\b|"
                             r"\baccording to (?:the|this) (?:text|document(?:ation)?|note|description|section)\b|"
                             r"\b(?:mentioned|described|given|listed|shown|stated) (?:above|below|here)\b", re.I)


_SENTENCE = re.compile(rf"(?<=[.!?])\s+(?=[^\W\d_a-z])|(?<=[{STOPS_WITHOUT_BLANK}])\s*(?=\S)")


@dataclass(frozen=True)
class Question:
    """One question, its passage and evidence, and its tier."""

    id: str
    """Hash (16 hex digits) of the text alone, the same in every tier and run."""
    text: str
    topic: str
    tier: str
    """One of TIERS, or GENERAL."""
    passage_id: str
    evidence: str
    """The span of the passage that contains the answer."""
    title: str
    """Title of the passage."""


@dataclass(frozen=True)
class PassageChoice:
    """Which passages questions are drawn from, besides the tier's side of the split."""

    only: frozenset[str] | None = None
    """Ids of the only passages to use; None: any."""
    exclude: frozenset[str] = frozenset()
    """Ids of passages that are not used."""

    def allows(self, passage_id: str) -> bool:
        return passage_id not in self.exclude and (self.only is None or passage_id in self.only)

    def for_tier(self, tier: str, earlier: Sequence[Question]) -> PassageChoice:
        """This choice; paraphrases without named passages are about those practised before, if any was."""
        practised = frozenset(question.passage_id for question in earlier if question.tier == PRACTICE)
        return replace(self, only=practised) if tier == PARAPHRASE and practised and self.only is None else self


ANY_PASSAGE = PassageChoice()


def question_id(text: str) -> str:
    """A question's id; ignores case, punctuation and white space."""
    return hashlib.sha256(normalize(text).encode()).hexdigest()[:16]


def validation_errors(text: str, evidence: str, passage: Passage) -> list[str]:
    """Reasons why a question is not acceptable; empty if it is.

    Their wording is part of the prompt for the next attempt, and thus of the response cache's key: keep it stable.
    """
    found = []
    english = is_english(passage.text) and not is_another_language(text)
    if not _ENDS_AS_QUESTION.search(text.rstrip()):
        found.append("does not end in a question mark")
    if english and not _is_question(text):
        found.append("does not ask like a question")
    fewest, words = FEWEST_WORDS if english else FEWEST_WORDS_ELSEWHERE, word_count(text)
    if not fewest <= words <= MOST_WORDS:
        found.append(f"has {words} words, not {fewest} to {MOST_WORDS}")
    if reference := _TEXT_REFERENCE.search(text):
        found.append(f"leans on a text the reader does not see: {reference[0]!r}")
    if not evidence.strip() or _folded(evidence) not in _folded(passage.text):
        found.append("its evidence does not occur in the passage")
    return found


def evidence_of(passage: Passage) -> str:
    """The sentence of a passage that contains most of its key terms."""
    spans = [span.strip() for span in _SENTENCE.split(passage.text) if span.strip()]
    return max(spans, key=lambda span: sum(term.casefold() in span.casefold() for term in passage.key_terms))


def draw_questions(domain: Domain, topics: Sequence[str], count: int, tier: str, seed: int,
                   exclude_texts: Iterable[str] = (), choice: PassageChoice = ANY_PASSAGE) -> list[Question]:
    """Draw questions evenly over the topics, alternating notes and API reference, without near-duplicates.

    Practice and paraphrase use passages of the practice side, the other tiers held-out ones without a near-duplicate
    there. Each passage's first wording is used first, the others when those run out. Practice never uses a test
    question. A paraphrase is a test question; of a passage without one, its last wording that may be trained on comes
    first. The same arguments give the same questions on every machine.

    Args:
        topics: slugs; for `new-topic`, topics that are never trained on.
        exclude_texts: questions of which no near-duplicate is drawn.
        choice: the passages to draw from.

    Returns:
        At most `count` questions, fewer if there are no more.
    """
    side = practice_passages(domain) if tier in (PRACTICE, PARAPHRASE) else held_out_passages(domain)
    allowed = [passage for passage in side if choice.allows(passage.id)]
    queues = [_passage_queue([passage for passage in allowed if passage.topic == slug], tier, f"{seed} {slug}")
              for slug in dict.fromkeys(topics)]
    return _drawn(queues, count, tier, NearDuplicateIndex(exclude_texts))


def _drawn(queues: list[deque[tuple[Passage, str]]], count: int, tier: str,
           index: NearDuplicateIndex) -> list[Question]:
    """Take one question from each topic's queue in turn, until there are enough or the queues are empty."""
    drawn: list[Question] = []
    while any(queues) and len(drawn) < count:
        for queue in queues:
            question = _next_valid(queue, tier, index) if len(drawn) < count else None
            if question:
                drawn.append(question)
    return drawn


def _next_valid(queue: deque[tuple[Passage, str]], tier: str, index: NearDuplicateIndex) -> Question | None:
    while queue:
        passage, text = queue.popleft()
        # Looked up first: it is quicker, and a late cycle meets all that the earlier ones drew.
        if index.find(text) is None and not validation_errors(text, evidence := evidence_of(passage), passage):
            index.add(text)
            return Question(id=question_id(text), text=text, topic=passage.topic, tier=tier, passage_id=passage.id,
                            evidence=evidence, title=passage.title)
    return None


def _passage_queue(passages: list[Passage], tier: str, seed: str) -> deque[tuple[Passage, str]]:
    """All questions of a topic, in drawing order."""
    order = _interleaved(passages, random.Random(seed))
    rounds = zip_longest(*([(passage, text) for text in wordings_for(tier, passage)] for passage in order))
    return deque(pair for one_each in rounds for pair in one_each if pair is not None)


def wordings_for(tier: str, passage: Passage) -> tuple[str, ...]:
    """The wordings of a passage that a tier may use, in the order in which they are drawn."""
    if tier == PRACTICE:
        return passage.questions
    if tier == PARAPHRASE:
        return passage.test_questions or passage.questions[::-1]
    return passage.wordings


def _interleaved(passages: list[Passage], rng: random.Random) -> list[Passage]:
    """Notes alternating with other sources, each shuffled: half of a draw comes from notes while they last."""
    notes = [passage for passage in passages if passage.source == "notes"]
    others = [passage for passage in passages if passage.source != "notes"]
    rng.shuffle(notes)
    rng.shuffle(others)
    pairs = zip_longest(notes, others)
    return [passage for pair in pairs for passage in pair if passage is not None]


def _is_question(text: str) -> bool:
    """Whether a text, or a clause after an introductory one, begins like a question."""
    words = re.findall(r"[\w'-]+", text.casefold())
    if not words or words[0] in _QUESTION_WORDS:
        return bool(words)
    clauses = [clause.split() for clause in re.split(r"[,;:.] ", text.casefold())]
    return (words[0] in _INTRODUCTORY_WORDS and bool(_QUESTION_WORDS.intersection(words))) or \
        bool(_QUESTION_WORDS_ANYWHERE.intersection(words)) or \
        any(_QUESTION_WORDS.intersection(clause[:2]) for clause in clauses[1:])


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().casefold()
