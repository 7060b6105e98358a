"""Browse answers: each question with both answers, reference and evidence, worst change first; or rate them blind."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.access import cached_queries, store_access
from dashboard.figures.per_question import per_question
from dashboard.panels import answer_list, judge_validation
from dashboard.panels.answer_detail import answer_detail, differences
from dashboard.panels.control_arm_answers import control_arm_answers
from dashboard.panels.blind_rating import blind_rating
from dashboard.panels.item_flags import item_flags
from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import answer_filter, run_selection
from dashboard.view_models.answer_filter import ANY, OUTCOMES, AnswerFilter
from dashboard.widgets import elements
from store import csv_json_html, queries

READ, RATE = "read", "rate"
MODES = {READ: "Browse", RATE: "Blind A/B rating"}

elements.page_title("Answers side by side",
                    "Every question of one cycle with both answers, the reference and the scores; or rated blind.")
store, runs = store_access.runs_or_stop("answers")
run = url_state.choose_run(runs, run_selection.newest_finished(runs))
cycles = [str(cycle.cycle) for cycle in queries.cycles_of(store, run.id)] or ["0"]
filters = st.grid(4, min_column_width=170)
first, second, third, fourth = (filters.cell() for _ in range(4))
with first:
    cycle = int(url_state.choose("Cycle", "cycle", cycles, cycles[-1], lambda name: labels.cycle(int(name)),
                                 labels.CYCLE_HELP))
judging = judge_validation.choose(cached_queries.judges(store, run).again)
if not cached_queries.has_questions(store, run, cycle):
    elements.empty_state(labels.ENDED_WITHOUT_ANSWERS if run.ended_at else labels.NO_ANSWERS, "live", "Open in Live")
    st.stop()

scored = cached_queries.scored_metrics(store, run, cycle, judging)
metrics = answer_filter.in_order(scored or {run.config.headline}, run.config.headline)
with second:
    default = run.config.headline if run.config.headline in metrics else metrics[0]
    metric = url_state.choose("Metric", "metric", metrics, default, labels.metric, labels.METRIC_HELP)
pairs = cached_queries.listed_answers(store, run, cycle, judging, answer_filter.ranked_by(metric))
tiers = [ANY, *run_selection.in_order({pair.tier for pair in pairs})]
with third:
    tier = url_state.choose("Questions", "tier", tiers, ANY,
                            lambda name: "All questions" if name == ANY else labels.tier(name), labels.tier_help())
with fourth:
    topic = url_state.choose("Topic", "topic", [ANY, *sorted({pair.topic for pair in pairs})], ANY,
                             lambda slug: "All topics" if slug == ANY else labels.topic(slug))
ratings = cached_queries.ratings(store, run)
if url_state.choose("Mode", "doing", (READ, RATE), READ, MODES.__getitem__, buttons=True) == RATE:
    whole = cached_queries.answers(store, run, cycle, judging)
    blind_rating(run, cycle, answer_filter.filter_answers(whole, AnswerFilter(tier, topic), metric), ratings, metrics,
                 cached_queries.flags(store, run))
    st.stop()

ranked = answer_filter.filter_answers(pairs, AnswerFilter(tier, topic), metric)
row_labels = answer_list.row_labels(ranked, metric)
with st.container(horizontal=True, vertical_alignment="center"):
    outcome = url_state.choose("Change", "outcome", OUTCOMES, ANY, row_labels.__getitem__, buttons=True)
    words = url_state.text_input("Text contains", "words", "Search question, answers and reference", hidden=True)
shown = answer_filter.matching(ranked, AnswerFilter(tier, topic, outcome, words), metric)
if not shown:
    elements.empty_state("No question matches these filters.")
    st.stop()

in_view = answer_list.answer_list(shown, metric)
picked = cached_queries.answer(store, run, cycle, judging, in_view.tier, in_view.question)
differences(picked)
answer_detail(picked)
item_flags(run, picked.question, cached_queries.flags(store, run))
control_arm_answers(store, run, picked)
if part := elements.unfolded("Change of each question", "per question folded", ":material/bar_chart:"):
    with part:
        elements.chart(per_question, "per question", "Change of each question, from worst to best", shown, metric,
                       version=(run.id, run.last_event_id, cycle, judging, tier, topic, outcome, words, metric))


def exported() -> list[dict[str, Any]]:
    """The rows of the list with everything that was recorded of each, read when a file is asked for."""
    recorded = {(pair.tier, pair.question): pair for pair in cached_queries.answers(store, run, cycle, judging)}
    return csv_json_html.answer_rows([recorded[pair.tier, pair.question] for pair in shown])


elements.export_buttons(exported, f"answers-{run.id}-cycle-{cycle}", "answers")
