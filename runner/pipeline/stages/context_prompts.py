"""Prompts that put something before the question: practice pairs or passages, as much as the context holds. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from store.events import PromptRecord, QuestionRecord


@dataclass(frozen=True)
class ContextItem:
    """One thing that is put before the question."""

    source: str
    """Id of the passage or of the practice question."""
    text: str


@dataclass(frozen=True)
class ContextStyle:
    """The words around what is shown."""

    before: str
    between: str
    after: str
    """Holds `{question}`."""

    def prompt(self, texts: Sequence[str], question: str) -> str:
        """Without anything to show it is the bare question, as every other arm is asked it."""
        if not texts:
            return question
        return self.before + self.between.join(texts) + self.after.replace("{question}", question)


# No "Answer:" at the end: the embedded student, a chat model, answered 15 of 40 such prompts with nothing at all.
EXAMPLES = ContextStyle("Here are questions with their answers.\n\n", "\n\n",
                        "\n\nNow answer this question: {question}")
PASSAGES = ContextStyle("Answer the question with the help of these notes.\n\n", "\n\n", "\n\nQuestion: {question}")


def example(question: QuestionRecord, reference: str) -> ContextItem:
    """A practice pair as it is shown."""
    return ContextItem(question.question_id, f"Question: {question.text}\nAnswer: {reference}")


def fit_prompt(question: QuestionRecord, shown: Sequence[ContextItem], manner: ContextStyle,
               fits: Callable[[str], bool]) -> PromptRecord:
    """The prompt with as much of `shown` as fits, the first before the later ones; what was left out is counted.

    Where not even the first fits whole, it is cut off at the end, word by word.
    """
    for count in range(len(shown), 0, -1):
        text = manner.prompt([item.text for item in shown[:count]], question.text)
        if fits(text):
            return PromptRecord(question.question_id, text, tuple(item.source for item in shown[:count]),
                                len(shown) - count, cut=False)
    words = _most_words(question, shown[0].text.split(), manner, fits) if shown else []
    text = manner.prompt([" ".join(words)] if words else [], question.text)
    sources = (shown[0].source,) if words else ()
    return PromptRecord(question.question_id, text, sources, len(shown) - len(sources), cut=bool(shown))


def _most_words(question: QuestionRecord, words: Sequence[str], manner: ContextStyle,
                fits: Callable[[str], bool]) -> Sequence[str]:
    """The longest beginning that still fits: found by halving."""
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(manner.prompt([" ".join(words[:middle])], question.text)):
            low = middle
        else:
            high = middle - 1
    return words[:low]
