"""Turn a run's events and its calls to models into spans: run > cycle > stage > call.

Ids are made of the run and of what a span is about, so that the same run gives the same trace however often it is
exported. What had no end when its run ended, such as a stage that was killed, ends with what came next.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from store import events
from store.costs.llm_calls import JUDGE_PURPOSE, LLMCall
from store.events import Recorded
from store.timestamps import parse

ENDS = (events.RunFinished, events.RunFailed, events.RunCancelled)
SHOWN_SETTINGS = ("name", "teacher", "student", "questions", "cycles")
Attribute = str | int | float | bool | tuple[str, ...]


@dataclass
class SpanFacts:
    """One span before it is in any library's form."""

    key: str
    """What it is about, unique in its run."""
    parent: str
    """Key of the span around it; empty for the run's own."""
    name: str
    start: datetime
    end: datetime
    attributes: dict[str, Attribute] = field(default_factory=dict)
    error: str = ""
    """Why what it is about failed; empty where it did not."""
    calls_out: bool = False
    """Whether it is a call to another server."""


def trace_id(run: str) -> int:
    """Return the id of a run's trace."""
    return int.from_bytes(hashlib.sha256(run.encode()).digest()[:16], "big")


def span_id(run: str, key: str) -> int:
    """Return the id of a span."""
    return int.from_bytes(hashlib.sha256(f"{run}\n{key}".encode()).digest()[:8], "big")


def spans_of(recorded: Sequence[Recorded], calls: Sequence[tuple[LLMCall, str]]) -> list[SpanFacts]:
    """Return the spans of a run that has ended, each after the one around it; empty where it has not.

    Args:
        recorded: all events of the run, in order.
        calls: its stored calls to teacher and judge, each with its time.
    """
    ended = next((one for one in reversed(recorded) if isinstance(one.event, (*ENDS, events.RunRequeued))), None)
    if ended is None or isinstance(ended.event, events.RunRequeued):
        return []
    within = [one for one in recorded if one.seq <= ended.seq]
    run = _run_span(within, ended)
    cycles = list(_cycle_spans(within, ended))
    stages = list(_stage_spans(within, ended, {span.key for span in cycles}))
    return [run, *cycles, *stages, *(_call_span(call, parse(at), stages) for call, at in calls)]


def _run_span(within: Sequence[Recorded], ended: Recorded) -> SpanFacts:
    first, event = within[0], ended.event
    span = SpanFacts("run", "", "distill run", first.at, ended.at, {"distill.run": first.run})
    if isinstance(first.event, events.RunRequested):
        config = first.event.config
        shown = {f"distill.{name}": config.get(name) for name in SHOWN_SETTINGS}
        span.attributes |= {"distill.requested_by": first.event.requested_by,
                            **{name: value for name, value in shown.items() if isinstance(value, str | int)}}
    if isinstance(event, events.RunFinished):
        span.attributes |= {"distill.verdict": event.verdict, "distill.sentence": event.sentence}
    elif isinstance(event, events.RunFailed):
        span.error, span.attributes["error.type"] = event.message, event.kind
    else:
        span.attributes["distill.cancelled"] = True
    return span


def _cycle_spans(within: Sequence[Recorded], ended: Recorded) -> Iterator[SpanFacts]:
    """A cycle ends with its own event, or where it never came with the run."""
    started: dict[int, datetime] = {}
    ends: dict[int, datetime] = {}
    for one in within:
        if one.cycle and isinstance(one.event, events.CycleStarted):
            started.setdefault(one.cycle, one.at)
        elif one.cycle and isinstance(one.event, events.CycleFinished):
            ends[one.cycle] = one.at
    for cycle, start in started.items():
        yield SpanFacts(f"cycle {cycle}", "run", f"cycle {cycle}", start, ends.get(cycle, ended.at),
                        {"distill.cycle": cycle})


def _stage_spans(within: Sequence[Recorded], ended: Recorded, cycles: set[str]) -> Iterator[SpanFacts]:
    """One span for each attempt at a stage."""
    open_stages: dict[tuple[int, str], SpanFacts] = {}
    for one in within:
        place = (one.cycle or 0, one.stage or "")
        if isinstance(one.event, events.StageStarted | events.RunStarted):
            for left in [place] if isinstance(one.event, events.StageStarted) else list(open_stages):
                if span := open_stages.pop(left, None):
                    span.end, span.attributes["distill.interrupted"] = one.at, True
                    yield span
        if isinstance(one.event, events.StageStarted):
            parent = f"cycle {place[0]}" if f"cycle {place[0]}" in cycles else "run"
            open_stages[place] = SpanFacts(f"stage {one.seq}", parent, place[1], one.at, one.at, {
                "distill.stage": place[1], "distill.cycle": place[0], "distill.doer": one.event.doer})
        elif isinstance(one.event, events.StageFinished | events.StageFailed) and place in open_stages:
            span = open_stages.pop(place)
            span.end = one.at
            if isinstance(one.event, events.StageFailed):
                span.error, span.attributes["error.type"] = one.event.message, one.event.kind
            yield span
    for span in open_stages.values():
        span.end, span.attributes["distill.interrupted"] = ended.at, True
        yield span


def _call_span(call: LLMCall, at: datetime, stages: Sequence[SpanFacts]) -> SpanFacts:
    """A call as OpenTelemetry's conventions for generative AI describe it; within the stage of its role at its time."""
    role = "judge" if call.purpose.startswith(JUDGE_PURPOSE) else "teacher"
    around = [span for span in stages if span.start <= at <= span.end]
    own = [span for span in around if span.attributes["distill.doer"] == role]  # of several, the first one is asking
    parent = (own or around[-1:])[0].key if around else "run"
    reply = _reply(call.response)
    seconds = reply.get("seconds")
    start = at - timedelta(seconds=seconds) if isinstance(seconds, int | float) else at
    tokens = {"gen_ai.usage.input_tokens": call.prompt_tokens, "gen_ai.usage.output_tokens": call.completion_tokens,
              "gen_ai.usage.reasoning.output_tokens": call.reasoning_tokens}
    attributes: dict[str, Attribute] = {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": call.model,
        "distill.purpose": call.purpose,
        "distill.role": role,
        **{name: value for name, value in tokens.items() if value is not None}}
    if isinstance(finish := reply.get("finish"), str):
        attributes["gen_ai.response.finish_reasons"] = (finish,)
    if call.batch:
        attributes["distill.batch"] = call.batch
    return SpanFacts(f"call {call.key}", parent, f"chat {call.model}", start, at, attributes, calls_out=True)


def _reply(response: str) -> dict[str, object]:
    try:
        found = json.loads(response)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
