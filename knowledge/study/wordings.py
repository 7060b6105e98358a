"""Wordings of a passage's questions, by rule: what an unseen wording may share with them is varied, the rest dropped.

Words are left out and moved, title and topic come and go, and some wordings are nothing but words of the passage. The
key terms, which are the answer, are never put into a question.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from knowledge.study.passage_parts import Source, content_words, words

Wording = Callable[[str, Source, random.Random], str]
"""(a question of the passage, its source, random numbers) -> a wording of it; empty where the rule does not apply."""

_FRAMES = ("Please tell me: {}", "{} Explain.", "I would like to know: {}", "{} Answer briefly.", "Question: {}",
           "Can you help? {}", "{} What is the rule?", "Quick question. {}")
_ABOUT = ("What about {}?", "Explain {}.", "How do {} belong together?", "Tell me about {}.", "{}?",
          "Something is wrong with {}; why?", "What holds for {}?", "We look for help with {}; which rule applies?")


def framed(question: str, source: Source, rng: random.Random) -> str:
    """The question with a phrase before or behind it."""
    return rng.choice(_FRAMES).format(question)


def titled(question: str, source: Source, rng: random.Random) -> str:
    """The question after the passage's title."""
    return f"{source.title}: {question}"


def placed(question: str, source: Source, rng: random.Random) -> str:
    """The question after the topic's name."""
    return f"{source.topic.capitalize()}: {question}"


def thinned(question: str, source: Source, rng: random.Random) -> str:
    """The question without a random third of its words."""
    kept = [word for word in question.rstrip("?").split() if rng.random() > 0.35]
    return " ".join(kept or question.split()) + "?"


def reordered(question: str, source: Source, rng: random.Random) -> str:
    """The clauses of the question in another order; its content words where it has only one clause."""
    clauses = [part.strip() for part in re.split(r"[,;]\s+(?:and\s+)?", question.rstrip("?")) if part.strip()]
    if len(clauses) < 2:
        clauses = content_words(question)
    order = rng.sample(clauses, len(clauses))
    return f"{', '.join(order)}?"


def keywords(question: str, source: Source, rng: random.Random) -> str:
    """Some content words of the question, as people type them into a search box."""
    found = content_words(question)
    return " ".join(_some(found, rng, 3, 6))


def about_words(question: str, source: Source, rng: random.Random) -> str:
    """A question about random words of the passage, of its title and of the question, none of them a key term."""
    found = list(dict.fromkeys((*source.plain_words, *content_words(source.title), *content_words(question))))
    picked = _some([word for word in _without_terms(found, source) if len(word) > 2], rng, 2, 5)
    return rng.choice(_ABOUT).format(_listed(picked)) if len(picked) >= 2 else ""


def about_fragment(question: str, source: Source, rng: random.Random) -> str:
    """A question about a run of words of one sentence, cut where a key term begins."""
    sentence = rng.choice(source.sentences)
    text = sentence
    for term in source.passage.key_terms:
        text = re.sub(re.escape(term), "\n", text, flags=re.IGNORECASE)
    runs = [run for part in text.split("\n") if len(run := words(part)) >= 4]
    if not runs:
        return ""
    run = rng.choice(runs)
    length = min(len(run), rng.randint(4, 8))
    start = rng.randint(0, len(run) - length)
    return rng.choice(("How does it come that {}?", "Explain: {}.", "{}: what is meant?", "Why {}?",
                       "What does it mean that {}?")).format(" ".join(run[start:start + length]))


def joined(question: str, source: Source, rng: random.Random) -> str:
    """A part of the question, and words of the passage behind it."""
    ours = _some(content_words(question), rng, 2, 4)
    theirs = _some(_without_terms(list(source.plain_words), source), rng, 1, 3)
    return f"{' '.join(ours)}, {_listed(theirs)}?" if theirs else ""


def noised(question: str, source: Source, rng: random.Random) -> str:
    """The question without a fifth to two thirds of its words, and with some words of questions of other facts.

    In half of the cases it begins at another word. Deletion, rotation and insertion of tokens as noise: Wei and Zou
    2019, "EDA"; Lewis et al. 2020, "BART".
    """
    return " ".join(_turned(_with_strange_words(_kept(question, rng.uniform(0.33, 0.8), rng), source, rng), rng))


def mixed(question: str, source: Source, rng: random.Random) -> str:
    """Some words of the question and of another question of the passage; empty without another."""
    others = [other for other in source.passage.questions if other != question]
    if not others:
        return ""
    share = rng.uniform(0.25, 0.5)
    parts = [_kept(text, share, rng) for text in rng.sample((question, rng.choice(others)), 2)]
    return " ".join(_with_strange_words([*parts[0], *parts[1]], source, rng))


def _kept(text: str, share: float, rng: random.Random) -> list[str]:
    return [word for word in text.split() if rng.random() < share]


def _turned(found: list[str], rng: random.Random) -> list[str]:
    first = rng.randrange(len(found)) if found and rng.random() < 0.5 else 0
    return found[first:] + found[:first]


def _with_strange_words(found: list[str], source: Source, rng: random.Random) -> list[str]:
    """The words with a sixth as many of a question of another fact of the topic among them."""
    if not source.foreign_questions or not found:
        return found
    strange = rng.choice(source.foreign_questions).split()
    for _ in range(round(len(found) / 6)):
        found.insert(rng.randrange(len(found) + 1), rng.choice(strange))
    return found


WORDINGS: dict[str, Wording] = {
    "as asked": lambda question, source, rng: question, "framed": framed, "titled": titled, "topic first": placed,
    "thinned": thinned, "reordered": reordered, "keywords": keywords, "about words": about_words,
    "about a fragment": about_fragment, "joined": joined}
"""Name -> rule, in the order in which they are used."""

NOISE: dict[str, Wording] = {"words left out": noised, "words of two questions": mixed}
"""Name -> rule of the questions that are nothing but words of those as asked, used in turn."""

ENGLISH_WORDINGS = frozenset(("framed", "about words", "about a fragment", "joined"))
"""Those of them that add English words."""

TITLE_WORDINGS = ("What should one know about {title}?", "Tell me about {title}.", "{title}", "Explain {title}.",
                  "{topic}: {title}?", "What is the rule on {title}?", "I need help with {title}.")
BARE_TITLE_WORDINGS = ("{title}", "{topic}: {title}?")
"""Those of them that add no word."""


def _some(found: list[str], rng: random.Random, fewest: int, most: int) -> list[str]:
    """Between `fewest` and `most` of the words, as far as there are so many, in random order."""
    return rng.sample(found, min(len(found), rng.randint(fewest, most)))


def _without_terms(found: list[str], source: Source) -> list[str]:
    hidden = [term.casefold() for term in source.passage.key_terms]
    return [word for word in found if not any(word.casefold() in term or term in word.casefold() for term in hidden)]


def _listed(found: list[str]) -> str:
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}" if found else ""
