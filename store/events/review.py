"""Events of the review of a run's questions: drafted, decided on, added, asked again, approved; and corrections."""

from __future__ import annotations

from dataclasses import dataclass

from store.events.event_type import Event
from store.events.questions import QuestionRecord, ReferenceRecord, RejectedRecord


@dataclass(frozen=True)
class ItemsDrafted(Event, event_type="ItemsDrafted"):
    """Questions with references were written for people to review, before any student answers."""

    part: str
    """`train` or `test`."""
    of_cycle: int
    """The cycle that is to train them; 0 for the test."""
    round: int
    """1 at first, and one more each time that people ask again."""
    teacher: str
    reference_writer: str
    questions: tuple[QuestionRecord, ...]
    references: tuple[ReferenceRecord, ...]
    rejected: tuple[RejectedRecord, ...]
    """Drafts that validation rejected, which people see too."""
    wanted: int
    set_hash: str
    """Hash over the questions, as `QuestionsAsked` has it."""
    sealed: bool
    """Whether they belong to a shared test that students may have answered, so that nobody may change them."""


@dataclass(frozen=True)
class ItemChange:
    """What a person decided about one question; texts are None where they did not change."""

    question_id: str
    """The question's id before any edit."""
    was: str
    """`undecided`, `approved` or `rejected`."""
    decision: str
    """`approved` or `rejected`."""
    question_before: str | None = None
    question: str | None = None
    answer_before: str | None = None
    answer: str | None = None


@dataclass(frozen=True)
class AddedRecord:
    """A question that a person added, with its answer."""

    part: str
    """`train` or `test`."""
    of_cycle: int
    """The cycle that trains it; 0 for the test."""
    question: QuestionRecord
    answer: str
    writer: str
    """People, with the name of the file that it came in."""


@dataclass(frozen=True)
class ItemsReviewed(Event, event_type="ItemsReviewed"):
    """A person edited, approved, rejected or added questions, all at once; after the review it is a correction."""

    by: str
    reason: str
    source: str
    """Name and SHA-256 of the imported file; empty where nothing was imported."""
    bulk: bool
    """Whether a filter chose the questions, and not the person one by one."""
    changes: tuple[ItemChange, ...]
    added: tuple[AddedRecord, ...] = ()


@dataclass(frozen=True)
class ItemCommented(Event, event_type="ItemCommented"):
    """A person commented on a question."""

    question_id: str
    comment: str
    opinion: str
    """`keep`, `change`, or empty where the comment says neither."""
    by: str


@dataclass(frozen=True)
class WantedAgain:
    """How many questions of one set and tier are to be written in place of rejected ones."""

    part: str
    of_cycle: int
    tier: str
    count: int


@dataclass(frozen=True)
class DraftsAskedAgain(Event, event_type="DraftsAskedAgain"):
    """A person asked for as many further questions as were rejected."""

    by: str
    round: int
    wanted: tuple[WantedAgain, ...]


@dataclass(frozen=True)
class ReviewFinished(Event, event_type="ReviewFinished"):
    """A person ended the review: the run goes on with what is approved."""

    by: str
    approved: int
    rejected: int
    edited: int


@dataclass(frozen=True)
class EditedRecord:
    """A question that people edited, or whose reference they edited."""

    question_id: str
    """Its id as it is used."""
    drafted_id: str
    """Its id before it was edited."""


@dataclass(frozen=True)
class ItemsApproved(Event, event_type="ItemsApproved"):
    """One set of a run as the review left it: what is trained, or asked as the test."""

    part: str
    of_cycle: int
    teacher: str
    reference_writer: str
    questions: tuple[QuestionRecord, ...]
    references: tuple[ReferenceRecord, ...]
    wanted: int
    set_hash: str
    edited: tuple[EditedRecord, ...]
    left_out: tuple[RejectedRecord, ...]
    """Rejected by people, or asking in the test about a fact that is not taught any more."""
    added: tuple[AddedRecord, ...] = ()
    """Those of the questions that people added in the review, as they added them."""


@dataclass(frozen=True)
class RunWaitingForReview(Event, event_type="RunWaitingForReview"):
    """The run waits until people have reviewed its questions; no student has answered."""

    questions: int
    round: int
