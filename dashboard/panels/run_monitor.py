"""Live view of a run: state, stages, time left, losses, errors and event log. Redrawn at every tick."""

from __future__ import annotations

import streamlit as st

from dashboard.access import cached_queries, series_cache
from dashboard.figures.loss_curves import losses, memory, throughput
from dashboard.figures.stage_board import stage_board as board_figure
from dashboard.panels.best_step import best_step
from dashboard.panels.live_metrics import SPEEDS, live_metrics
from dashboard.panels.queue_position import queue_sentence, runs_ahead
from dashboard.panels.run_commands import run_commands
from dashboard.panels.result_card import result_card, result_links
from dashboard.panels.run_facts import failure
from dashboard.panels.sample_answers import sample_answers
from dashboard.panels.stage_lines import stage_lines
from dashboard.panels.stage_memory import stage_memory_table
from dashboard.style import labels
from dashboard.view_models import event_sentences, stage_board, time_remaining
from dashboard.widgets import elements
from dashboard.widgets.run_notification import run_notification
from store import queries
from store.database import Store
from store.formatting import escape_invisible
from store.queries import Run

_LOG_COLUMNS = {"what": st.column_config.TextColumn(width=500), "where": st.column_config.TextColumn(width=230)}
_TALL = 330
"""Height in pixels of the chart of losses, and of what stands in its place or beside it."""
_WAITING = 900
"""Height in pixels kept free on the page of a queued run, so that nothing in view moves when the run starts."""
_FAILURES = ("RunFailed", "StageFailed")
"""Incidents that stand above already, with their advice, where the run has failed."""


def run_monitor(store: Store, run: Run) -> None:
    """Draw the live view of a run."""
    cells = stage_board.board(run, cached_queries.stages(store, run), cached_queries.cycles(store, run))
    title = labels.tab_title(run, stage_board.share_done(cells))
    st.set_page_config(page_title=title)
    _state(run, cells)
    with st.container(horizontal=True, vertical_alignment="center", key="live-actions"):
        run_commands(run)
        if run.ended_at:
            result_links(run)
        run_notification(run.id, run.active, title.removesuffix(" · Live"),
                         escape_invisible(labels.signed(run.sentence or "")))
    if run.work == "waiting-for-review":
        st.page_link("app_pages/dataset.py", label="Review its questions on the page Dataset",
                     icon=":material/rate_review:", query_params={"run": run.id})
    for batch in queries.open_batches(store, run.id) if run.config.teacher_batch else ():
        elements.plain_text(f"{batch.sentence()}. {labels.batch_cost(batch.estimated_cost_usd)}")
    _progress(store, run, cells)
    if run.work == "queued" and not cells:  # what follows would be empty, and would move down when the run starts
        with st.container(height=_WAITING, border=False):
            runs_ahead(store, run)
        return
    with st.container(key="live-head"):  # keeps its height, so that the stages below stay where they are
        failure(run)
        if run.ended_at:
            result_card(store, run)
        elif cells:
            live_metrics(store, run, cached_queries.held_out_losses(store, run))
    if cells:
        stage_lines(stage_board.phases(cells))
    if run.work == "queued":
        runs_ahead(store, run)
    _training(store, run)
    best_step(store, run)
    _stages(cells)
    _errors_and_log(store, run)
    _resources(store, run)


def _state(run: Run, cells: list[stage_board.Cell]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        elements.badge(labels.work(run.work))
        if run.verdict:
            elements.badge(labels.verdict(run.verdict))
        elements.plain_text(_status(run, cells))


def _status(run: Run, cells: list[stage_board.Cell]) -> str:
    """The state of the run in a sentence or two."""
    last_event = f"Last event {labels.ago(run.last_event_at)}."
    if run.stop_requested:
        return f"Requested: {run.stop_requested}. The runner stops before its next item. {last_event}"
    if run.work == "queued":
        return f"Queued (requested {labels.ago(run.requested_at)})."
    if run.work == "lost":
        return f"Runner disconnected. {last_event} The next runner resumes the run where it stopped."
    if run.work == "waiting-for-review":
        return f"Waiting until its questions are reviewed; no student has answered. {last_event}"
    if run.work == "waiting-for-batch":
        return f"Waiting without a worker. {last_event}"
    running = sorted((cell for cell in cells if cell.state == "running"),
                     key=lambda cell: (cell.cycle, cell.stage) != (run.cycle or 0, run.stage))
    current = running[0] if running else None
    if run.work == "running" and current:
        items = f", {run.done} of {run.total} {run.unit or 'items'}" if run.total else ""
        cycle = f"Cycle {current.cycle} of {run.config.cycles}: " if current.cycle else ""
        detail = f" ({run.detail})" if run.detail else ""
        beside = ", ".join(cell.title for cell in running[1:])
        return f"{cycle}{current.title}{items}{detail}. {f'At the same time: {beside}. ' if beside else ''}{last_event}"
    took = f" after {labels.duration(labels.run_seconds(run))}" if run.ended_at and run.started_at else ""
    return f"{labels.work(run.work).label}{took}. {last_event}"


def _progress(store: Store, run: Run, cells: list[stage_board.Cell]) -> None:
    """Draw how many stages are done and the time left; of a queued run the position in the queue."""
    done = sum(cell.state == "finished" for cell in cells)
    text = f"{done} of {len(cells)} stages done" if cells else ""
    if run.work == "queued":
        text = " · ".join(filter(None, (text, queue_sentence(store, run))))
    if run.work == "running":
        guess = time_remaining.estimate(stage_board.remaining(cells), run.id, run.config,
                                        cached_queries.past_stage_durations(store))
        text += f" · {time_remaining.time_left(guess)}"
    st.progress(min(1.0, stage_board.share_done(cells)), text=text)


def _stages(cells: list[stage_board.Cell]) -> None:
    if cells and (part := elements.unfolded("All stages with their times", "stages folded", ":material/grid_on:")):
        with part:
            elements.chart(board_figure, "stages", "Stages of the run by cycle, with their state and time", cells)


def _training(store: Store, run: Run) -> None:
    """Draw the losses, beside them sampled answers, and the hardware; in its place, where no answer will come."""
    sampled = run.active or bool(cached_queries.answer_samples(store, run))
    left, right = elements.two_columns()
    with left:
        st.subheader("Training and held-out loss")
        _losses(store, run)
    with right:
        if sampled:
            st.subheader("Sample answers")
            with st.container(height=_TALL, border=True):
                sample_answers(store, run)
        else:
            _hardware(store, run)
    if sampled:
        _hardware(store, run)


def _losses(store: Store, run: Run) -> None:
    """Draw the chart, or why there is none; an active run keeps the chart's place."""
    points, held_out = series_cache.series(store, run, "loss"), cached_queries.held_out_losses(store, run)
    if points:
        elements.chart(losses, "losses", "Training loss over optimizer steps, one line a cycle, and the loss on the "
                       "test after each", points, held_out,
                       version=(series_cache.version(store, run, "loss"), held_out))
        return
    with st.container(height=_TALL if run.active else "content", border=run.active):
        st.caption("Fine-tuning is off for this run." if not run.config.fine_tune else
                   "No training step was done." if run.ended_at else "No training step yet.")


def _hardware(store: Store, run: Run) -> None:
    st.subheader("Hardware and precision")
    if run.plan:
        elements.plain_text(f"{str(run.plan['device']).upper()}, {run.plan['precision']}, batch size "
                            f"{run.plan['batch_size']}, {labels.count(run.plan['threads'], 'thread')}, "
                            f"{run.plan['parameters'] / 1e6:,.0f} million parameters")
        elements.plain_text(f"Reason: {run.plan['reason']}")
        if run.node:
            elements.plain_text(f"Node: {run.node}, attempt {run.attempts}")
    else:
        st.caption("The run ended before device and precision were selected." if run.ended_at else
                   "The runner selects device, precision and batch size when it starts the run.")
    if used := cached_queries.usage(store, run):
        st.subheader("Teacher")
        elements.plain_text(f"{run.config.teacher}: {labels.usage_sentence(used, run.config.max_cost_usd)}")


def _errors_and_log(store: Store, run: Run) -> None:
    entries, incidents = cached_queries.log(store, run)
    if run.work == "failed":
        incidents = [entry for entry in incidents if entry.kind not in _FAILURES]
    zone, titles = elements.zone(), {row.stage: row.title for row in run.flow}
    st.subheader("Errors and retries")
    if incidents:
        # Plain text, not a table: there are few, they are read in full, and static tables interpret Markdown.
        for line in event_sentences.table(incidents, zone, titles):
            elements.plain_text(" · ".join(filter(None, (line["when"], line["where"], line["what"]))))
    else:
        st.caption("None so far.")
    st.subheader("Event log")
    _log(event_sentences.table(entries, zone, titles))


def _log(lines: list[dict[str, str]]) -> None:
    if not lines:
        st.caption("No events yet.")
        return
    day, shown = event_sentences.without_day(lines)
    if day:
        st.caption(f"All of {day}.")
    width = st.column_config.TextColumn(width=75 if day else 150)
    elements.data_table(shown, column_config={"when": width, **_LOG_COLUMNS}, height=min(320, 36 * len(lines) + 40))


def _resources(store: Store, run: Run) -> None:
    titles = {row.stage: row.title for row in run.flow}
    resident = series_cache.series(store, run, "peak_rss_bytes")
    speed = [point for key in SPEEDS for point in series_cache.series(store, run, key)]
    if not resident and not speed:
        return
    part = elements.unfolded("Memory and speed", "resources folded", ":material/memory:")
    if part is None:
        return
    with part:
        if resident:
            elements.chart(memory, "memory", "Peak resident memory by stage", resident, titles)
            stage_memory_table(cached_queries.memory(store, run), titles)
        if speed:
            elements.chart(throughput, "speed", "Tokens per second over time", speed, titles,
                           version=series_cache.version(store, run, *SPEEDS))
