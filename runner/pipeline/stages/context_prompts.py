"""Build prompts with context before the question (few-shot examples or passages), as much as fits. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from knowledge.passages import Passage
from store.events import PromptRecord, QuestionRecord


RESERVED_TOKENS = 256
"""Tokens that a prompt leaves free, at least, for the answer, or for a reference that is scored by likelihood."""


@dataclass(frozen=True)
class ContextItem:
    """One few-shot example or passage."""

    source: str
    """Id of the passage or of the training question."""
    text: str


@dataclass(frozen=True)
class ContextStyle:
    """The prompt template around the context items; `{question}` in `before` and `after` stands for the question."""

    before: str
    between: str
    after: str

    def prompt(self, texts: Sequence[str], question: str) -> str:
        """Return the prompt; without texts it is the bare question, as in every other arm."""
        if not texts:
            return question
        before, after = (part.replace("{question}", question) for part in (self.before, self.after))
        return before + self.between.join(texts) + after


# No "Answer:" at the end: the embedded student, a chat model, gave an empty answer to 15 of 40 such prompts.
EXAMPLES = ContextStyle("Here are questions with their answers.\n\n", "\n\n",
                        "\n\nNow answer this question: {question}")
PASSAGES = ContextStyle("Answer the question with the help of these notes.\n\n", "\n\n", "\n\nQuestion: {question}")
PASSAGES_BETWEEN = ContextStyle("Question: {question}\n\nNotes:\n\n", "\n\n",
                                "\n\nAnswer the question with the help of these notes: {question}")


def passages_style(question_before: bool) -> ContextStyle:
    """Return the template for passages: the question before and after them, or only after them.

    A model that reads from left to right knows what to look for if it has read the question (Liu et al. 2023,
    "Lost in the Middle", call this query-aware contextualization).
    """
    return PASSAGES_BETWEEN if question_before else PASSAGES


def passage_item(passage: Passage) -> ContextItem:
    """Format a passage as it stands before a question, in the retrieval arms and in training alike."""
    return ContextItem(passage.id, f"{passage.title}: {passage.text}")


def example(question: QuestionRecord, reference: str) -> ContextItem:
    """Format a training pair as a few-shot example."""
    return ContextItem(question.question_id, f"Question: {question.text}\nAnswer: {reference}")


def fit_prompt(question: QuestionRecord, context_items: Sequence[ContextItem], style: ContextStyle,
               fits: Callable[[str], bool]) -> PromptRecord:
    """Build the prompt with the first `context_items` that fit, and count those left out.

    If not even the first item fits, it is truncated at the end to whole words.

    Args:
        fits: whether a prompt leaves room for the answer in the student's context window.
    """
    for count in range(len(context_items), 0, -1):
        text = style.prompt([item.text for item in context_items[:count]], question.text)
        if fits(text):
            return PromptRecord(question.question_id, text, tuple(item.source for item in context_items[:count]),
                                len(context_items) - count, cut=False)
    words = _longest_prefix(question, context_items[0].text.split(), style, fits) if context_items else []
    text = style.prompt([" ".join(words)] if words else [], question.text)
    sources = (context_items[0].source,) if words else ()
    return PromptRecord(question.question_id, text, sources, len(context_items) - len(sources), cut=bool(context_items))


def _longest_prefix(question: QuestionRecord, words: Sequence[str], style: ContextStyle,
                    fits: Callable[[str], bool]) -> Sequence[str]:
    """Return the longest prefix of the words that still fits, by binary search."""
    low, high = 0, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(style.prompt([" ".join(words[:middle])], question.text)):
            low = middle
        else:
            high = middle - 1
    return words[:low]
