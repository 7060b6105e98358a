"""Questions outside of any run: put once, answered by one process at a time, and never left hanging."""

from __future__ import annotations

import pytest

from store import queries
from store.commands import CommandRefused, playground
from store.commands.playground import ArmAnswer, Claimed
from store.database import Store
from store.permissions import PermissionDenied, Role

OWNER = "host:1:1"


def asked(store: Store, number: int) -> queries.PlaygroundQuestion:
    found = queries.playground_question(store, number)
    assert found
    return found


def claimed_by(store: Store, owner: str = OWNER) -> Claimed:
    claimed = playground.claim_next(store, owner)
    assert claimed
    return claimed


def test_a_double_click_is_one_question_and_another_token_another(store: Store, run: str) -> None:
    first = playground.ask(store, run, 1, "What is a Pod?", "ann", "token")
    assert playground.ask(store, run, 1, "What is a Pod?", "ann", "token") == first
    assert playground.ask(store, run, 1, "What is a Pod?", "ann", "other") != first
    assert [one.id for one in queries.recent_questions(store)] == [first + 1, first]
    assert (asked(store, first).state, asked(store, first).asked_by) == ("waiting", "ann")


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.OPERATOR])
def test_reviewers_and_operators_may_ask_and_viewers_may_not(store: Store, run: str, role: Role) -> None:
    assert playground.ask(store, run, 0, "What is a Pod?", "ann", "token", role)
    with pytest.raises(PermissionDenied, match="viewers may not ask: ask one of the reviewers or operators"):
        playground.ask(store, run, 0, "What is a Pod?", "ann", "more", Role.VIEWER)
    assert len(queries.recent_questions(store)) == 1


@pytest.mark.parametrize(("name", "cycle", "question", "said"), [
    (None, 1, "  ", "1 to 1000 characters"), (None, 1, "x" * 1001, "this one has 1001"),
    ("nobody", 1, "Why?", "no run 'nobody'"), (None, 2, "Why?", "only the untrained student can answer")])
def test_what_nobody_can_answer_is_refused_in_words(store: Store, run: str, name: str | None, cycle: int,
                                                    question: str, said: str) -> None:
    with pytest.raises(CommandRefused, match=said):
        playground.ask(store, name or run, cycle, question, "ann", "token")
    assert queries.recent_questions(store) == []


def test_questions_are_answered_in_their_order_and_what_is_said_can_be_followed(store: Store, run: str) -> None:
    first, second = (playground.ask(store, run, 1, f"Why {n}?", "ann", f"token {n}") for n in (1, 2))
    claimed = claimed_by(store)
    assert claimed.id == first and queries.questions_ahead(store, second) == 1
    assert playground.write(store, claimed, [ArmAnswer("baseline", "Be")])
    assert (asked(store, first).state, asked(store, first).said) == ("answering", (ArmAnswer("baseline", "Be"),))
    assert playground.finish(store, claimed, [ArmAnswer("baseline", "Because", True)])
    assert not asked(store, first).active and asked(store, first).said[0].text == "Because"
    assert claimed_by(store).id == second and playground.claim_next(store, OWNER) is None


def test_a_killed_answer_is_given_once_more_and_then_fails_with_the_reason(store: Store, run: str) -> None:
    number = playground.ask(store, run, 1, "Why?", "ann", "token")
    first = claimed_by(store)
    playground.write(store, first, [ArmAnswer("baseline", "half")])
    playground.QUEUE.fail_or_retry(store, OWNER, "killed")
    assert (asked(store, number).state, asked(store, number).said) == ("waiting", ())
    claimed_by(store)
    assert not playground.write(store, first, [ArmAnswer("baseline", "late")])  # it was given up, and comes too late
    playground.QUEUE.fail_or_retry(store, OWNER, "killed")
    assert (asked(store, number).state, asked(store, number).error) == ("failed", "killed, 2 times")


def test_a_process_that_dies_before_it_takes_a_question_does_not_die_for_ever(store: Store, run: str) -> None:
    number = playground.ask(store, run, 1, "Why?", "ann", "token")
    playground.QUEUE.fail_or_retry(store, OWNER, "exit code 1")
    assert playground.QUEUE.is_waiting(store)
    playground.QUEUE.fail_or_retry(store, OWNER, "exit code 1")
    assert asked(store, number).state == "failed" and not playground.QUEUE.is_waiting(store)


def test_a_question_that_made_room_for_a_run_waits_again_as_if_never_taken(store: Store, run: str) -> None:
    playground.ask(store, run, 1, "Why?", "ann", "token")
    for _ in range(3):
        assert claimed_by(store).attempt == 1
        playground.QUEUE.requeue(store, OWNER)
    assert playground.QUEUE.owners(store) == []


def test_only_the_newest_questions_are_kept_and_only_so_many_wait(store: Store, run: str,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playground, "MAX_STORED_QUESTIONS", 3)
    monkeypatch.setattr(playground, "MAX_WAITING", 2)
    numbers = []
    for n in range(5):
        numbers.append(playground.ask(store, run, 1, "Why?", "ann", f"token {n}"))
        playground.finish(store, claimed_by(store), [])
    assert [one.id for one in queries.recent_questions(store)] == numbers[:1:-1]
    for n in range(2):
        playground.ask(store, run, 1, "Why?", "ann", f"more {n}")
    with pytest.raises(CommandRefused, match="2 questions wait already"):
        playground.ask(store, run, 1, "Why?", "ann", "too much")
