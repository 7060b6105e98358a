"""Generate the offline teacher's questions about a folder's passages, all different between passages."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from knowledge.documents.chunking import Chunk
from knowledge.documents.document import plain, tidy
from knowledge.documents.entry_names import bare_heading
from knowledge.documents.question_checks import adds_to, is_whole, may_be_asked, specific_words
from knowledge.documents.question_templates import QuestionDraft, draft_questions
from knowledge.documents.rewording import reworded
from knowledge.documents.subject_phrases import PageContext, page_context, with_context
from knowledge.near_duplicate_questions import NearDuplicateIndex, is_near_duplicate
from knowledge.passages import Passage
from knowledge.questions import validation_errors

# A sentence with a smaller share of these words is taken to be not English, and skipped.
_ENGLISH = frozenset(re.findall(r"\S+", """
the a an of to in is are and or for with be by on that it as from can you this not if when use used every each all
will must has have its at one which no any
"""))
_ENGLISH_SHARE = 0.15
# A heading that asks what its section answers.
_ASKING = re.compile(r"(?:how|what|why|when|where|which|who|can|does|do|is|are|should) .{8,}\?$", re.I)
_ASKED_BY_HEADING = -1


@dataclass(frozen=True)
class GeneratedQuestions:
    """A passage's questions and its sentence that answers them; all empty if none could be generated."""

    questions: tuple[str, ...] = ()
    sentence: str = ""
    rewording: str = ""
    """The same question in other words, for the test; empty if there is none. It may repeat another question."""


class QuestionGenerator:
    """Generates questions for the passages of one folder; keeps track of them, so that each is about one passage."""

    def __init__(self, project: str, known_lower: Collection[str] = frozenset()) -> None:
        """`project` is the folder's display name; `known_lower` are the words that occur in lower case."""
        self._project = project
        self._known_lower = known_lower
        self._asked = NearDuplicateIndex()

    def generate(self, chunk: Chunk, passage: Passage) -> GeneratedQuestions:
        """One or two wordings with the same answer, new in this folder; empty if no good ones are found."""
        context = page_context(chunk, self._project)
        for sentence, draft in ranked_drafts(chunk, context, self._known_lower):
            first, second = finished(draft.first), finished(draft.second)
            texts = (first, second) if second and not is_near_duplicate(first, second) else (first,)
            if self._is_new(texts) and not any(validation_errors(text, plain(sentence), passage) for text in texts):
                for text in texts:
                    self._asked.add(text)
                rewording = finished(draft.test or reworded(draft.first))
                fits = rewording and not validation_errors(rewording, plain(sentence), passage)
                return GeneratedQuestions(texts, sentence, rewording if fits else "")
        return GeneratedQuestions()

    def test_questions(self, generated: GeneratedQuestions) -> tuple[str, ...]:
        """The rewording as the passage's test question, unless a question of the folder nearly repeats it.

        To be called when `generate` was called for all passages: no question for training makes way for one of the
        test.
        """
        if not generated.rewording or self._asked.find(generated.rewording) is not None:
            return ()
        self._asked.add(generated.rewording)
        return (generated.rewording,)

    def _is_new(self, texts: tuple[str, ...]) -> bool:
        return all(self._asked.find(text) is None for text in texts)


def ranked_drafts(chunk: Chunk, context: PageContext, known_lower: Collection[str]) -> list[tuple[str, QuestionDraft]]:
    """Drafts for all sentences of a chunk, each with its sentence; best rank first, then earliest sentence."""
    found: list[tuple[str, QuestionDraft, int]] = []
    for index, sentence in enumerate(chunk.sentences):
        if _is_english(sentence) and may_be_asked(sentence):
            own_context = replace(context, opens=context.opens and not index)
            drafts = [*draft_questions(sentence, own_context, known_lower), *_from_heading(chunk, own_context)]
            found += [(sentence, draft, index) for draft in drafts if adds_to(draft.first, sentence)]
    return [(sentence, draft) for sentence, draft, _ in sorted(found, key=lambda entry: (entry[1].rank, entry[2]))]


def _from_heading(chunk: Chunk, context: PageContext) -> Iterator[QuestionDraft]:
    """The heading itself, where it is a question that the section's first sentence begins to answer."""
    heading = bare_heading(chunk.headings[-1])
    if context.opens and _ASKING.match(heading) and is_whole(heading) and specific_words(heading):
        yield QuestionDraft(_ASKED_BY_HEADING, with_context(heading, context), "")


def _is_english(sentence: str) -> bool:
    words = re.findall(r"[^\W\d_]+", sentence.casefold())
    return sum(word in _ENGLISH for word in words) >= _ENGLISH_SHARE * len(words)


def finished(question: str) -> str:
    """The final text: no backticks, normalized white space, capitalized."""
    text = tidy(plain(question))
    return text[:1].upper() + text[1:]
