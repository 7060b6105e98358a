"""A run is one trace: run > cycle > stage > call, with the same ids at every export, and sent once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from runner.cli.main import main
from runner.export.otel_tracker import OtelTracker, as_spans
from runner.export.run_spans import span_id, spans_of, trace_id
from store.costs.llm_calls import LLMCall, calls_of_run, record_call
from store.database import Store
from store.event_log.event_rows import read_events
from store.event_log.journal import append_without_claim
from store.events import Recorded, RunFinished, RunRequested, RunRequeued, StageFinished, StageStarted
from tests.dashboard import stores

pytest.importorskip("opentelemetry.sdk")


@pytest.fixture
def made(tmp_path: Path) -> Iterator[tuple[Store, str, str, str]]:
    store = stores.store_at(tmp_path)
    finished = stores.finished(store, stores.long_ago(5), gains=(0.2, 0.3))
    failed = stores.failed(store, stores.long_ago(4))
    yield store, finished, failed, stores.queued(store, stores.long_ago(2))
    store.close()


def called(store: Store, run: str, key: str, purpose: str, tokens: int | None = 7) -> None:
    reply = '{"text": "x", "finish": "stop", "seconds": 2.5}'
    record_call(store, LLMCall(key, run, "gpt-4o-mini", purpose, reply, tokens, 3))


def test_a_run_is_a_tree_of_its_cycles_stages_and_calls(made: Any) -> None:
    store, finished, *_ = made
    called(store, finished, "a", "reference")
    called(store, finished, "b", "judge faithfulness", None)
    called(store, finished, "c", "asked 1 reference")  # of the playground
    recorded = read_events(store, finished)
    facts = spans_of(recorded, calls_of_run(store, finished))
    by_key = {one.key: one for one in facts}
    assert len(by_key) == len(facts) and [one.key for one in facts if not one.parent] == ["run"]
    for one in facts:
        assert one.start <= one.end
        if one.parent:
            assert facts.index(by_key[one.parent]) < facts.index(one)
    run = by_key["run"]
    assert (run.start, run.end) == (recorded[0].at, next(one.at for one in recorded if one.kind == "RunFinished"))
    assert run.attributes["distill.verdict"] and run.attributes["distill.run"] == finished
    cycles = [one for one in facts if one.name.startswith("cycle ")]
    assert [one.parent for one in cycles] == ["run"] * len(cycles) and len(cycles) == 2
    stages = [one for one in facts if one.key.startswith("stage ")]
    started = [one for one in recorded if one.kind == "StageStarted"]
    assert [one.name for one in sorted(stages, key=lambda one: int(one.key[6:]))] == [one.stage for one in started]
    assert {one.parent for one in stages if one.attributes["distill.cycle"] == 1} == {"cycle 1"}
    of_teacher, of_judge = (by_key[f"call {key}"] for key in ("a", "b"))
    assert "call c" not in by_key and of_teacher.name == "chat gpt-4o-mini"
    assert (of_teacher.end - of_teacher.start).total_seconds() == 2.5
    assert of_teacher.attributes == {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.input_tokens": 7, "gen_ai.usage.output_tokens": 3, "gen_ai.response.finish_reasons": ("stop",),
        "distill.purpose": "reference", "distill.role": "teacher"}
    assert of_judge.attributes["distill.role"] == "judge" and "gen_ai.usage.input_tokens" not in of_judge.attributes


def test_a_call_belongs_to_the_stage_of_its_role_where_several_run_at_the_same_time(made: Any) -> None:
    store, finished, *_ = made
    moments = [Recorded(finished, number, 1, stage, f"2026-12-02T10:0{minute}:00.000000Z", event)
               for number, (minute, stage, event) in enumerate((
                   (0, "references", StageStarted("teacher")), (1, "tuned-evaluation", StageStarted("judge")),
                   (2, "fine-tune", StageStarted("trainer")), (3, "scores", StageStarted("judge")),
                   *((9, stage, StageFinished(1.0, "x.json", 1, "a", "b", False))
                     for stage in ("references", "tuned-evaluation", "fine-tune", "scores"))), 1)]
    ended = [one for one in read_events(store, finished) if isinstance(one.event, RunRequested | RunFinished)]
    whole = [ended[0]._replace(moment=moments[0].moment), *moments, ended[1]._replace(moment=moments[-1].moment)]
    calls = [(LLMCall(purpose, finished, "gpt-4o-mini", purpose, "{}", 7, 3), "2026-12-02T10:05:00.000000Z")
             for purpose in ("reference", "judge faithfulness")]
    by_key = {one.key: one for one in spans_of(whole, calls)}
    assert [by_key[by_key[f"call {call.key}"].parent].name for call, _ in calls] == ["references", "tuned-evaluation"]


def test_a_run_that_has_not_ended_has_no_trace_yet_and_a_failed_one_says_why(made: Any) -> None:
    store, _, failed, queued = made
    assert spans_of(read_events(store, queued), []) == []
    run, *_ = spans_of(read_events(store, failed), [])
    assert run.error and run.attributes["error.type"]
    with store.write() as connection:
        append_without_claim(connection, failed, RunRequeued("retried"))
    assert spans_of(read_events(store, failed), []) == []


def test_the_librarys_spans_have_ids_of_the_run_and_are_sent_once(made: Any, tmp_path: Path) -> None:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.trace import SpanKind, StatusCode

    store, finished, failed, queued = made
    called(store, finished, "a", "reference")
    memory = InMemorySpanExporter()
    tracker = OtelTracker("http://here", tmp_path / "trackers", memory)
    assert tracker.export(store, finished) == len(read_events(store, finished)) and tracker.export(store, queued) == 0
    sent = memory.get_finished_spans()
    assert {one.context.trace_id for one in sent} == {trace_id(finished)}
    assert sent[0].parent is None and sent[0].context.span_id == span_id(finished, "run")
    call = sent[-1]
    assert call.kind is SpanKind.CLIENT and call.end_time - call.start_time == 2_500_000_000
    again = OtelTracker("http://here", tmp_path / "trackers", memory)
    assert again.export(store, finished) == 0 and len(memory.get_finished_spans()) == len(sent)
    other = OtelTracker("http://there", tmp_path / "trackers", memory)
    assert other.export(store, failed) > 0
    assert memory.get_finished_spans()[len(sent)].status.status_code is StatusCode.ERROR
    ids = [one.context.span_id for one in sent]
    facts = spans_of(read_events(store, finished), calls_of_run(store, finished))
    assert [one.context.span_id for one in as_spans(finished, facts)] == ids


def test_a_collector_gets_the_trace_by_otlp_and_one_that_refuses_it_gets_it_again(
        made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    store, finished, failed, _ = made
    called(store, finished, "a", "reference")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    got: list[Any] = []
    codes = [400]

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            code = codes.pop() if codes else 200
            if code == 200:
                got.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            command = ["export-events", "--to", f"otel:http://127.0.0.1:{server.server_port}"]
            assert main(command) == 2 and "did not take the traces" in capsys.readouterr().err and got == []
            assert main(command) == 0 and "of 2 runs written" in capsys.readouterr().out
            assert main(command) == 0 and capsys.readouterr().out.startswith("0 events of 0 runs")
        finally:
            server.shutdown()
            thread.join()
    assert [path for path, _ in got] == ["/v1/traces"] * 2
    spans = [span for _, request in got for part in request.resource_spans for scope in part.scope_spans
             for span in scope.spans]
    assert {span.trace_id for span in spans} == {trace_id(run).to_bytes(16, "big") for run in (finished, failed)}
    call = next(span for span in spans if span.name == "chat gpt-4o-mini")
    assert {one.key: one.value.string_value for one in call.attributes}["gen_ai.request.model"] == "gpt-4o-mini"
