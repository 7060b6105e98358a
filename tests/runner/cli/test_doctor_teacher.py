"""`doctor --teacher` says in words what works at an endpoint, what it costs and when the model is shut down."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from runner.cli.main import main
from runner.llm.served_models import ServedModels, read_models
from store.costs.endpoint_options import refused_options
from store.database import Store
from store.paths import Paths
from tests.runner.fake_openai import FakeOpenAI, answer, good_words, refuse, say, send
from tests.runner.teacher.test_remembered_options import strict
from tests.runner.teacher.test_small_teacher import only_numbers, only_sentences
from tests.runner.teacher.test_unusable_endpoint import always


@pytest.fixture
def endpoint(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOpenAI]:
    monkeypatch.setenv("DATA_DIR", str(paths.data))
    monkeypatch.setenv("STORE_URL", paths.store_url)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with FakeOpenAI(words=words) as server:
        yield server


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["doctor", *arguments])
    out, err = capsys.readouterr()
    return code, re.sub(" {2,}", "  ", out + err)


def words(body: dict[str, Any]) -> str:
    """A good teacher that knows an answer without a passage."""
    return good_words(body).replace('"answer": ""', '"answer": "At once."')


def test_a_good_endpoint_is_described_after_three_calls(endpoint: FakeOpenAI, capsys: pytest.CaptureFixture[str],
                                                        paths: Paths) -> None:
    code, said = doctor(capsys, "--teacher", "gpt-4o-mini", "--teacher-base-url", endpoint.url)
    assert code == 0 and len(endpoint.requests) == 3
    for text in ("answers a question  yes", "answers from a passage  yes", "27 milliseconds",
                  "asks about a passage  yes", "structured output  a JSON schema is accepted, and replies are JSON",
                  "system text  accepted", "seed  accepted", "as max_tokens",
                  "streaming  not needed", "0.15 USD for a million tokens in, 0.6 out",
                  "3 calls, 300 tokens in, 60 out; cost: less than 0.0001 USD", "no store yet",
                  "OK: this model can be asked as a teacher"):
        assert text in said, said
    assert not (paths.data / "events.db").exists()  # nothing is created


def test_a_strict_endpoint_is_described_by_its_own_words_and_remembered(
        endpoint: FakeOpenAI, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    endpoint.script.append(always(strict))
    asked = ("--teacher", "gpt-4o-mini", "--teacher-base-url", endpoint.url, "--teacher-effort", "high")
    code, said = doctor(capsys, *asked)
    assert code == 0 and 'refused ("System role not supported"): it goes before the user\'s text' in said
    assert "a JSON object is asked for, no schema" in said and "as max_completion_tokens" in said
    assert 'seed  refused ("Extra inputs are not permitted: \'seed\'"): not sent' in said
    assert "5 refused options, in place of 0" in said
    assert set(refused_options(store, endpoint.url, "gpt-4o-mini", "high")) == {
        "seed", "limit", "system role", "reasoning_effort", "response_format"}
    endpoint.script.clear()  # the endpoint was repaired: everything is tried again, and forgotten
    code, said = doctor(capsys, *asked)
    assert code == 0 and "0 refused options, in place of 5" in said
    assert "reasoning effort  accepted (high)" in said
    assert refused_options(store, endpoint.url, "gpt-4o-mini", "high") == {}


def test_an_endpoint_that_ignores_the_format_is_not_praised_for_it(endpoint: FakeOpenAI,
                                                                   capsys: pytest.CaptureFixture[str]) -> None:
    endpoint.script.append(say("It opens the valve within 27 milliseconds."))
    code, said = doctor(capsys, "--teacher", "gpt-4o-mini", "--teacher-base-url", endpoint.url)
    assert code == 0 and "structured output  the option is accepted and ignored: replies are not JSON" in said


@pytest.mark.parametrize(("step", "words"), [
    (refuse(401, "tenant 7 has no key", "invalid_api_key"), "tenant 7 has no key"),
    (refuse(404, "The model does not exist", "model_not_found"), "The model does not exist"),
    (send("<html>404</html>", "text/html", 404), "an OpenAI-compatible API"), (say("I am a parrot"), "I am a parrot"),
    (say("", "length"), "cut off at the token limit"), (refuse(429, "no quota", "insufficient_quota"), "no quota")])
def test_what_does_not_work_is_exit_1_with_the_endpoints_own_words(
        endpoint: FakeOpenAI, store: Store, capsys: pytest.CaptureFixture[str], step: Any, words: str) -> None:
    endpoint.script.append(always(step))
    code, said = doctor(capsys, "--teacher", "gpt-4o-mini", "--teacher-base-url", endpoint.url)
    assert code == 1 and words in said and "problems: " in said and "Traceback" not in said


@pytest.mark.parametrize(("model", "small", "form", "calls"), [
    ("some-model", only_numbers, "numbered", 4), ("some-model", only_sentences, "sentence", 5),
    ("some-7b", only_sentences, "sentence", 4), ("some-135m", only_sentences, "sentence", 3)])
def test_a_model_that_needs_a_simpler_form_can_be_a_teacher_and_the_form_is_said(
        endpoint: FakeOpenAI, capsys: pytest.CaptureFixture[str], model: str, small: Any, form: str,
        calls: int) -> None:
    """As a run goes on to it: the name's size decides the first form, a reply in none of it the next."""
    endpoint.models = (model,)
    endpoint.words = lambda body: "At once." if "Question: " in str(body["messages"][-1]["content"]) else small(body)
    code, said = doctor(capsys, "--teacher", model, "--teacher-base-url", endpoint.url)
    assert code == 0 and f"asks about a passage  yes (form {form})" in said, said
    assert len(endpoint.requests) == calls and f"{calls} calls" in said


def test_an_answer_that_only_comes_in_plain_words_will_do(endpoint: FakeOpenAI,
                                                          capsys: pytest.CaptureFixture[str]) -> None:
    endpoint.words = lambda body: '{"answer": ' if "evidence" in str(body["messages"]) and "Passage (" in str(
        body["messages"]) else "Within 27 milliseconds." if "Text: " in str(body["messages"]) else words(body)
    code, said = doctor(capsys, "--teacher", "gpt-4o-mini", "--teacher-base-url", endpoint.url)
    assert code == 0 and "answers from a passage  yes" in said and "'Within 27 milliseconds.'" in said


def test_nobody_at_the_address_is_exit_1(endpoint: FakeOpenAI, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = doctor(capsys, "--teacher", "m", "--teacher-base-url", "http://127.0.0.1:9/v1")
    assert code == 1 and "127.0.0.1:9" in said and "nothing, because no call succeeded" in said


@pytest.mark.parametrize(("arguments", "words"), [
    (("--teacher-base-url", "http://127.0.0.1:1/v1"), "name it with --teacher"),
    (("--teacher", "knowledge-base"), "makes no call"), (("--teacher", "gpt-4o-mini"), "no API key"),
    (("--teacher", "m", "--teacher-base-url", "http://a/v1/chat/completions"), "use 'http://a/v1'"),
    (("--teacher", "m", "--teacher-base-url", "a.b/v1"), "http://"),
    (("--teacher", "m", "--teacher-base-url", "http://a/v1", "--teacher-effort", "much"), "teacher_effort 'much'")])
def test_bad_input_is_exit_2_in_one_sentence(endpoint: FakeOpenAI, capsys: pytest.CaptureFixture[str],
                                             arguments: tuple[str, ...], words: str) -> None:
    code, said = doctor(capsys, *arguments)
    assert code == 2 and words in said and said.startswith("error: ") and said.count("\n") == 1


def test_a_key_with_a_line_break_is_refused_unseen(endpoint: FakeOpenAI, capsys: pytest.CaptureFixture[str],
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-first\nsecond")
    code, said = doctor(capsys, "--teacher", "m", "--teacher-base-url", endpoint.url)
    assert code == 2 and "OPENAI_API_KEY" in said and "second" not in said


def test_json_has_the_calls_the_refusals_and_the_problems(endpoint: FakeOpenAI,
                                                          capsys: pytest.CaptureFixture[str]) -> None:
    endpoint.script.extend([refuse(400, "unknown field: seed"), answer])
    code, said = doctor(capsys, "--teacher", "gpt-4o-mini", "--teacher-base-url", endpoint.url, "--json")
    found = json.loads(said)
    assert code == 0 and found["problems"] == [] and len(found["calls"]) == 3
    assert [one["option"] for one in found["refused"]] == ["seed"]


# --- the list of models ----------------------------------------------------------------------------------

@pytest.mark.parametrize(("listed", "found"), [
    ({"data": [{"id": "m", "shutdown_date": "2027-01-14"}]}, ServedModels(("m",), date(2027, 1, 14))),
    ({"data": [{"id": "m", "shutdown_date": 1799884800}]}, ServedModels(("m",), date(2027, 1, 14))),
    ({"data": [{"id": "m", "shutdown_date": "2027-01-14T00:00:00Z"}, {"id": "n"}]},
     ServedModels(("m", "n"), date(2027, 1, 14))),
    ({"data": [{"id": "m", "shutdown_date": None}]}, ServedModels(("m",))),
    ({"data": [{"id": "m", "shutdown_date": "soon"}]}, ServedModels(("m",))),
    ({"data": [{"id": "n", "shutdown_date": "2027-01-14"}]}, ServedModels(("n",))),
    ({"models": [{"name": "m"}]}, ServedModels(("m",))), ([{"id": "m"}], ServedModels(("m",))),
    ({"data": [{"id": "m \ud83d"}]}, ServedModels(("m \ufffd",))), ("no", ServedModels(())),
    ({"data": None}, ServedModels(())), ({"data": [3]}, ServedModels(()))])
def test_a_list_of_models_is_read_leniently(listed: Any, found: ServedModels) -> None:
    assert read_models(listed, "m") == found


def test_the_list_is_shown_where_the_model_is_unknown_and_its_shutdown_date_counts(
        endpoint: FakeOpenAI, capsys: pytest.CaptureFixture[str]) -> None:
    endpoint.listed = [{"id": "gpt-4o-mini", "shutdown_date": "2020-01-02"}, {"id": "llama3"}]
    code, said = doctor(capsys, "--teacher", "gpt-4o-mini", "--teacher-base-url", endpoint.url)
    assert code == 1 and "gpt-4o-mini was shut down on 2020-01-02" in said
    code, said = doctor(capsys, "--teacher", "llama-3", "--teacher-base-url", endpoint.url)
    assert code == 1 and "list of models does not have llama-3: gpt-4o-mini, llama3" in said
