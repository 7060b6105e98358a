"""A tuned student is served as it was exported, to the official client; the address is closed to whoever has no key."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest

from runner.cli.main import main
from runner.errors import UserError
from runner.export.chat_server import bound_socket
from runner.export.checksums import changed_files
from runner.export.retrieval_prompts import RetrievalPrompts
from runner.export.served_models import ServedModel, ask_served, served_model
from runner.export.student_export import export, kept_export, tuned_cycle
from runner.pipeline.retrieval import open_retriever
from runner.pipeline.run_knowledge import domain_of_finished_run
from runner.pipeline.stages.context_prompts import PASSAGES_BETWEEN
from runner.student.exported_model import ExportedModel
from runner.student.question_rewriting import rewritten
from store import queries
from store.analysis.earlier_documents import COPY
from store.control_arms import TUNED_RETRIEVAL
from store.database import Store
from store.event_log.journal import read_events
from store.events import AnswersGiven, PromptsPrepared, QuestionsAsked
from store.paths import Paths
from tests.runner.tiny_models import llama_folder
from tests.runner.tiny_runs import carried_out, launched
from tests.runner.watching import LIMIT_SECONDS

ROOT = Path(__file__).resolve().parents[3]
QUESTION = "What does a Service do for a Pod?"
KEY = "a-key-of-this-test"
Made = tuple[Store, str, Paths]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A finished run with a real tiny student."""
    folder = tmp_path_factory.mktemp("made")
    store, run, paths = launched(folder, llama_folder(folder / "tiny", context=512), repetition_penalty=1.0,
                                 learning_rate=2e-2)
    carried_out(store, run, paths)
    yield store, run, paths
    store.close()


@pytest.fixture(scope="module")
def retrieved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A finished run with a real tiny student and the real retriever, whose context holds a passage cut short."""
    folder = tmp_path_factory.mktemp("retrieved")
    store, run, paths = launched(folder, llama_folder(folder / "tiny", context=768), repetition_penalty=1.0,
                                 learning_rate=2e-2, arms=("tuned+retrieval",), questions=4, held_out=3)
    carried_out(store, run, paths, open_retriever=open_retriever)
    yield store, run, paths
    store.close()


@dataclass
class Endpoint:
    """A running `serve-model`, and what it said before it answered."""

    process: subprocess.Popen[str]
    said: str

    @property
    def url(self) -> str:
        return next(line.split()[-1] for line in self.said.splitlines() if line.startswith("base URL"))

    def stop(self, by: signal.Signals) -> int:
        self.process.send_signal(by)
        return self.process.wait(LIMIT_SECONDS)


@contextlib.contextmanager
def served(paths: Paths, *arguments: str) -> Iterator[Endpoint]:
    environment = {name: value for name, value in os.environ.items() if name != "STORE_URL"}
    process = subprocess.Popen([sys.executable, "-m", "runner", "serve-model", *arguments, "--port", "0"], cwd=ROOT,
                               env=environment | {"DATA_DIR": str(paths.data)}, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    assert process.stdout
    try:
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("Ctrl-C"):
                break
        assert "base URL" in said, said
        yield Endpoint(process, said)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_official_client_gets_the_exported_students_answers_streamed_or_not(made: Made, tmp_path: Path) -> None:
    store, run, paths = made
    with served(paths, run, "--key", KEY) as endpoint:
        client = openai.OpenAI(base_url=endpoint.url, api_key=KEY, max_retries=0)
        (model,) = client.models.list().data
        asked = {"model": model.id, "messages": [{"role": "user", "content": QUESTION}], "temperature": 0,
                 "max_tokens": 4}
        whole = client.chat.completions.create(**asked)  # type: ignore[call-overload]
        pieces = [chunk.choices[0].delta.content or "" for chunk in
                  client.chat.completions.create(stream=True, **asked) if chunk.choices]  # type: ignore[call-overload]
        assert model.id == whole.model == f"{run}-cycle-1" and KEY not in endpoint.said
        with pytest.raises(openai.BadRequestError, match="pinned"):
            client.chat.completions.create(**asked | {"model": "another"})  # type: ignore[call-overload]
        with pytest.raises(openai.AuthenticationError, match="asks for its key"):
            openai.OpenAI(base_url=endpoint.url, api_key="another", max_retries=0).models.list()
        with pytest.raises(openai.NotFoundError, match="nothing answers at /load_model"):
            client.post("/../load_model", cast_to=object, body={"model": "another"})
        assert endpoint.stop(signal.SIGINT) == 0
    folder = export(store, paths, run, 1, tmp_path / "out", "merged").folder
    (expected,) = ExportedModel(folder).answers([QUESTION], 4)
    assert whole.choices[0].message.content.strip() == "".join(pieces).strip() == expected.text != ""
    (kept,) = paths.exports.iterdir()
    assert changed_files(kept) == []


def test_with_retrieval_it_is_asked_the_very_prompts_of_the_retrieval_arm(retrieved: Made) -> None:
    store, run, paths = retrieved
    events = [item.event for item in read_events(store, run)]
    (prompts,) = [event.prompts for event in events if isinstance(event, PromptsPrepared)]
    (given,) = [event.answers for event in events if isinstance(event, AnswersGiven) and event.arm == TUNED_RETRIEVAL]
    (asked,) = [event.questions for event in events if isinstance(event, QuestionsAsked) and len(event.questions) == 3]
    assert all(prompt.sources for prompt in prompts)
    with served(paths, run, "--with-retrieval") as endpoint:
        assert "passages of Kubernetes v1.28 are put before each question" in endpoint.said
        client = openai.OpenAI(base_url=endpoint.url, api_key="none", max_retries=0)

        def said(text: str, **more: Any) -> str:
            made = client.chat.completions.create(model=f"{run}-cycle-1", max_tokens=4, temperature=0, messages=[
                {"role": "user", "content": [{"type": "text", "text": text}] if more else text}])
            return (made.choices[0].message.content or "").strip()
        answers = {answer.question_id: answer.text for answer in given}
        assert {one.question_id: said(one.text) for one in asked} == answers
        assert said(asked[0].text, parts=True) == answers[asked[0].question_id]
        with pytest.raises(openai.APIStatusError):
            client.post("/chat/completions", cast_to=object, body={"messages": "no list"})
    domain = domain_of_finished_run(paths.run(run) / COPY, queries.find_run(store, run).knowledge_hash,  # type: ignore[union-attr]
                                    lambda: pytest.fail("the copy is there"))
    exported = ExportedModel(next(paths.exports.iterdir()))
    ours = RetrievalPrompts(domain, open_retriever(), 4, PASSAGES_BETWEEN)
    texts = {one.question_id: one.text for one in asked}
    assert [ours.prompt(texts[prompt.question_id], exported.fits_context) for prompt in prompts] == [
        prompt.text for prompt in prompts]


def test_a_run_whose_passages_are_gone_is_not_served_with_retrieval(
        retrieved: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _, run, paths = retrieved
    copy = paths.run(run) / COPY
    kept = copy.read_bytes()
    copy.write_bytes(b"{}")
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    assert main(["serve-model", run, "--port", "0", "--with-retrieval"]) == 2
    copy.write_bytes(kept)
    assert "serve it without --with-retrieval" in (said := capsys.readouterr().err) and said.count("\n") == 1


@pytest.mark.parametrize("body", [b"", b"[]", b'{"messages": [{"role": "system", "content": "Be brief."}]}',
                                  b'{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}'])
def test_what_asks_no_question_reaches_the_app_as_it_is(body: bytes) -> None:
    assert rewritten(body, str.upper) == body


def test_of_a_conversation_the_last_question_alone_is_rewritten() -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    changed = json.loads(rewritten(json.dumps({"messages": turns, "stream": True}).encode(), str.upper))
    assert [turn["content"] for turn in changed["messages"]] == ["a", "b", "C"] and changed["stream"]


@pytest.mark.slow
def test_a_folder_that_is_named_is_served_verified_by_its_address_and_ended_by_sigterm(
        made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    store, run, paths = made
    folder = export(store, paths, run, 1, tmp_path / "out", "merged").folder
    with served(paths, run, "--artefact", str(folder)) as endpoint:
        by = served_model(paths, run, 1)
        assert by == ServedModel(endpoint.url, f"{run}-cycle-1", "") and ask_served(by, QUESTION, 4)
        assert "verify" in endpoint.said and "key        none" in endpoint.said
        monkeypatch.setenv("DATA_DIR", str(paths.data))
        assert main(["verify", run, "--artefact", endpoint.url]) == 0  # asked through its real server
        assert "Same as measured: 6 of 6 answers" in capsys.readouterr().out
        assert endpoint.stop(signal.SIGTERM) == 0
    assert served_model(paths, run, 1) is None


@pytest.mark.parametrize(("arguments", "said"), [
    (("--host", "0.0.0.0"), "can be reached from other machines: set a key"),
    (("--artefact", "nowhere"), "nowhere is no model folder"),
    (("--cycle", "7"), "no adapter of cycle 7"),
    (("--host", "192.0.2.1", "--key", KEY), "nothing can be served at 192.0.2.1"),
])
def test_what_cannot_be_served_is_refused_in_one_sentence(
        made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...],
        said: str) -> None:
    monkeypatch.setenv("DATA_DIR", str(made[2].data))
    monkeypatch.delenv("STORE_URL", raising=False)
    assert main(["serve-model", made[1], "--port", "0", *arguments]) == 2
    assert said in (printed := capsys.readouterr().err) and printed.count("\n") == 1


def test_a_taken_port_a_changed_export_and_a_missing_library_are_refused(
        made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    store, run, paths = made
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve-model", run, "--port", str(taken.getsockname()[1])]) == 2
        assert "take another --port" in capsys.readouterr().err
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "fastapi", None)
        assert main(["serve-model", run, "--port", "0"]) == 2
        assert "needs what is not installed (fastapi)" in capsys.readouterr().err
    kept = kept_export(store, paths, run, tuned_cycle(store, paths, run, None)[1], print)
    with (kept / "config.json").open("a") as config:
        config.write("\n")
    assert main(["serve-model", run, "--port", "0"]) == 2
    assert "config.json changed" in capsys.readouterr().err


def test_a_port_that_is_none_is_named() -> None:
    with pytest.raises(UserError, match="127.0.0.1:99999"):
        bound_socket("127.0.0.1", 99999)


def test_a_reply_does_not_wait_for_an_acknowledgement_of_its_headers() -> None:
    with bound_socket("127.0.0.1", 0) as bound, socket.create_connection(bound.getsockname()):
        accepted, _ = bound.accept()
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        accepted.close()
