"""Format events as sentences for the event log: plain text, one template per event type. No I/O."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any

from dashboard.style import labels
from store import events as happened
from store.analysis.step_choice import step_sentence
from store.queries import LogEntry

_REASONS = 3
"""Maximum number of reasons per line."""


def _rejected(event: happened.QuestionsRejected) -> str:
    reasons = Counter(item.reason for item in event.rejected).most_common()
    named = "; ".join(f"{reason[:120]} ({many})" for reason, many in reasons[:_REASONS])
    more = f"; and {len(reasons) - _REASONS} more reasons" if len(reasons) > _REASONS else ""
    return f"{labels.count(len(event.rejected), 'question')} by {event.teacher} rejected: {named}{more}"


def _prompts(event: happened.PromptsPrepared) -> str:
    short = sum(bool(prompt.left_out or prompt.cut) for prompt in event.prompts)
    return (f"{len(event.prompts)} prompts for {event.arm}"
            + (f", {short} of them shortened to the student's context length" if short else ""))


def _option_refused(event: happened.EndpointOptionRefused) -> str:
    instead = f"; {event.sent_instead} is sent instead" if event.sent_instead else "; it is not sent any more"
    return (f"The {event.role} {event.model} at {event.address} refuses the option {event.option}"
            f"{instead}. The endpoint: {event.message or 'no reason given'}")


def _knowledge_read(event: happened.KnowledgeRead) -> str:
    compared = (f"; compared with those of {event.compared_with}: {event.new} passages new, {event.reworded} of them "
                f"reworded, {event.gone} gone; {event.excluded} would change sides and are used on neither"
                if event.compared_with else "")
    return f"Documents loaded: {event.domain}, {event.passages} passages{compared}"


def _knowledge_changed(event: happened.KnowledgeChanged) -> str:
    now = (f"now hash {event.found_hash}, {event.added} passages added and {event.removed} removed"
           if event.found_hash else f"now they cannot be read: {event.reason}")
    return (f"The documents were changed since the test was written (then hash {event.knowledge_hash}; {now}). "
            "The run goes on with its own copy of them")


def _facts_written(event: happened.FactsWritten) -> str:
    wordings = sum(1 + len(fact.paraphrases) for fact in event.facts)
    questions = sum(len(fact.questions) + len(fact.reverse) for fact in event.facts)
    return (f"{labels.count(len(event.facts), 'fact')} by {event.teacher}, in {wordings} wordings and with "
            f"{labels.count(questions, 'question')}; {len(event.refused)} texts refused"
            + (f", {labels.count(len(event.without), 'passage')} without a fact" if event.without else ""))


def _study_set(event: happened.StudySetPrepared) -> str:
    terms = [term for fact in event.facts for term in fact.coverage]
    covered = f"; {sum(bool(term.items) for term in terms)} of {len(terms)} key terms in them" if terms else ""
    refused = sum(fact.refused for fact in event.facts)
    return (f"Training set prepared: {len(event.facts)} facts in {sum(form.items for form in event.forms):,} study "
            f"items{covered}, {event.steps} steps of {event.examples:,} examples, {event.replayed:,} of them replayed"
            + (f"; {refused} items that nearly repeat a test question left out" if refused else "")
            + "".join(f". {note}" for note in event.notes))


def _too_long(event: happened.AdapterTrained) -> str:
    """What was not trained because it was longer than the longest sequence."""
    cut = f"; the end of {labels.count(event.cut, 'example')} was too long and not trained" if event.cut else ""
    return cut + (f"; {labels.count(event.left_out, 'example')} left out: no answer within the longest sequence"
                  if event.left_out else "")


_SETS = {"train": "training", "test": "test"}


def _reviewed(event: happened.ItemsReviewed) -> str:
    """Who edited, approved and rejected how many questions, and why."""
    edited = sum(one.question is not None or one.answer is not None for one in event.changes)
    rejected = sum(one.decision == "rejected" for one in event.changes)
    counted = {"edited": edited, "rejected": rejected, "approved": len(event.changes) - edited - rejected,
               "added": len(event.added)}
    done = ", ".join(f"{name} {count:,}" for name, count in counted.items() if count)
    return (f"{event.by} {done} of the run's questions" + (f" from {event.source}" if event.source else "")
            + (f": {event.reason}" if event.reason else ""))


def _step(event: happened.AdapterTrained) -> str:
    """Which step's adapter was kept, where one was chosen."""
    return f". Kept {step_sentence(dataclasses.asdict(event.chosen))}" if event.chosen else ""


def _owner(name: str) -> str:
    """Host and process of a runner, without the suffix that makes its name unique."""
    host, pid, *_ = [*name.split(":"), ""]
    return f"{host}, process {pid}" if pid else host


def _until(moment: str | None) -> str:
    """The end of a batch's time, where the server states one."""
    return f", until {moment[:16].replace('T', ' ')} UTC at the latest" if moment else ""


_DESCRIPTIONS: dict[type[happened.Event], Callable[[Any], str]] = {
    happened.RunRequested: lambda e: f"Requested by the {e.requested_by}",
    happened.RunStarted: lambda e: f"Started on {_owner(e.owner)}"
                                    + (f" (attempt {e.attempt})" if e.attempt > 1 else ""),
    happened.FilesStored: lambda e: f"{labels.count(e.files, 'file')} in the artifact store, "
                                    f"{e.size_bytes / 1e6:,.1f} MB",
    happened.KnowledgeChanged: _knowledge_changed,
    happened.KnowledgeRead: _knowledge_read,
    happened.PlanChosen: lambda e: f"Hardware and precision: {e.device}, {e.precision}: {e.reason}",
    happened.CycleStarted: lambda e: "Cycle started",
    happened.StageStarted: lambda e: f"Started ({e.doer})" if e.doer else "Started",
    happened.StageFinished: lambda e: f"{'Restored from checkpoint, originally finished' if e.adopted else 'Finished'} "
                                      f"in {labels.duration(e.seconds)}",
    happened.StageFailed: lambda e: f"Failed ({e.kind}): {e.message} {e.advice}",
    happened.RecoveryTaken: lambda e: f"{e.kind}: {e.message} → {e.action}"
                                      + (f", after {labels.duration(e.wait_seconds)}" if e.wait_seconds else ""),
    happened.EndpointOptionRefused: _option_refused,
    happened.QuestionsAsked: lambda e: f"{len(e.questions)} of {e.wanted} questions generated",
    happened.DevQuestionsSetApart: lambda e: f"{labels.count(len(e.questions), 'development question')} set apart",
    happened.QuestionsRejected: _rejected,
    happened.ReferencesWritten: lambda e: labels.count(len(e.references), "reference answer"),
    happened.AnswerSampled: lambda e: f"Sample of the {e.arm} answers: {e.text[:200]}",
    happened.AnswersGiven: lambda e: labels.count(len(e.answers), f"{e.arm} answer"),
    happened.AnswersScored: lambda e: f"{labels.count(len(e.scores), f'{e.arm} score')} by {labels.judge(e.judge)}",
    happened.JudgingEstimated: lambda e: f"Judge {e.judge}: about {e.calls:,} calls, "
                                         f"{e.prompt_tokens + e.completion_tokens:,} tokens; "
                                         f"{labels.money(e.cost_usd)}"
                                         + (f"; at most {e.most_calls:,} calls" if e.most_calls else ""),
    happened.JudgeAudited: lambda e: f"Audit of {labels.metric_within(e.metric)} by {e.judge}: "
                                     + ("passed" if e.passed else "failed: " + "; ".join(e.reasons)),
    happened.ExportVerified: lambda e: f"Export {e.export} answered by {e.engine}: {labels.signed(e.sentence)}",
    happened.TeachersCompared: lambda e: f"Teacher compared with {e.teacher}: "
                                         f"{labels.count(len(e.references), 'reference')} of it",
    happened.JudgingStarted: lambda e: f"Rescoring {e.judging} of stored answers by {', '.join(e.metrics)}",
    happened.AnswersJudgedAgain: lambda e: f"{len(e.scores)} {e.arm} scores by {labels.judge(e.judge)} "
                                           f"(rescoring {e.judging})",
    happened.JudgingCompared: lambda e: f"{labels.count(len(e.changes), 'change')} by the scores of rescoring "
                                        f"{e.judging}",
    happened.JudgingFinished: lambda e: f"Rescoring {e.judging} finished: {e.scored} of {e.asked} scored",
    happened.AdapterTrained: lambda e: f"Adapter trained: {labels.count(e.steps, 'step')}, loss {e.first_loss:.2f} to "
                                       f"{e.last_loss:.2f}, {labels.duration(e.seconds)}" + _too_long(e) + _step(e),
    happened.ReplayAnswered: lambda e: f"{labels.count(len(e.answers), 'general question')} answered for replay" +
                                       (f", {e.missing} without an answer" if e.missing else ""),
    happened.FactsWritten: _facts_written,
    happened.StudySetPrepared: _study_set,
    happened.AdapterMissing: lambda e: f"No adapter in this cycle: {e.reason}",
    happened.PassagesRetrieved: lambda e: f"{e.searched:,} passages searched for "
                                          f"{labels.count(len(e.found), 'question')}"
                                          f" by {e.retriever}" + (f"; {e.cut} truncated" if e.cut else ""),
    happened.PromptsPrepared: _prompts,
    happened.PlaceboTrained: lambda e: "Control adapter trained on "
                                       f"{labels.count(len(e.examples), 'shuffled reference')}: "
                                       f"{labels.count(e.steps, 'step')}, loss {e.first_loss:.2f} to "
                                       f"{e.last_loss:.2f}, {labels.duration(e.seconds)}",
    happened.ControlArmsCompared: lambda e: labels.count(len({c.arm for c in e.changes} - {"tuned"}), "control arm")
                                            + " compared",
    happened.LearningCurveMeasured: lambda e: f"Checkpoints evaluated: {labels.count(len(e.points), 'point')}",
    happened.ArmsCompared: lambda e: labels.signed(e.sentence),
    happened.DesignSealed: lambda e: (f"Design sealed before the test was asked: {labels.metric_short(e.headline)} on "
                                      f"{labels.tier(e.headline_tier)}, {labels.count(e.questions, 'test question')}"),
    happened.ForecastRegistered: lambda e: (f"Forecast registered before the run: {labels.metric_short(e.metric)} "
                                            f"{labels.change(e.change)} ({labels.interval(e.low, e.high)}), from "
                                            f"{labels.count(len(e.pilots), 'pilot')}"),
    happened.ForecastScored: lambda e: ("Forecast not scored: nothing was measured" if e.held is None else
                                        f"Forecast {'held' if e.held else 'did not hold'}: measured "
                                        f"{labels.change(e.change)}"),
    happened.SettingsChosen: lambda e: (f"Settings chosen among {len(e.candidates)} on the development questions: "
                                        f"{e.settings}. The run goes on to answer its test"),
    happened.CycleChosen: lambda e: f"Cycle {e.cycle} answers the test: {e.reason}",
    happened.CycleFinished: lambda e: (f"Cycle ended: {labels.CYCLE_WORK.get(e.work, e.work)}. "
                                       f"{labels.signed(e.sentence)}"),
    happened.RunFinished: lambda e: f"Run finished. {labels.signed(e.sentence)}",
    happened.RunFailed: lambda e: f"Run failed ({e.kind}): {e.message} {e.advice}",
    happened.RunCancelled: lambda e: f"Cancelled{': ' + e.reason if e.reason else ''}",
    happened.RunPaused: lambda e: f"Paused: {e.reason} {e.advice}" if e.reason else "Paused",
    happened.ScheduleAdded: lambda e: f"Added by {e.added_by}",
    happened.ScheduleFired: lambda e: f"Due {e.due_at[:16].replace('T', ' ')} UTC: queued run {e.run}",
    happened.ScheduleSkipped: lambda e: f"Due {e.due_at[:16].replace('T', ' ')} UTC: skipped, {e.reason}",
    happened.ScheduleMissed: lambda e: f"Missed {labels.count(e.times, 'time')}: {e.reason}",
    happened.ScheduleFailed: lambda e: f"Due {e.due_at[:16].replace('T', ' ')} UTC: failed, {e.message}",
    happened.SchedulePaused: lambda e: "Paused",
    happened.ScheduleResumed: lambda e: "Resumed",
    happened.ScheduleRemoved: lambda e: "Removed",
    happened.RunPrioritised: lambda e: f"Moved in the queue: priority {e.priority}",
    happened.ItemFlagged: lambda e: f"{e.by} {'withdrew' if e.withdrawn else 'flagged'} {e.flag!r}: {e.reason}",
    happened.ItemsDrafted: lambda e: (f"{len(e.questions)} of {e.wanted} {_SETS[e.part]} questions drafted for review"
                                      + (f", in place of rejected ones (round {e.round})" if e.round > 1 else "")),
    happened.ItemsReviewed: _reviewed,
    happened.ItemCommented: lambda e: f"{e.by} commented on a question{f' ({e.opinion} it)' if e.opinion else ''}: "
                                      f"{e.comment}",
    happened.DraftsAskedAgain: lambda e: (f"{e.by} asked for {labels.count(sum(w.count for w in e.wanted), 'question')}"
                                          " in place of rejected ones"),
    happened.ReviewFinished: lambda e: (f"{e.by} ended the review: {e.approved:,} questions approved, {e.edited:,} of "
                                        f"them edited, {e.rejected:,} rejected"),
    happened.ItemsApproved: lambda e: f"{labels.count(len(e.questions), 'question')} approved ({_SETS[e.part]})",
    happened.RunWaitingForReview: lambda e: (f"Waiting for people to review {labels.count(e.questions, 'question')}; "
                                             "no student has answered"),
    happened.QuestionSetRead: lambda e: (f"{e.questions:,} questions that people wrote read from {e.name} ({e.role}), "
                                         f"{e.with_passage:,} with a passage"),
    happened.AnswerRated: lambda e: f"{e.rater} rated an answer: {e.rating}",
    happened.RunAnnotated: lambda e: (f"Tags and note by {e.by}" if e.name is None else
                                      f"Renamed {e.name!r}; tags and note by {e.by}"),
    happened.RunArchived: lambda e: f"{'Archived' if e.archived else 'Unarchived'} by {e.by}",
    happened.RunDeleted: lambda e: f"Deleted by {e.by}",
    happened.BatchPlanned: lambda e: f"Batch of {labels.count(len(e.calls), 'call')} to the {e.role} {e.model}. "
                                     f"{labels.batch_cost(e.estimated_cost_usd)}",
    happened.BatchSent: lambda e: f"Batch sent: {e.server_id}{_until(e.expires_at)}",
    happened.BatchProgressed: lambda e: f"Batch {e.state}: {e.completed} of {e.total} completed, {e.failed} failed",
    happened.BatchEnded: lambda e: f"Batch ended ({e.state}): {e.recorded} of {e.total} replies stored, cost "
                                   f"{labels.money(e.cost_usd)}" + (f": {e.message}" if e.message else ""),
    happened.RunWaitingForBatch: lambda e: f"Waiting for a batch of {labels.count(e.calls, 'call')}{_until(e.until)}",
    happened.RunRequeued: lambda e: f"Queued again: {e.reason}",
}


def describe(entry: LogEntry) -> str:
    """One event as a sentence; an event without a template is shown as its type name, spaced."""
    template = _DESCRIPTIONS.get(type(entry.event)) if entry.event else None
    if template is None:
        return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in entry.kind).strip()
    return str(template(entry.event))


def where(entry: LogEntry, titles: Mapping[str, str]) -> str:
    """Cycle and stage title of an event, as far as it has them."""
    cycle = f"Cycle {entry.cycle}" if entry.cycle else ""
    stage = titles.get(entry.stage or "", entry.stage or "")
    return ": ".join(part for part in (cycle, stage) if part)


def table(entries: list[LogEntry], zone: tzinfo = UTC,
          titles: Mapping[str, str] | None = None) -> list[dict[str, str]]:
    """The log as table rows, with times in `zone`; what happened comes second, so that a phone shows most of it.

    Args:
        titles: stage titles by stage name.
    """
    return [{"when": f"{item.at.astimezone(zone):%Y-%m-%d %H:%M:%S}", "what": describe(item),
             "where": where(item, titles or {})}
            for item in entries]


def without_day(lines: Sequence[Mapping[str, str]]) -> tuple[str, list[dict[str, str]]]:
    """The day of all rows of `table` and the rows with the time alone; an empty day where they are of several."""
    days = {line["when"].partition(" ")[0] for line in lines}
    if len(days) != 1:
        return "", [dict(line) for line in lines]
    return days.pop(), [{**line, "when": line["when"].partition(" ")[2]} for line in lines]


def rows(entries: Sequence[LogEntry]) -> list[dict[str, Any]]:
    """The log as export rows: timestamps in UTC, stages by name."""
    return [{"event": item.id, "at": item.at.isoformat(), "cycle": item.cycle, "stage": item.stage, "kind": item.kind,
             "what": describe(item)} for item in entries]
