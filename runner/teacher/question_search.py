"""State of one search for questions: which passages to ask about next, which drafts to accept, when to stop.

Makes no calls: `batches` returns what to ask, `accept_drafts` and `reject_batch` take the results. The same replies
lead to the same questions, in whatever order they arrive.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from knowledge.domain import Domain
from knowledge.near_duplicates import NearDuplicateIndex
from knowledge.passages import Passage
from knowledge.questions import PARAPHRASE, PRACTICE, Question, practised_passages, question_id, validation_errors
from knowledge.split import held_out_passages, practice_passages
from runner.protocols import RejectedQuestion
from runner.teacher.prompts import PassageMaterial, label_of
from runner.teacher.reply_parsing import Draft

PASSAGES_PER_CALL = 4
ATTEMPTS_PER_PASSAGE = 3
"""How often one passage may be asked about."""
ATTEMPTS_PER_QUESTION = 3
"""How many passages may be shown for each question that is wanted, before giving up."""


@dataclass(frozen=True)
class PassageAttempt:
    """One passage's next turn."""

    material: PassageMaterial
    number: int = 0


@dataclass(frozen=True)
class Batch:
    """The passages of one call, all of one topic."""

    topic: str
    attempts: tuple[PassageAttempt, ...]


class QuestionSearch:
    """The state of one hunt."""

    def __init__(self, domain: Domain, topics: Sequence[str], count: int, tier: str, seed: int,
                 exclude: Sequence[Question]) -> None:
        self.accepted: list[Question] = []
        self.rejected: list[RejectedQuestion] = []
        self._count = count
        self._tier = tier
        self._turns_left = ATTEMPTS_PER_QUESTION * count
        self._passages_a_call = PASSAGES_PER_CALL
        self._twins = NearDuplicateIndex(question.text for question in exclude)
        self._asked_before = Counter(question.topic for question in exclude if question.tier == tier)
        self._lines = {slug: _passage_queue(domain, slug, tier, seed, exclude) for slug in dict.fromkeys(topics)}

    def batches(self) -> list[Batch]:
        """What to ask now, for the questions still missing; empty when there are enough, or no more to try."""
        wanted = min(self._count - len(self.accepted), self._turns_left)
        planned: dict[str, list[PassageAttempt]] = {slug: [] for slug in self._lines}
        for _ in range(wanted):
            open_topics = [slug for slug, line in self._lines.items() if line]
            if not open_topics:
                break
            slug = min(open_topics, key=lambda slug: self._share(slug) + len(planned[slug]))
            planned[slug].append(self._lines[slug].popleft())
        self._turns_left -= sum(map(len, planned.values()))
        return [batch for slug, turns in planned.items() for batch in self._batched(slug, turns)]

    def accept_drafts(self, batch: Batch, drafts: Sequence[Draft]) -> None:
        """Judge the drafts that came for a batch; what cannot be used comes to its turn again."""
        only = len(batch.attempts) == 1
        by_label = {draft.label: draft for draft in reversed(drafts)}
        for place, turn in enumerate(batch.attempts):
            draft = by_label.get(label_of(place)) or (drafts[0] if only and drafts else None)
            reason = self._fault(draft, turn.material.passage) if draft else "no question came for this passage"
            if draft and not reason:
                self._accept(draft, turn)
            else:
                self._reject(turn, draft.text if draft else "", reason)

    def reject_batch(self, batch: Batch, reason: str) -> None:
        """No usable reply came for a batch."""
        for turn in batch.attempts:
            self._reject(turn, "", reason)

    def halve_batch(self, batch: Batch, reason: str) -> None:
        """The prompt was too long: ask about half as many passages a call; one that is too long alone is let go."""
        if len(batch.attempts) == 1:
            self._reject(replace(batch.attempts[0], number=ATTEMPTS_PER_PASSAGE), "", reason)
            return
        self._passages_a_call = min(self._passages_a_call, len(batch.attempts) // 2)
        self._turns_left += len(batch.attempts)
        self._lines[batch.topic].extendleft(reversed(batch.attempts))

    def _batched(self, slug: str, turns: list[PassageAttempt]) -> list[Batch]:
        size = self._passages_a_call
        return [Batch(slug, tuple(turns[at:at + size])) for at in range(0, len(turns), size)]

    def _share(self, slug: str) -> int:
        return self._asked_before[slug] + sum(question.topic == slug for question in self.accepted)

    def _fault(self, draft: Draft, passage: Passage) -> str:
        found = validation_errors(draft.text, draft.evidence, passage)
        if twin := self._twins.twin_of(draft.text):
            found.append(f"asks the same as {twin!r}")
        return "; ".join(found)

    def _accept(self, draft: Draft, turn: PassageAttempt) -> None:
        passage = turn.material.passage
        if len(self.accepted) >= self._count:
            return
        self.accepted.append(Question(id=question_id(draft.text), text=draft.text, topic=passage.topic, tier=self._tier,
                                      passage_id=passage.id, evidence=draft.evidence, title=passage.title))
        self._twins.add(draft.text)
        self._requeue(turn, replace(turn.material, asked=(*turn.material.asked, draft.text), refused=()))

    def _reject(self, turn: PassageAttempt, text: str, reason: str) -> None:
        passage = turn.material.passage
        self.rejected.append(RejectedQuestion(text, passage.topic, self._tier, passage.id, reason))
        told = (*turn.material.refused, f"{text} ({reason})") if text else turn.material.refused
        self._requeue(turn, replace(turn.material, refused=told))

    def _requeue(self, turn: PassageAttempt, material: PassageMaterial) -> None:
        """At the end of its topic's line, while the passage has turns left."""
        if turn.number + 1 < ATTEMPTS_PER_PASSAGE:
            self._lines[material.passage.topic].append(replace(turn, material=material, number=turn.number + 1))


def _passage_queue(domain: Domain, slug: str, tier: str, seed: int,
                   exclude: Sequence[Question]) -> deque[PassageAttempt]:
    """A topic's passages on the tier's side of the split, untouched ones first, sources by turns, else by chance."""
    side = practice_passages(domain) if tier in (PRACTICE, PARAPHRASE) else held_out_passages(domain)
    bond = practised_passages(tier, exclude)
    passages = [passage for passage in side if passage.topic == slug and (bond is None or passage.id in bond)]
    random.Random(f"{seed} {slug}").shuffle(passages)
    sources = [[passage for passage in passages if passage.source == source]
               for source in sorted({passage.source for passage in passages}, reverse=True)]  # notes before api
    mixed = [passage for row in zip_longest(*sources) for passage in row if passage is not None]
    asked = {passage.id: tuple(q.text for q in exclude if q.passage_id == passage.id) for passage in mixed}
    mixed.sort(key=lambda passage: len(asked[passage.id]))
    return deque(PassageAttempt(PassageMaterial(passage, asked[passage.id])) for passage in mixed)
