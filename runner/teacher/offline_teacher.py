"""The offline teacher: draws the knowledge base's own questions, and uses passages as references.

Independent of chat models. The same arguments give the same questions and references, on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from knowledge import questions
from knowledge.domain import Domain
from knowledge.passages import Passage
from knowledge.questions import ANY_PASSAGE, PassageChoice, Question
from runner.protocols import Answer, PassageFacts, Reference, RejectedQuestion, Usage

NAME = "knowledge base (offline: references are the passages' own words)"


class OfflineTeacher:
    """Implements `runner.protocols.Teacher` from the knowledge base alone."""

    def __init__(self) -> None:
        self.name = NAME
        self.rejected: list[RejectedQuestion] = []
        """Always empty: the knowledge base generates only valid questions."""

    def ask_questions(self, domain: Domain, topics: Sequence[str], count: int, tier: str, seed: int,
                      exclude: Sequence[Question], on_progress: Callable[[int], None] = lambda accepted: None,
                      choice: PassageChoice = ANY_PASSAGE) -> list[Question]:
        """Up to `count` questions; passages not used in `exclude` come first, then other wordings."""
        return questions.draw_questions(domain, topics, count, tier, seed,
                                        exclude_texts=[question.text for question in exclude],
                                        choice=choice.for_tier(tier, exclude))

    def write_reference(self, domain: Domain, question: Question) -> Reference:
        """The text of the question's passage with whitespace normalized; missing where there is no such passage."""
        try:
            passage = domain.passage(question.passage_id)
        except KeyError:
            return Reference(question.id, None, question.evidence,
                             missing=f"passage {question.passage_id} is not in the knowledge base {domain.name}")
        return Reference(question.id, " ".join(passage.text.split()), question.evidence)

    def write_references(self, domain: Domain, questions: Sequence[Question],
                         on_reference: Callable[[Reference], None] = lambda _: None) -> list[Reference]:
        """All references; `on_reference` gets each as soon as it is ready."""
        references = []
        for question in questions:
            references.append(self.write_reference(domain, question))
            on_reference(references[-1])
        return references

    def write_facts(self, domain: Domain, passages: Sequence[Passage],
                    on_written: Callable[[PassageFacts], None] = lambda _: None) -> list[PassageFacts]:
        """No fact for any passage, with the reason: the knowledge base has no wordings but its own."""
        written = [PassageFacts(passage.id, (), (), f"{NAME} writes no facts") for passage in passages]
        for one in written:
            on_written(one)
        return written

    def answer_closed_book(self, domain: Domain, questions: Sequence[Question],
                           on_answer: Callable[[Answer], None] = lambda _: None) -> list[Answer]:
        """The references themselves, so the score against them is 1 by construction."""
        answers = []
        for question in questions:
            reference = self.write_reference(domain, question)
            answers.append(Answer(question.id, reference.text, 0, 0.0, reference.missing))
            on_answer(answers[-1])
        return answers

    def usage(self) -> Usage:
        """No calls, no cost."""
        return Usage(calls=0, reused=0, prompt_tokens=0, completion_tokens=0, cost_usd=0.0)
