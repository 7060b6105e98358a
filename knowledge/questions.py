"""Questions: what makes one fit to be asked, and the draw of them that the offline teacher uses."""

from __future__ import annotations

import hashlib
import random
import re
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from knowledge.domain import Domain
from knowledge.near_duplicates import NearDuplicateIndex, find_near_duplicate, normalize
from knowledge.passages import Passage
from knowledge.split import held_out_passages, practice_passages

__all__ = ["GENERAL", "HELD_OUT", "NEW_TOPIC", "PARAPHRASE", "PRACTICE", "TIERS", "Question", "draw_questions",
           "validation_errors",
           "question_id", "find_near_duplicate"]

PRACTICE = "practice"
PARAPHRASE = "paraphrase"
HELD_OUT = "held-out"
NEW_TOPIC = "new-topic"
TIERS = (PRACTICE, PARAPHRASE, HELD_OUT, NEW_TOPIC)
"""The tiers that a teacher asks questions for."""
GENERAL = "general"
"""The tier of the project's own everyday questions (`knowledge/general_questions.py`)."""

FEWEST_WORDS, MOST_WORDS = 4, 40

_ASKING = frozenset(re.findall(r"[\w-]+", """
what which who whom whose when where why how is are was were do does did can could should would will may must has
have name describe explain
"""))
_LEADING = frozenset(re.findall(r"[\w-]+", """
in on at for from with without under by to of if when while after before during given once suppose besides among
between within inside until although since as through unlike apart why beyond instead
"""))
# Wording that asks wherever it stands: "Load dropped a minute ago; which mechanism delays the shrinking?"
_ASKING_ANYWHERE = _ASKING & frozenset(re.findall(r"[\w-]+", "what which who whom whose when where why how"))
_TEXT = r"(?:text|passage|document|paragraph|section|excerpt|article|context|statement)"
_LEANING = re.compile(rf"\b(?:this|that) {_TEXT}\b|\bthe (?:passage|excerpt|paragraph|article)\b|\bthe above\b|"
                      rf"\bthe {_TEXT} (?:above|below|says|states|mentions|describes)\b|"
                      r"\baccording to (?:the|this) (?:text|document(?:ation)?|note|description|section)\b|"
                      r"\b(?:mentioned|described|given|listed|shown|stated) (?:above|below|here)\b", re.I)


@dataclass(frozen=True)
class Question:
    """One question, where its answer stands and what it is asked for."""

    id: str
    """Hash (16 hex digits) of the text alone: the same question has the same id in every tier and run."""
    text: str
    topic: str
    tier: str
    """One of TIERS, or GENERAL."""
    passage_id: str
    evidence: str
    """A span of the passage that holds the answer."""
    title: str
    """Title of the passage."""


def question_id(text: str) -> str:
    """The id of a question: case, punctuation and white space do not count."""
    return hashlib.sha256(normalize(text).encode()).hexdigest()[:16]


def validation_errors(text: str, evidence: str, passage: Passage) -> list[str]:
    """Why a question must not be asked; empty when it may."""
    found = []
    if not text.rstrip().endswith("?"):
        found.append("does not end in a question mark")
    if not _asks(text):
        found.append("does not ask like a question")
    if not FEWEST_WORDS <= len(text.split()) <= MOST_WORDS:
        found.append(f"has {len(text.split())} words, not {FEWEST_WORDS} to {MOST_WORDS}")
    if leaning := _LEANING.search(text):
        found.append(f"leans on a text the reader does not see: {leaning[0]!r}")
    if not evidence.strip() or _folded(evidence) not in _folded(passage.text):
        found.append("its evidence does not occur in the passage")
    return found


def evidence_of(passage: Passage) -> str:
    """The sentence of a passage that holds most of its key terms."""
    spans = [span.strip() for span in re.split(r"(?<=[.!?])\s+(?=[A-Z])", passage.text)]
    return max(spans, key=lambda span: sum(term.casefold() in span.casefold() for term in passage.key_terms))


def draw_questions(domain: Domain, topics: Sequence[str], count: int, tier: str, seed: int,
                   exclude_texts: Iterable[str] = (), exclude_passages: Iterable[str] = (),
                   only_passages: Collection[str] | None = None) -> list[Question]:
    """Draws questions: evenly over the topics, notes and API reference by turns, no twins.

    Practice and paraphrase take passages of the practice side, the other tiers held-out ones without a
    near twin there. First wordings come first (last wordings for paraphrases); further ones follow when
    they run out. The same arguments give the same questions, on every machine.

    Args:
        topics: slugs; for `new-topic` those that are never trained.
        only_passages: ids to choose from, such as the practised ones for their paraphrases.

    Returns:
        As many as there are, at most `count`.
    """
    side = practice_passages(domain) if tier in (PRACTICE, PARAPHRASE) else held_out_passages(domain)
    barred = set(exclude_passages)
    allowed = [passage for passage in side if passage.id not in barred
               and (only_passages is None or passage.id in only_passages)]
    lines = [_passage_queue([passage for passage in allowed if passage.topic == slug], tier, f"{seed} {slug}")
             for slug in dict.fromkeys(topics)]
    return _drawn(lines, count, tier, NearDuplicateIndex(exclude_texts))


def _drawn(lines: list[deque[tuple[Passage, str]]], count: int, tier: str, asked: NearDuplicateIndex) -> list[Question]:
    """One question from each topic's line in turn, until there are enough or the lines are empty."""
    drawn: list[Question] = []
    while any(lines) and len(drawn) < count:
        for line in lines:
            question = _next_fit(line, tier, asked) if len(drawn) < count else None
            if question:
                drawn.append(question)
    return drawn


def _next_fit(line: deque[tuple[Passage, str]], tier: str, asked: NearDuplicateIndex) -> Question | None:
    while line:
        passage, text = line.popleft()
        evidence = evidence_of(passage)
        if not validation_errors(text, evidence, passage) and asked.twin_of(text) is None:
            asked.add(text)
            return Question(id=question_id(text), text=text, topic=passage.topic, tier=tier, passage_id=passage.id,
                            evidence=evidence, title=passage.title)
    return None


def _passage_queue(passages: list[Passage], tier: str, seed: str) -> deque[tuple[Passage, str]]:
    """All questions of a topic in the order they are to be asked."""
    order = _mixed(passages, random.Random(seed))
    rounds = max((len(passage.questions) for passage in order), default=0)
    line: deque[tuple[Passage, str]] = deque()
    for turn in range(rounds):
        wording = -1 - turn if tier == PARAPHRASE else turn
        line.extend((passage, passage.questions[wording]) for passage in order if turn < len(passage.questions))
    return line


def _mixed(passages: list[Passage], chance: random.Random) -> list[Passage]:
    """Notes and other sources by turns, each shuffled: half of a draw comes from notes while they last."""
    notes = [passage for passage in passages if passage.source == "notes"]
    others = [passage for passage in passages if passage.source != "notes"]
    chance.shuffle(notes)
    chance.shuffle(others)
    pairs = zip_longest(notes, others)
    return [passage for pair in pairs for passage in pair if passage is not None]


def _asks(text: str) -> bool:
    """Whether a text, or its last clause after a situation, begins as questions do."""
    words = re.findall(r"[\w'-]+", text.casefold())
    if not words or words[0] in _ASKING:
        return bool(words)
    clauses = [clause.split() for clause in re.split(r"[,;:.] ", text.casefold())]
    return (words[0] in _LEADING and bool(_ASKING.intersection(words))) or \
        bool(_ASKING_ANYWHERE.intersection(words)) or any(_ASKING.intersection(clause[:2]) for clause in clauses[1:])


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip().casefold()


def practised_passages(tier: str, asked: Sequence[Question]) -> Collection[str] | None:
    """The passages that a tier is bound to: paraphrases ask again about practised ones; None is no bond.

    Paraphrases that are asked for before any practice question may take every practice passage.
    """
    practised = {question.passage_id for question in asked if question.tier == PRACTICE}
    return practised if tier == PARAPHRASE and practised else None
