"""The event log in sentences: for each kind of event what a person wants to know of it. Pure; plain text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any

from dashboard.style import labels
from store import events as happened
from store.queries import LogEntry

_REASONS = 3
"""How many reasons a line names."""


def _rejected(event: happened.QuestionsRejected) -> str:
    reasons = Counter(item.reason for item in event.rejected).most_common()
    named = "; ".join(f"{reason[:120]} ({many})" for reason, many in reasons[:_REASONS])
    more = f"; and {len(reasons) - _REASONS} more reasons" if len(reasons) > _REASONS else ""
    return f"{labels.count(len(event.rejected), 'question')} of {event.teacher} rejected: {named}{more}"


def _prompts(event: happened.PromptsPrepared) -> str:
    short = sum(bool(prompt.left_out or prompt.cut) for prompt in event.prompts)
    return (f"{len(event.prompts)} prompts of {event.arm}"
            + (f", {short} of them shortened to fit into the student's context" if short else ""))


def _owner(name: str) -> str:
    """Host and process of a runner; the number that makes its name unique says nothing to people."""
    host, pid, *_ = [*name.split(":"), ""]
    return f"{host}, process {pid}" if pid else host


_DESCRIPTIONS: dict[type[happened.Event], Callable[[Any], str]] = {
    happened.RunRequested: lambda e: f"Requested by the {e.requested_by}",
    happened.RunStarted: lambda e: f"Taken up by {_owner(e.owner)}"
                                    + (f" (attempt {e.attempt})" if e.attempt > 1 else ""),
    happened.KnowledgeRead: lambda e: f"Knowledge read: {e.domain}, {e.passages} passages",
    happened.PlanChosen: lambda e: f"Plan: {e.device}, {e.precision}: {e.reason}",
    happened.CycleStarted: lambda e: "Cycle started",
    happened.StageStarted: lambda e: f"Started ({e.doer})" if e.doer else "Started",
    happened.StageFinished: lambda e: f"{'Taken over, finished before' if e.adopted else 'Finished'} in "
                                      f"{labels.duration(e.seconds)}",
    happened.StageFailed: lambda e: f"Failed ({e.kind}): {e.message} {e.advice}",
    happened.RecoveryTaken: lambda e: f"{e.kind}: {e.message} → {e.action}"
                                      + (f", after {labels.duration(e.wait_seconds)}" if e.wait_seconds else ""),
    happened.QuestionsAsked: lambda e: f"{len(e.questions)} of {e.wanted} questions asked",
    happened.QuestionsRejected: _rejected,
    happened.ReferencesWritten: lambda e: f"{len(e.references)} reference answers",
    happened.AnswersGiven: lambda e: f"{len(e.answers)} {e.arm} answers",
    happened.AnswersScored: lambda e: f"{len(e.scores)} {e.arm} scores by {e.judge}",
    happened.JudgingEstimated: lambda e: f"The judge {e.judge} will be asked at most {e.calls:,} times, about "
                                         f"{e.prompt_tokens + e.completion_tokens:,} tokens; "
                                          f"{labels.money(e.cost_usd)}",
    happened.JudgeAudited: lambda e: f"Trial of {labels.metric_within(e.metric)} by {e.judge}: "
                                     + ("passed" if e.passed else "not passed: " + "; ".join(e.reasons)),
    happened.JudgingStarted: lambda e: f"Judging {e.judging} of stored answers by {', '.join(e.metrics)}",
    happened.AnswersJudgedAgain: lambda e: f"{len(e.scores)} {e.arm} scores by {e.judge} (judging {e.judging})",
    happened.JudgingCompared: lambda e: f"{len(e.changes)} changes by the scores of judging {e.judging}",
    happened.JudgingFinished: lambda e: f"Judging {e.judging} ended: {e.scored} of {e.asked} scored",
    happened.AdapterTrained: lambda e: f"Adapter trained: {e.steps} steps, loss {e.first_loss:.2f} to "
                                       f"{e.last_loss:.2f}, {labels.duration(e.seconds)}",
    happened.AdapterMissing: lambda e: f"No adapter in this cycle: {e.reason}",
    happened.PassagesRetrieved: lambda e: f"{e.searched:,} passages searched for "
                                          f"{labels.count(len(e.found), 'question')}"
                                          f" by {e.retriever}" + (f"; {e.cut} read in part" if e.cut else ""),
    happened.PromptsPrepared: _prompts,
    happened.PlaceboTrained: lambda e: f"Placebo trained on {len(e.examples)} shuffled references: {e.steps} steps, "
                                       f"loss {e.first_loss:.2f} to {e.last_loss:.2f}, {labels.duration(e.seconds)}",
    happened.ControlArmsCompared: lambda e: f"{len({c.arm for c in e.changes} - {'tuned'})} control arms compared",
    happened.LearningCurveMeasured: lambda e: f"Learning curve: {labels.count(len(e.points), 'point')}",
    happened.ArmsCompared: lambda e: e.sentence,
    happened.CycleFinished: lambda e: f"Cycle ended: {labels.CYCLE_WORK.get(e.work, e.work)}. {e.sentence}",
    happened.RunFinished: lambda e: f"Run finished. {e.sentence}",
    happened.RunFailed: lambda e: f"Run failed ({e.kind}): {e.message} {e.advice}",
    happened.RunCancelled: lambda e: f"Cancelled{': ' + e.reason if e.reason else ''}",
    happened.RunPaused: lambda e: "Paused",
    happened.ScheduleAdded: lambda e: f"Added by {e.added_by}",
    happened.ScheduleFired: lambda e: f"Due {e.due_at[:16].replace('T', ' ')} UTC: queued run {e.run}",
    happened.ScheduleSkipped: lambda e: f"Due {e.due_at[:16].replace('T', ' ')} UTC: skipped, {e.reason}",
    happened.ScheduleMissed: lambda e: f"Missed {labels.count(e.times, 'time')}: {e.reason}",
    happened.ScheduleFailed: lambda e: f"Due {e.due_at[:16].replace('T', ' ')} UTC: failed, {e.message}",
    happened.SchedulePaused: lambda e: "Paused",
    happened.ScheduleResumed: lambda e: "Resumed",
    happened.ScheduleRemoved: lambda e: "Removed",
    happened.RunPrioritised: lambda e: f"Moved in the queue: priority {e.priority}",
    happened.AnswerRated: lambda e: f"{e.rater} rated an answer: {e.rating}",
    happened.RunAnnotated: lambda e: f"Tags and note by {e.by}",
    happened.RunArchived: lambda e: f"{'Archived' if e.archived else 'Taken out of the archive'} by {e.by}",
    happened.RunDeleted: lambda e: f"Deleted by {e.by}",
    happened.RunRequeued: lambda e: f"Waits for a runner again: {e.reason}",
}


def describe(happening: LogEntry) -> str:
    """One event as a sentence; a kind that has none shows its own name, spaced."""
    tell = _DESCRIPTIONS.get(type(happening.event)) if happening.event else None
    if tell is None:
        return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in happening.kind).strip()
    return str(tell(happening.event))


def where(happening: LogEntry, titles: Mapping[str, str]) -> str:
    """Cycle and stage, as far as the event has them."""
    cycle = f"Cycle {happening.cycle}" if happening.cycle else ""
    stage = titles.get(happening.stage or "", happening.stage or "")
    return ": ".join(part for part in (cycle, stage) if part)


def table(happenings: list[LogEntry], zone: tzinfo = UTC,
          titles: Mapping[str, str] | None = None) -> list[dict[str, str]]:
    """The log as rows of a table, its times in the viewer's zone.

    Args:
        titles: what each stage is called.
    """
    return [{"when": f"{item.at.astimezone(zone):%H:%M:%S}", "where": where(item, titles or {}), "what": describe(item)}
            for item in happenings]


def rows(happenings: Sequence[LogEntry]) -> list[dict[str, Any]]:
    """The log as it is taken along: moments in UTC, stages by their own names."""
    return [{"event": item.id, "at": item.at.isoformat(), "cycle": item.cycle, "stage": item.stage, "kind": item.kind,
             "what": describe(item)} for item in happenings]
