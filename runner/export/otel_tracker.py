"""Send runs to an OpenTelemetry collector as traces, from the events and the stored calls: run > cycle > stage > call.

A run is sent once it has ended. A file of the data folder says up to which event, so that the same command sends what
is new; ids are always the same, so that what is sent twice, after a kill in between, is the same trace.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.errors import UserError
from runner.export.run_spans import SpanFacts, span_id, spans_of, trace_id
from store.costs.llm_calls import calls_of_run
from store.database import Store
from store.event_log.event_rows import read_events
from store.files import write_atomic

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

SERVICE = "distill"
POSITIONS = "opentelemetry.json"
AT_ONCE = 500
"""Spans of one request."""
_NOT_INSTALLED = "OpenTelemetry is not installed: pip install opentelemetry-exporter-otlp-proto-http"


def otlp_exporter(address: str) -> SpanExporter:
    """Return the library's exporter to a collector, by OTLP over HTTP; headers as OTEL_EXPORTER_OTLP_HEADERS says.

    Raises:
        UserError: it is not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise UserError(_NOT_INSTALLED) from error
    return OTLPSpanExporter(endpoint=f"{address.rstrip('/')}/v1/traces", timeout=10)


class OtelTracker:
    """A collector, and up to where each run was sent to it."""

    def __init__(self, address: str, folder: Path, exporter: SpanExporter) -> None:
        """Read what was sent before.

        Args:
            address: of the collector; what was sent is counted by it.
            folder: where it is kept.
            exporter: sends the spans.
        """
        self.uri, self._exporter = address, exporter
        self._path = folder / POSITIONS
        self._sent: dict[str, dict[str, int]] = json.loads(self._path.read_text()) if self._path.is_file() else {}

    def export(self, store: Store, run: str) -> int:
        """Send a run that has ended and has events that were not sent; return how many events are new.

        Raises:
            UserError: the collector did not take it.
        """
        recorded = read_events(store, run)
        mine = self._sent.setdefault(self.uri, {})
        new = len(recorded) - mine.get(run, 0)
        facts = spans_of(recorded, calls_of_run(store, run)) if new else []
        if not facts:
            return 0
        spans = as_spans(run, facts)
        for start in range(0, len(spans), AT_ONCE):
            self._send(spans[start:start + AT_ONCE])
        mine[run] = len(recorded)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(self._path, json.dumps(self._sent).encode())
        return new

    def _send(self, spans: Sequence[ReadableSpan]) -> None:
        from opentelemetry.sdk.trace.export import SpanExportResult

        if self._exporter.export(spans) is not SpanExportResult.SUCCESS:
            raise UserError(f"the collector at {self.uri} did not take the traces: see what it logs, and repeat the "
                            "command")


def as_spans(run: str, facts: Sequence[SpanFacts]) -> list[ReadableSpan]:
    """Return spans in the library's form."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    def context(key: str) -> Any:
        return SpanContext(trace_id(run), span_id(run, key), False, TraceFlags(TraceFlags.SAMPLED))

    resource, scope = Resource.create({"service.name": SERVICE}), InstrumentationScope(SERVICE)
    return [ReadableSpan(
        one.name, context(one.key), context(one.parent) if one.parent else None, resource, one.attributes,
        kind=SpanKind.CLIENT if one.calls_out else SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR, one.error) if one.error else Status(StatusCode.UNSET),
        start_time=_nanoseconds(one.start.timestamp()), end_time=_nanoseconds(one.end.timestamp()),
        instrumentation_scope=scope) for one in facts]


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e6) * 1000
