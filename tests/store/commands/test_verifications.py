"""Exports that people name on a page: queued once, verified by one process at a time, and never left hanging."""

from __future__ import annotations

import pytest

from store.commands import CommandRefused, verifications
from store.commands.verifications import BY_LLAMA_CPP, QUEUE, Artefact
from store.database import Store
from store.permissions import PermissionDenied, Role
from store.queries.verifications import VerificationRequest, verification_requests

OWNER = "host:1:1"
FOLDER = Artefact("/exports/pods")


def put(store: Store, name: str, token: str = "token", **more: str) -> int:
    return verifications.request(store, name, 1, Artefact("/exports/pods", **more), "ann", token)


def newest(store: Store, name: str) -> VerificationRequest:
    return verification_requests(store, name)[0]


def test_a_request_is_queued_once_and_carried_out_by_whoever_holds_it(store: Store, run: str) -> None:
    assert put(store, run) == put(store, run)
    assert put(store, run, "another") != put(store, run)
    first = verifications.claim_next(store, OWNER)
    assert first and first.artefact == FOLDER and first.cycle == 1
    assert QUEUE.change(store, first.id, first.attempt, progress="10 of 40 questions answered")
    assert newest(store, run).state == "waiting" and verification_requests(store, run)[1].progress == (
        "10 of 40 questions answered")
    QUEUE.fail_or_retry(store, OWNER, "killed")
    assert not QUEUE.finish(store, first.id, first.attempt)  # it was given up, and comes too late
    again = verifications.claim_next(store, OWNER)
    assert again and (again.id, again.attempt) == (first.id, 2)
    QUEUE.fail_or_retry(store, OWNER, "killed")
    ended = verification_requests(store, run)[1]
    assert (ended.state, ended.error, ended.progress) == ("failed", "killed, 2 times", None)


def test_a_stop_queues_it_again_without_counting_the_attempt(store: Store, run: str) -> None:
    put(store, run)
    for _ in range(3):
        assert verifications.claim_next(store, OWNER)
        QUEUE.requeue(store, OWNER)
    assert newest(store, run).state == "waiting" and newest(store, run).attempts == 0


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REVIEWER])
def test_operators_alone_may_name_a_folder_or_an_address(store: Store, run: str, role: Role) -> None:
    with pytest.raises(PermissionDenied, match="may not verify: ask one of the operators"):
        verifications.request(store, run, 1, FOLDER, "ann", "token", role)
    assert verification_requests(store, run) == []


@pytest.mark.parametrize(("artefact", "cycle", "said"), [
    (Artefact("  "), 1, "1 to 1000 printable characters"),
    (Artefact("/x\n/y"), 1, "printable"),
    (Artefact("http://user:secret@host/v1"), 1, "holds a password or key"),
    (Artefact("ftp://host/v1"), 1, "does not begin with http"),
    (Artefact("http://host:8000/v1", BY_LLAMA_CPP), 1, "an engine is for files"),
    (Artefact("/exports/pods", "vllm"), 1, "unknown engine 'vllm'"),
    (Artefact("/exports/pods", model="ours"), 1, "a folder has one model"),
    (FOLDER, 2, "no adapter of cycle 2"),
])
def test_what_cannot_be_verified_is_refused_in_words(store: Store, run: str, artefact: Artefact,
                                                     cycle: int, said: str) -> None:
    with pytest.raises(CommandRefused, match=said) as refused:
        verifications.request(store, run, cycle, artefact, "ann", "token")
    assert "secret" not in str(refused.value) and verification_requests(store, run) == []


def test_no_more_wait_than_can_be_done_soon(store: Store, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifications, "MAX_WAITING", 1)
    put(store, run)
    with pytest.raises(CommandRefused, match="1 verifications wait already"):
        put(store, run, "another")
    with pytest.raises(CommandRefused, match="no run 'nobody'"):
        put(store, "nobody", "third")
