"""Decisions on a run's questions: who may, what is refused, and that the second of two editors is told."""

from __future__ import annotations

import threading
import time

import pytest

from store import queries
from store.commands import CommandRefused, review
from store.commands.review import Decision, Person
from store.database import Store
from store.dataset_items import APPROVED, REJECTED, UNDECIDED
from store.event_log.journal import read_events
from store.events import ItemCommented, ItemsReviewed, ReviewFinished
from store.permissions import PermissionDenied, Role
from store.projections.rebuild import rebuild
from store.queries.dataset_items import dataset_items, dataset_review, rejected_drafts
from tests.store.made_review import asked_run, drafted, record, waiting_run

ANN, BEN = Person("ann"), Person("ben")
REVIEWER, VIEWER = Person("rita", Role.REVIEWER), Person("vic", Role.VIEWER)
FIRST = record(0).question_id


def decisions_of(store: Store, run: str) -> dict[str, str]:
    return {one.question_id: one.decision for one in dataset_items(store, run)}


def test_drafts_are_undecided_and_each_decision_is_an_event_with_before_and_after(store: Store) -> None:
    run = waiting_run(store)
    found = queries.find_run(store, run)
    assert found and found.work == "waiting-for-review" and not found.active
    assert set(decisions_of(store, run).values()) == {UNDECIDED} and len(rejected_drafts(store, run)) == 2
    assert review.decide(store, run, [Decision(FIRST, answer=" It holds 9 bar. ")], ANN, "typo") == 1
    assert review.decide(store, run, [Decision(record(1).question_id, REJECTED)], BEN, "dull") == 1
    assert review.decide(store, run, [Decision(record(2).question_id)], BEN) == 1
    assert review.decide(store, run, [Decision(record(2).question_id)], BEN) == 0  # it is so already
    first, second, third, *_ = dataset_items(store, run)
    assert (first.answer, first.edited, first.decision, first.by) == ("It holds 9 bar.", True, APPROVED, "ann")
    assert first.drafted_answer == record(0).passage and not first.drafted_question
    assert (second.decision, second.reason, second.by) == (REJECTED, "dull", "ben") and third.decision == APPROVED
    events = [one.event for one in read_events(store, run) if isinstance(one.event, ItemsReviewed)]
    assert [(one.by, one.changes[0].was, one.changes[0].decision) for one in events] == [
        ("ann", UNDECIDED, APPROVED), ("ben", UNDECIDED, REJECTED), ("ben", UNDECIDED, APPROVED)]
    assert events[0].changes[0].answer_before == record(0).passage and events[0].changes[0].question is None


def test_reviewers_flag_and_comment_and_operators_decide(store: Store) -> None:
    run = waiting_run(store)
    review.comment(store, run, ItemCommented(FIRST, "which winter?", "change", "rita"), Role.REVIEWER)
    for person, word in ((REVIEWER, "reviewers may not approve: ask one of the operators"),
                         (VIEWER, "viewers may not approve")):
        with pytest.raises(PermissionDenied, match=word):
            review.decide(store, run, [Decision(FIRST)], person)
        for command in (review.ask_again, review.finish_review):
            with pytest.raises(PermissionDenied, match=word):
                command(store, run, person)
    with pytest.raises(PermissionDenied, match="reviewers may not edit"):
        review.decide(store, run, [Decision(FIRST, answer="x")], REVIEWER)
    with pytest.raises(PermissionDenied, match="viewers may not comment"):
        review.comment(store, run, ItemCommented(FIRST, "so", "", "vic"), Role.VIEWER)
    assert set(decisions_of(store, run).values()) == {UNDECIDED}


def test_the_second_of_two_editors_is_told_and_nothing_of_theirs_is_recorded(store: Store) -> None:
    run = waiting_run(store)
    seen = {one.question_id: one.seen for one in dataset_items(store, run)}
    others = [Decision(id, seen=seen[id]) for id in list(seen)[1:3]]
    assert review.decide(store, run, [Decision(FIRST, question="How high is it?", seen=seen[FIRST])], ANN) == 1
    with pytest.raises(CommandRefused, match=f"ann changed question {FIRST} after you saw it"):
        review.decide(store, run, [*others, Decision(FIRST, answer="Mine.", seen=seen[FIRST])], BEN)
    assert decisions_of(store, run)[others[0].question_id] == UNDECIDED
    assert next(one for one in dataset_items(store, run) if one.question_id == FIRST).question == "How high is it?"


def test_of_editors_at_the_same_moment_exactly_one_wins(store: Store) -> None:
    run = waiting_run(store)
    seen, outcomes = dataset_items(store, run)[0].seen, []
    start = threading.Barrier(4)

    def edit(number: int) -> None:
        start.wait()
        try:
            outcomes.append(review.decide(store, run, [Decision(FIRST, answer=f"Answer {number}.", seen=seen)],
                                          Person(f"person {number}")))
        except CommandRefused as refused:
            assert "changed question" in str(refused)

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [1]
    assert sum(isinstance(one.event, ItemsReviewed) for one in read_events(store, run)) == 1


@pytest.mark.parametrize(("decision", "reason", "says"), [
    (Decision("none"), "", "has no question 'none'"),
    (Decision(FIRST, REJECTED), " ", "a rejection needs a reason"),
    (Decision(FIRST, "maybe"), "", "decision 'maybe' is none"),
    (Decision(FIRST, question=" "), "", "would have no question: reject it"),
    (Decision(FIRST, question="?!"), "", "would be without a word"),
    (Decision(FIRST, answer="x" * 20_001), "", "an? answer of 20,001 characters is too long"),
    (Decision(FIRST, answer="a\x00b"), "", "a character that is no text"),
    (Decision(FIRST, question=record(1).text), "", "would ask the same as"),
    (Decision(FIRST, question=record(0, "held-out").text.replace("Which", "What")), "", "what the test asks")])
def test_a_decision_that_cannot_be_is_refused_in_a_sentence(store: Store, decision: Decision, reason: str,
                                                            says: str) -> None:
    run = waiting_run(store)
    with pytest.raises(CommandRefused, match=says):
        review.decide(store, run, [Decision(record(3).question_id), decision], ANN, reason)
    assert set(decisions_of(store, run).values()) == {UNDECIDED}


def test_the_review_ends_when_everything_is_decided_and_rejected_ones_can_be_asked_again(store: Store) -> None:
    run = waiting_run(store)
    with pytest.raises(CommandRefused, match="10 questions are neither approved nor rejected"):
        review.finish_review(store, run, ANN)
    with pytest.raises(CommandRefused, match="nothing is to be asked again"):
        review.ask_again(store, run, ANN)
    items = dataset_items(store, run)
    review.decide(store, run, [Decision(one.question_id) for one in items[2:]], ANN, bulk=True)
    review.decide(store, run, [Decision(one.question_id, REJECTED) for one in items[:2]], ANN, "dull")
    assert review.ask_again(store, run, ANN, "once") == 2
    found = queries.find_run(store, run)
    assert found and found.work == "queued"
    with pytest.raises(CommandRefused, match="is queued: its questions can be changed when it waits"):
        review.decide(store, run, [Decision(FIRST)], ANN)
    assert dataset_review(store, run).wanted_again() == ()
    store2 = waiting_run(store)
    review.decide(store, store2, [Decision(one.question_id) for one in dataset_items(store, store2)], BEN)
    assert review.finish_review(store, store2, BEN) == ReviewFinished("ben", 10, 0, 0)
    with pytest.raises(CommandRefused, match="is queued: only a run that waits for its review"):
        review.finish_review(store, store2, BEN)


def test_no_set_may_be_rejected_as_a_whole(store: Store) -> None:
    run = waiting_run(store)
    items = dataset_items(store, run)
    review.decide(store, run, [Decision(one.question_id) for one in items if one.part == "test"], ANN)
    review.decide(store, run, [Decision(one.question_id, REJECTED) for one in items if one.part == "train"], ANN, "no")
    with pytest.raises(CommandRefused, match="no training question is approved"):
        review.finish_review(store, run, ANN)


def test_a_sealed_test_and_peoples_own_questions_are_told_apart(store: Store) -> None:
    run = waiting_run(store, teacher="people (own.csv)")
    review.decide(store, run, [Decision(FIRST, REJECTED)], ANN, "wrong")
    with pytest.raises(CommandRefused, match="people's own questions are not written again"):
        review.ask_again(store, run, ANN)
    sealed = waiting_run(store, sealed=True)
    with pytest.raises(CommandRefused, match="belongs to a shared test"):
        review.decide(store, sealed, [Decision(FIRST, answer="x")], ANN)
    assert drafted("test", range(1)).part == "test"


def test_corrections_after_the_run_was_asked_make_versions_and_change_nothing_that_was_used(store: Store) -> None:
    run = asked_run(store)
    tested = record(0, "held-out").question_id
    assert dict(dataset_review(store, run).versions) == {"train": 1, "test": 1}
    review.decide(store, run, [Decision(tested, answer="It holds 7 bar.")], ANN, "the plate says 7")
    review.decide(store, run, [Decision(record(1).question_id, REJECTED)], ANN, "dull")
    review.decide(store, run, [Decision(tested, answer="It holds 8 bar.")], BEN)
    newest = dataset_review(store, run)
    assert dict(newest.versions) == {"train": 2, "test": 3} and newest.finished and not newest.open
    answers = [next(one.answer for one in dataset_items(store, run, version) if one.question_id == tested)
               for version in (1, 2, 3, None)]
    assert answers == [record(0, "held-out").passage, "It holds 7 bar.", "It holds 8 bar.", "It holds 8 bar."]
    assert all(one.decision == APPROVED for one in dataset_items(store, run, 1))
    assert review.decide(store, run, [Decision(record(1).question_id)], ANN, "it is fine") == 1
    assert dataset_review(store, run).versions["train"] == 3


def test_a_rebuild_keeps_the_state_and_a_token_is_one_command(store: Store) -> None:
    run = waiting_run(store)
    for _ in range(2):
        review.decide(store, run, [Decision(FIRST)], ANN, token="once")
    with store.write() as connection:
        rebuild(connection)
    found = queries.find_run(store, run)
    assert found and found.work == "waiting-for-review"
    assert sum(isinstance(one.event, ItemsReviewed) for one in read_events(store, run)) == 1


def test_a_thousand_of_ten_thousand_are_approved_within_a_second(store: Store) -> None:
    run = waiting_run(store, train=9_000, test=1_000)
    chosen = [Decision(one.question_id, seen=one.seen) for one in dataset_items(store, run)[:1_000]]
    began = time.process_time()  # the CPU's seconds: other tests may run beside this one
    assert review.decide(store, run, chosen, ANN, bulk=True) == 1_000
    assert time.process_time() - began < 1.0
    assert sum(one.decision == APPROVED for one in dataset_items(store, run)) == 1_000
