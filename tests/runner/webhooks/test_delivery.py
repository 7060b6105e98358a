"""Webhooks: noted with their event, sent at least once with one id, signed, and to no address that was not meant."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from runner.cli.main import main
from runner.llm.chat import ChatRequest, Completion
from runner.llm.errors import CostLimitReached
from runner.llm.response_cache import CachedChat
from runner.webhooks import addresses, delivery
from runner.webhooks.addresses import AddressRefused, address_for
from runner.webhooks.delivery import Sender
from store import commands
from store.commands import CommandRefused
from store.commands.webhooks import add_webhook, remove_webhook, send_again
from store.database import Store
from store.event_log.deliveries import MOST_ATTEMPTS, wait_seconds
from store.event_log.journal import append_without_claim
from store.events import RunFailed, RunFinished
from store.paths import Paths
from store.projections.rebuild import rebuild
from store.queries.webhooks import all_webhooks
from store.schema import claims, runs, webhook_outbox
from tests.plain_runs import plain_run


class Receiver(ThreadingHTTPServer):
    """A receiver on this machine; `codes` are its next answers, after them 204."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.codes: list[int] = []
        self.arrived = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(({key.lower(): value for key, value in self.headers.items()}, body))
        code = self.server.codes.pop(0) if self.server.codes else 204
        self.send_response(code)
        if code == 302:
            self.send_header("Location", self.server.url + "/other")
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.arrived.set()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def hooked(store: Store, receiver: Receiver, **options: Any) -> str:
    return add_webhook(store, "ours", receiver.url, options.pop("occasions", ()), private_addresses=True, **options)


def ended(store: Store, event: Any = None, **changes: Any) -> str:
    run = commands.launch_run(store, plain_run(**changes), "test")
    with store.write() as connection:
        append_without_claim(connection, run, event or RunFinished("improved", "It is <better>.", 1.0))
    return run


def due_now(store: Store) -> None:
    with store.write() as connection:
        connection.execute(update(webhook_outbox).values(due_at=0.0))


def outbox(store: Store) -> list[Any]:
    with store.read() as connection:
        return list(connection.execute(select(webhook_outbox).order_by(webhook_outbox.c.at)))


def test_an_end_is_sent_signed_with_the_secret_that_was_printed(store: Store, receiver: Receiver) -> None:
    secret = hooked(store, receiver)
    run = ended(store)
    Sender(store).tick()
    (headers, body), = receiver.got
    assert json.loads(body) == {"type": "finished", "timestamp": outbox(store)[0].at,
                                "data": {"run": run, "sentence": "It is <better>."}}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    assert headers["webhook-signature"] == "v1," + base64.b64encode(
        hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    Sender(store).tick()
    assert len(receiver.got) == 1 and all_webhooks(store)[0].delivered == 1


def test_what_is_noted_is_rolled_back_with_its_event_and_not_sent_again_by_a_rebuild(
        store: Store, receiver: Receiver) -> None:
    hooked(store, receiver)
    run = commands.launch_run(store, plain_run(), "test")
    with pytest.raises(RuntimeError), store.write() as connection:
        append_without_claim(connection, run, RunFinished("improved", "", 1.0))
        raise RuntimeError
    assert outbox(store) == []
    ended(store)
    with store.write() as connection:
        rebuild(connection)
    assert len(outbox(store)) == 1


def test_only_what_it_is_about_is_sent(store: Store, receiver: Receiver) -> None:
    hooked(store, receiver, occasions=("failed",))
    ended(store)
    run = ended(store, RunFailed("bug", "It failed.", "Try again."))
    Sender(store).tick()
    assert [json.loads(body)["data"] for _, body in receiver.got] == [{"run": run, "sentence": "It failed. Try again."}]


@pytest.mark.parametrize(("form", "body"), [
    ("slack", {"text": "run {run}: finished. It is &lt;better&gt;."}),
    ("discord", {"content": "run {run}: finished. It is <better>.", "allowed_mentions": {"parse": []}})])
def test_slack_and_discord_get_a_message(store: Store, receiver: Receiver, form: str, body: dict[str, Any]) -> None:
    hooked(store, receiver, form=form)
    run = ended(store)
    Sender(store).tick()
    assert receiver.got[0][1].decode() == json.dumps(body).replace("{run}", run)


def test_a_schedules_run_with_another_verdict_than_before_is_said(store: Store, receiver: Receiver) -> None:
    hooked(store, receiver, occasions=("verdict changed",))
    for verdict in ("improved", "improved", "worse"):
        run = commands.launch_run(store, plain_run(), "schedule nightly")
        with store.write() as connection:
            append_without_claim(connection, run, RunFinished(verdict, "Numbers.", 1.0))
    Sender(store).tick()
    assert [json.loads(body)["data"] for _, body in receiver.got] == [
        {"run": run, "sentence": "schedule nightly: improved -> worse. Numbers."}]


def test_a_lost_run_is_said_once_for_each_attempt(store: Store, receiver: Receiver) -> None:
    hooked(store, receiver, occasions=("lost",))
    run = commands.launch_run(store, plain_run(), "test")
    with store.write() as connection:
        connection.execute(update(runs).where(runs.c.id == run).values(work="running"))
        connection.execute(update(claims).where(claims.c.run == run).values(owner="gone", expires_at=1.0, attempt=1))
    for _ in range(2):
        Sender(store).tick()
    assert len(receiver.got) == 1
    with store.write() as connection:
        connection.execute(update(claims).where(claims.c.run == run).values(attempt=2))
    Sender(store).tick()
    assert len(receiver.got) == 2 and len(set(receiver.ids())) == 2


def test_a_teacher_that_will_be_shut_down_is_said_once(
        store: Store, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import date

    from runner.webhooks import delivery
    from store.costs.model_shutdowns import shutdowns

    monkeypatch.setattr(delivery, "shutdowns", lambda config: shutdowns(config, date(2027, 1, 1)))
    hooked(store, receiver, occasions=("teacher shutdown",))
    for _ in range(2):
        commands.launch_run(store, plain_run(teacher="gpt-4o-mini"), "test")
        Sender(store).tick()
    (_, body), = receiver.got
    assert "gpt-4o-mini will be shut down on 14 January 2027, in 13 days" in json.loads(body)["data"]["sentence"]


def test_a_spent_budget_is_said_once_for_a_run_when_a_call_is_not_made(store: Store, receiver: Receiver) -> None:
    hooked(store, receiver, occasions=("budget reached",))
    run = commands.launch_run(store, plain_run(), "test")
    request = ChatRequest("", "Why?", "", {}, 0.0, 100, 1, "reference", "item 1")

    class Paid:
        def complete(self, request: ChatRequest) -> Completion:
            return Completion("Because.", "stop", 1_000_000, 0)

    def chat(**options: Any) -> CachedChat:
        return CachedChat(Paid(), "gpt-4o-mini", "fake", run, store, budget_usd=0.1, **options)

    assert chat().complete(request).text == "Because."  # 0.15 USD
    Sender(store).tick()
    assert receiver.got == []  # what was needed was paid
    for client in (first := chat(), first, chat()):
        with pytest.raises(CostLimitReached):
            client.complete(replace(request, item="item 2"))
    Sender(store).tick()
    (_, body), = receiver.got
    assert json.loads(body)["type"] == "budget reached" and json.loads(body)["data"] == {
        "run": run, "sentence": "No further call is made: the run has cost 0.1500 USD of the 0.1 USD that it may cost."}


def test_a_failed_attempt_is_repeated_with_the_same_id_and_later_each_time(store: Store, receiver: Receiver) -> None:
    hooked(store, receiver)
    receiver.codes = [500, 404]
    ended(store)
    waits = []
    for _ in range(3):
        before = time.time()
        Sender(store).tick()
        waits.append(outbox(store)[0].due_at - before)
        due_now(store)
    assert len(receiver.got) == 3 and len(set(receiver.ids())) == 1 and len({body for _, body in receiver.got}) == 1
    assert 5 <= waits[0] < 60 <= waits[0] + 60 and waits[1] >= 10
    assert (outbox(store)[0].state, outbox(store)[0].error) == ("delivered", None)


def test_it_is_given_up_after_a_day_shown_and_sent_again_when_asked(store: Store, receiver: Receiver) -> None:
    assert 23 <= sum(wait_seconds(number) for number in range(MOST_ATTEMPTS - 1)) / 3600 <= 25
    hooked(store, receiver)
    receiver.codes = [503] * MOST_ATTEMPTS
    ended(store)
    sender = Sender(store)
    for _ in range(MOST_ATTEMPTS + 2):
        sender.tick()
        due_now(store)
    found, = all_webhooks(store)
    assert (found.dead, found.pending, found.error, len(receiver.got)) == (1, 0, "answered with 503", MOST_ATTEMPTS)
    assert send_again(store, "ours") == 1
    sender.tick()
    assert all_webhooks(store)[0].delivered == 1


def test_a_redirect_is_not_followed(store: Store, receiver: Receiver) -> None:
    hooked(store, receiver)
    receiver.codes = [302]
    ended(store)
    Sender(store).tick()
    assert len(receiver.got) == 1 and "302, a redirect, which is not followed" in outbox(store)[0].error


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "10.0.0.1", "192.168.1.1", "[::1]",
                                  "0.0.0.0", "[::ffff:127.0.0.1]", "[fd00::1]", "2130706433", "0x7f000001", "127.1",
                                  "[2002:7f00:1::]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]",
                                  "[64:ff9b::169.254.169.254]", "[64:ff9b:1::1]", "[fec0::1]"])
def test_addresses_of_this_machine_and_private_networks_are_refused(
        store: Store, receiver: Receiver, host: str) -> None:
    add_webhook(store, "theirs", f"http://{host}:{receiver.server_port}/", ())
    ended(store)
    Sender(store).tick()
    assert receiver.got == [] and outbox(store)[0].state == "pending"
    assert "private network" in outbox(store)[0].error


def test_one_private_address_of_a_name_is_enough_to_refuse_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(*answers: str) -> Any:
        return lambda *args, **options: [(0, 0, 0, "", (answer, 443)) for answer in answers]

    monkeypatch.setattr(addresses.socket, "getaddrinfo", found("93.184.215.14", "10.0.0.7"))
    with pytest.raises(AddressRefused, match=r"hooks\.example is 10\.0\.0\.7"):
        address_for("hooks.example", 443, False)
    monkeypatch.setattr(addresses.socket, "getaddrinfo", found("93.184.215.14"))
    assert address_for("hooks.example", 443, False) == "93.184.215.14"
    monkeypatch.setattr(addresses.socket, "getaddrinfo", found("64:ff9b::5db8:d70e"))  # the same one by NAT64
    assert address_for("hooks.example", 443, False) == "64:ff9b::5db8:d70e"


def test_a_name_that_changes_its_address_is_sent_to_the_one_that_was_checked(
        store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, sent = ["93.184.215.14"], []

    def look_up(*args: Any, **options: Any) -> Any:
        return [(0, 0, 0, "", (answers.pop() if answers else "127.0.0.1", 443))]

    async def status(request: httpx.Request) -> int:
        sent.append(request)
        return 204

    monkeypatch.setattr(addresses.socket, "getaddrinfo", look_up)
    monkeypatch.setattr(delivery, "_status", status)
    add_webhook(store, "theirs", "https://hooks.example:8443/x", ())
    ended(store)
    Sender(store).tick()
    request, = sent
    assert str(request.url) == "https://93.184.215.14:8443/x" and request.headers["host"] == "hooks.example:8443"
    assert request.extensions == {"sni_hostname": "hooks.example"} and outbox(store)[0].state == "delivered"


def test_a_receiver_that_answers_a_byte_now_and_then_is_given_up_in_time(
        store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "TIMEOUT_SECONDS", 0.5)
    given_up = threading.Event()

    def answer(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 204 No Content\r\n")
            for _ in range(50):
                if given_up.wait(0.1):
                    return
                connection.sendall(b"a: b\r\n")
            connection.sendall(b"\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer, args=(listening,))
        thread.start()
        add_webhook(store, "slow", f"http://127.0.0.1:{listening.getsockname()[1]}/", (), private_addresses=True)
        ended(store)
        Sender(store).tick()
        given_up.set()
        thread.join()
    assert (outbox(store)[0].state, outbox(store)[0].error) == ("pending", "no answer within 0.5 s")


@pytest.mark.parametrize("url", ["ftp://x/", "http://", "https://user:pass@x/", "x", "http://a b/", "http://x:99999/",
                                 "file:///etc/passwd", "http://x/\n", "http://[::1"])
def test_what_is_no_address_is_refused(store: Store, url: str) -> None:
    with pytest.raises(CommandRefused, match="cannot be used"):
        add_webhook(store, "ours", url, ())
    assert all_webhooks(store) == []


def test_a_removed_webhook_gets_nothing(store: Store, receiver: Receiver) -> None:
    hooked(store, receiver)
    ended(store)
    remove_webhook(store, "ours")
    Sender(store).tick()
    assert receiver.got == [] and outbox(store) == []
    with pytest.raises(CommandRefused, match="no webhook 'ours'"):
        remove_webhook(store, "ours")


KILLED = """
import os, signal, sys
from runner.webhooks import delivery
from store import commands
from store.database import open_store
from store.event_log.journal import append_without_claim
from store.events import RunFinished
from tests.plain_runs import plain_run
store = open_store(sys.argv[1])
run = commands.launch_run(store, plain_run(), "test")
with store.write() as connection:
    append_without_claim(connection, run, RunFinished("improved", "", 1.0))
if sys.argv[2] == "after sending":
    delivery.record_delivered = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
    delivery.Sender(store).tick()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("killed", "sent"), [("after the commit", 1), ("after sending", 2)])
def test_a_kill_loses_no_delivery_and_what_is_sent_twice_has_one_id(
        store: Store, paths: Paths, receiver: Receiver, killed: str, sent: int) -> None:
    hooked(store, receiver)
    done = subprocess.run([sys.executable, "-c", KILLED, paths.store_url, killed], cwd=Path(__file__).parents[3],
                          env=os.environ | {"PYTHONPATH": "."})
    assert done.returncode == -signal.SIGKILL
    if killed == "after sending":
        Sender(store).tick()
        assert len(receiver.got) == 1  # its lease has not ended
        due_now(store)
    Sender(store).tick()
    assert len(receiver.got) == sent and len(set(receiver.ids())) == 1
    Sender(store).tick()
    assert len(receiver.got) == sent and outbox(store)[0].state == "delivered"


def test_two_senders_at_once_send_each_delivery_once(store: Store, receiver: Receiver) -> None:
    hooked(store, receiver)
    for _ in range(6):
        ended(store)
    senders = [threading.Thread(target=Sender(store).tick) for _ in range(3)]
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    assert len(receiver.ids()) == len(set(receiver.ids())) == 6


def test_webhooks_are_managed_on_the_command_line(
        store: Store, paths: Paths, receiver: Receiver, monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    assert main(["webhook", "add", "ours", receiver.url, "--on", "finished,failed", "--private-addresses"]) == 0
    secret = capsys.readouterr().out.strip()
    assert secret.startswith("whsec_")
    assert main(["webhook", "add", "ours", receiver.url]) == 2
    assert main(["webhook", "add", "more", receiver.url, "--on", "nothing"]) == 2
    assert "occasion 'nothing': use some of finished" in capsys.readouterr().err
    ended(store)
    Sender(store).tick()
    assert main(["webhook", "list"]) == 0
    listed = capsys.readouterr().out
    assert "1 delivered, 0 pending, 0 given up" in listed and secret not in listed
    assert main(["webhook", "send-again", "ours"]) == 0 and main(["webhook", "remove", "ours"]) == 0
    assert main(["webhook", "remove", "ours"]) == 2
