"""Bad input with batches: one sentence and exit code 2; what batches cost, and how their files are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.cli.main import main
from runner.llm.batch_file import read_replies
from runner.llm.batch_queue import BatchQueue
from runner.llm.errors import BatchRefused, CallPostponed, CostLimitReached
from runner.llm.factory import open_chat
from runner.llm.retry import RetryPolicy
from runner.pipeline.preflight import preflight_errors
from store import queries
from store.costs.llm_calls import LLMCall, UsageTotals, cost_of, record_call, run_usage
from store.costs.prices import cost_usd
from store.database import Store
from store.paths import Paths
from store.run_config import InvalidConfig, to_json
from store.config_checks import check
from store.presets import preset
from tests.runner.fake_batches import FakeBatches
from tests.runner.fake_openai import FakeOpenAI
from tests.runner.fake_teachers import REQUEST


def test_batches_with_the_offline_teacher_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert main(["run", "--teacher-batch"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "makes no calls" in said and "leave --teacher-batch out" in said
    assert not list(tmp_path.iterdir())
    with pytest.raises(InvalidConfig, match="teacher_batch with the teacher 'knowledge-base'"):
        check(preset("embedded", teacher="x", teacher_batch=True).__class__(teacher_batch=True))
    assert check(preset("embedded", judge="gpt-4o-mini", teacher_batch=True)).teacher_batch


def test_an_endpoint_without_batches_is_refused_before_launch(fake: FakeOpenAI, tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch,
                                                             capsys: pytest.CaptureFixture[str]) -> None:
    """The fake endpoint answers 501 to everything that is no POST, as Python's own server does."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert main(["run", "--teacher", "gpt-4o-mini", "--teacher-base-url", fake.url, "--teacher-batch"]) == 2
    said = capsys.readouterr().err
    assert "has no batch interface" in said and "leave --teacher-batch out" in said and "Traceback" not in said
    assert not fake.requests and not (tmp_path / "events.db").exists()


def test_an_endpoint_that_is_down_is_left_to_the_run(tmp_path: Path) -> None:
    with FakeBatches() as server:
        config = preset("embedded", teacher="m", teacher_base_url=server.url, teacher_batch=True)
        assert preflight_errors(config, Paths(tmp_path, f"sqlite:///{tmp_path}/e.db")) == []
    assert preflight_errors(config, Paths(tmp_path, f"sqlite:///{tmp_path}/e.db")) == []


def test_a_configuration_without_batches_keeps_its_text() -> None:
    assert "teacher_batch" not in to_json(preset("embedded"))


def test_calls_of_batches_have_their_own_price(store: Store) -> None:
    record_call(store, LLMCall("a", "r", "gpt-4o-mini", "reference", "{}", 1_000_000, 0, batch="batch-1"))
    record_call(store, LLMCall("b", "r", "gpt-4o-mini", "reference", "{}", 1_000_000, 1_000_000))
    totals = run_usage(store, "r")
    assert totals == UsageTotals(2, 2_000_000, 1_000_000, 0, 0, 1_000_000, 0)
    assert cost_of("gpt-4o-mini", totals) == pytest.approx(0.15 / 2 + 0.15 + 0.60)
    assert cost_usd("llama3", 1, 1, batched=True) is None and cost_of("llama3", totals) is None


def test_a_budget_lets_as_many_calls_into_a_batch_as_it_can_pay(store: Store) -> None:
    with FakeBatches() as server:
        queue = BatchQueue("teacher", {})
        open_chat("gpt-4o-mini", server.url, "k", "r", store, RetryPolicy(), batches=queue)
        for number in range(3):
            with pytest.raises(CallPostponed):
                queue.postpone(f"key {number}", REQUEST, left_usd=0.00008)
        assert list(queue.calls) == ["key 0", "key 1"] and queue.estimated_usd and queue.estimated_usd <= 0.00008
        queue.clear()
        with pytest.raises(CostLimitReached, match="may cost up to"):
            queue.postpone("key 3", REQUEST, left_usd=0.00001)


def test_result_lines_are_read_one_by_one() -> None:
    text = "\n".join(('{"custom_id": "a", "response": {"status_code": 200, "body": {"choices": []}}, "error": null}',
                      '{"custom_id": "b", "response": null, "error": {"code": "batch_expired", "message": "late"}}',
                      '{"custom_id": "c", "response": {"status_code": 500, "body": "oops"}, "error": null}',
                      '{"custom_id": "d", "response": nu', "", "[]"))
    found = read_replies(text, "http://x")
    assert found.completions["a"].finish == "unreadable" and set(found.completions) == {"a"}
    assert {key: (line.status, line.message) for key, line in found.failures.items()} == {
        "c": (500, "no reason is given")}


@pytest.mark.parametrize("text", [
    '{"choices": [{"message": {"content": "27"}}]}', '{"choices": [{"message": {"content": "2\u20287\x85\x0b"}}]}',
    '{"choices": [{"message": {"content": "2\\u20287"}}]}'])
@pytest.mark.parametrize("line", ['{"custom_id": "a", "response": {"status_code": 200, "body": %s}, "error": null}',
                                  '{"custom_id": "a", "response": {"status_code": "200", "body": %s}}'])
@pytest.mark.parametrize("file", ["%s", "\ufeff%s\n", "%s\r\n\r\n", "\n\n%s\n%s"])
def test_a_paid_line_is_read_in_whatever_file(text: str, line: str, file: str) -> None:
    """A reply that is not found in the file would be asked for, and paid, again."""
    found = read_replies(file.replace("%s", line % text), "http://x")
    assert found.completions["a"].text.replace("\u2028", "").rstrip() == "27" and not found.failures


@pytest.mark.parametrize(("response", "status", "words"), [
    ({"status_code": 200, "body": {"error": {"code": 429, "message": "slow down"}}}, 429, "slow down"),
    ({"status_code": 200, "body": {"error": {"message": "worker died"}}}, None, "worker died"),
    ({"status_code": "400", "body": {"error": {"message": "unknown 'seed'"}}}, 400, "unknown 'seed'"),
    ({"status_code": 400, "body": {"detail": [{"loc": ["body", "seed"], "msg": "extra"}]}}, 400, '"seed"'),
    ({"status_code": 400, "body": '{"error": {"message": "no"}}'}, 400, "no")])
def test_a_failed_line_is_told_in_the_servers_words(response: dict[str, Any], status: int | None, words: str) -> None:
    found = read_replies(json.dumps({"custom_id": "a", "response": response, "error": None}), "http://x")
    assert not found.completions and found.failures["a"].status == status and words in found.failures["a"].message


def test_a_web_page_in_place_of_an_api_is_no_batch_interface(fake: FakeOpenAI) -> None:
    from runner.llm.batch_endpoint import open_batch_endpoint

    with pytest.raises(BatchRefused, match="has no batch interface"):
        open_batch_endpoint("m", fake.url).check()
    assert queries.WAITING == "waiting-for-batch"
