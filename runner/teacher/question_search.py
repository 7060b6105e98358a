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
from knowledge.near_duplicate_questions import NearDuplicateIndex
from knowledge.passages import Passage
from knowledge.questions import (
    ANY_PASSAGE, PARAPHRASE, PRACTICE, PassageChoice, Question, question_id, validation_errors,
)
from knowledge.split import held_out_passages, practice_passages
from runner.protocols import RejectedQuestion
from runner.teacher.prompts import PassageMaterial, label_of
from runner.teacher.question_checks import unsupported
from runner.teacher.question_forms import QuestionForm
from runner.teacher.reply_parsing import Draft

ATTEMPTS_PER_PASSAGE = 3
"""How often one passage may be asked about."""
ATTEMPTS_PER_QUESTION = 3
"""How many passages may be shown for each question that is wanted, before giving up; anew with a simpler form."""
MIN_VALID_SHARE = 0.25
"""A form with a smaller share of valid drafts is given up for a simpler one, if there is one."""
TRIED_BEFORE_SIMPLER = 4
"""Drafts that are tried at least before a form is given up for its share of valid ones."""


@dataclass(frozen=True)
class PassageAttempt:
    """One attempt to get a question about a passage."""

    material: PassageMaterial
    number: int = 0


@dataclass(frozen=True)
class Batch:
    """The passages of one call, all of one topic."""

    topic: str
    attempts: tuple[PassageAttempt, ...]


class QuestionSearch:
    """State of one question search (no I/O)."""

    def __init__(self, domain: Domain, topics: Sequence[str], count: int, tier: str, seed: int,
                 exclude: Sequence[Question], forms: Sequence[QuestionForm],
                 choice: PassageChoice = ANY_PASSAGE) -> None:
        """The parameters of `Teacher.ask_questions`, and the forms to try in turn, at least one."""
        self.accepted: list[Question] = []
        self.rejected: list[RejectedQuestion] = []
        self._count = count
        self._tier = tier
        self._near_duplicates = NearDuplicateIndex(question.text for question in exclude)
        self._asked_before = Counter(question.topic for question in exclude if question.tier == tier)
        self._topics = tuple(dict.fromkeys(topics))
        self._domain, self._seed, self._exclude, self._choice = domain, seed, tuple(exclude), choice
        self._forms = deque(forms)
        self._begin_form()

    @property
    def form(self) -> QuestionForm:
        """How the next batches are asked for."""
        return self._forms[0]

    def _begin_form(self) -> None:
        self._tried = self._valid = 0
        self._attempts_left = ATTEMPTS_PER_QUESTION * (self._count - len(self.accepted))
        self._passages_per_call = self.form.passages_per_call
        asked = (*self._exclude, *self.accepted)
        self._queues = {slug: _passage_queue(self._domain, slug, self._tier, self._seed, asked, self._choice)
                        for slug in self._topics}

    def use_simpler_form(self, at_once: bool = False) -> bool:
        """Go on with the next form if too few drafts of this one are valid; whether it did.

        Args:
            at_once: also where few drafts were tried, because no further call of this form is made.
        """
        enough = at_once or self._tried >= TRIED_BEFORE_SIMPLER or self._attempts_left <= 0 or \
            not any(self._queues.values())
        if len(self._forms) == 1 or len(self.accepted) >= self._count or not enough or \
                self._valid >= MIN_VALID_SHARE * self._tried > 0:
            return False
        self._forms.popleft()
        self._begin_form()
        return True

    def batches(self) -> list[Batch]:
        """The next batches for the questions still missing; empty when there are enough, or nothing is left to try."""
        wanted = min(self._count - len(self.accepted), self._attempts_left)
        if len(self._forms) > 1 and not self._valid:  # not known yet whether the model manages this form
            wanted = min(wanted, self.form.calls_at_first * self.form.passages_per_call)
        planned: dict[str, list[PassageAttempt]] = {slug: [] for slug in self._queues}
        for _ in range(wanted):
            open_topics = [slug for slug, queue in self._queues.items() if queue]
            if not open_topics:
                break
            slug = min(open_topics, key=lambda slug: self._share(slug) + len(planned[slug]))
            planned[slug].append(self._queues[slug].popleft())
        self._attempts_left -= sum(map(len, planned.values()))
        return [batch for slug, attempts in planned.items() for batch in self._batched(slug, attempts)]

    def accept_drafts(self, batch: Batch, drafts: Sequence[Draft]) -> None:
        """Validate the drafts of a batch; passages of rejected ones are queued again."""
        only = len(batch.attempts) == 1
        by_label = {draft.label: draft for draft in reversed(drafts)}
        for index, attempt in enumerate(batch.attempts):
            draft = by_label.get(label_of(index)) or (drafts[0] if only and drafts else None)
            reason = self._rejection(draft, attempt.material.passage) if draft else "no question came for this passage"
            if draft and not reason:
                self._accept(draft, attempt)
            else:
                self._reject(attempt, draft.text if draft else "", reason)

    def reject_batch(self, batch: Batch, reason: str) -> None:
        """No usable reply came for a batch."""
        for attempt in batch.attempts:
            self._reject(attempt, "", reason)

    def put_back(self, batch: Batch) -> None:
        """The call for a batch was not made."""
        self._attempts_left += len(batch.attempts)
        self._queues[batch.topic].extendleft(reversed(batch.attempts))

    def halve_batch(self, batch: Batch, reason: str) -> None:
        """The prompt was too long: halve the passages per call; a passage that is too long alone is dropped."""
        if len(batch.attempts) == 1:
            self._reject(replace(batch.attempts[0], number=ATTEMPTS_PER_PASSAGE), "", reason)
            return
        self._passages_per_call = min(self._passages_per_call, len(batch.attempts) // 2)
        self.put_back(batch)

    def _batched(self, slug: str, attempts: list[PassageAttempt]) -> list[Batch]:
        size = self._passages_per_call
        return [Batch(slug, tuple(attempts[start:start + size])) for start in range(0, len(attempts), size)]

    def _share(self, slug: str) -> int:
        return self._asked_before[slug] + sum(question.topic == slug for question in self.accepted)

    def _rejection(self, draft: Draft, passage: Passage) -> str:
        found = validation_errors(draft.text, draft.evidence, passage)
        if not self.form.quoted_evidence:
            found += unsupported(draft, passage)
        if duplicate := self._near_duplicates.find(draft.text):
            found.append(f"asks the same as {duplicate!r}")
        return "; ".join(found)

    def _accept(self, draft: Draft, attempt: PassageAttempt) -> None:
        passage = attempt.material.passage
        self._tried, self._valid = self._tried + 1, self._valid + 1
        if len(self.accepted) >= self._count:
            return
        self.accepted.append(Question(id=question_id(draft.text), text=draft.text, topic=passage.topic, tier=self._tier,
                                      passage_id=passage.id, evidence=draft.evidence, title=passage.title))
        self._near_duplicates.add(draft.text)
        asked = (*attempt.material.asked, draft.text)
        self._requeue(attempt, replace(attempt.material, asked=asked, rejected_drafts=()))

    def _reject(self, attempt: PassageAttempt, text: str, reason: str) -> None:
        passage = attempt.material.passage
        self.rejected.append(RejectedQuestion(text, passage.topic, self._tier, passage.id, reason))
        drafts = attempt.material.rejected_drafts
        if text:
            drafts = (*drafts, f"{text} ({reason})")
        self._tried += 1
        self._requeue(attempt, replace(attempt.material, rejected_drafts=drafts,
                                       attempts=attempt.material.attempts + 1))

    def _requeue(self, attempt: PassageAttempt, material: PassageMaterial) -> None:
        """Append the passage to its topic's queue while it has attempts left."""
        if attempt.number + 1 < ATTEMPTS_PER_PASSAGE:
            self._queues[material.passage.topic].append(replace(attempt, material=material, number=attempt.number + 1))


def _passage_queue(domain: Domain, slug: str, tier: str, seed: int,
                   exclude: Sequence[Question], choice: PassageChoice) -> deque[PassageAttempt]:
    """A topic's passages on the tier's side of the split: unused ones first, sources alternating, else shuffled."""
    side = practice_passages(domain) if tier in (PRACTICE, PARAPHRASE) else held_out_passages(domain)
    allowed = choice.for_tier(tier, exclude)
    passages = [passage for passage in side if passage.topic == slug and allowed.allows(passage.id)]
    random.Random(f"{seed} {slug}").shuffle(passages)
    sources = [[passage for passage in passages if passage.source == source]
               for source in sorted({passage.source for passage in passages}, reverse=True)]  # notes before api
    mixed = [passage for row in zip_longest(*sources) for passage in row if passage is not None]
    asked = {passage.id: tuple(q.text for q in exclude if q.passage_id == passage.id) for passage in mixed}
    mixed.sort(key=lambda passage: len(asked[passage.id]))
    return deque(PassageAttempt(PassageMaterial(passage, asked[passage.id])) for passage in mixed)
