"""Read what was said: every question with both answers, the reference and the evidence; the worst change first."""

from __future__ import annotations

import streamlit as st

from dashboard import address, answer_choice, export, findings, opening, remembered, showing, text
from dashboard.answer_choice import ANYWHERE, OUTCOMES, Choice
from dashboard.figures.per_question import per_question
from dashboard.panels import answer_list, judges
from dashboard.panels.answer import answer, differences
from dashboard.panels.arm_answers import arm_answers
from dashboard.panels.rating import rate_blind
from store import queries

READ, RATE = "read", "rate"
DOING = {READ: "Read", RATE: "Rate blind"}

st.title("Answers side by side")
store, runs = opening.runs_or_stop()
run = address.choose_run(runs, findings.newest_finished(runs))
cycles = [str(cycle.cycle) for cycle in queries.cycles_of(store, run.id)] or ["0"]
filters = st.grid(4, min_column_width=170)
first, second, third, fourth = (filters.cell() for _ in range(4))
with first:
    cycle = int(address.choose("Cycle", "cycle", cycles, cycles[-1], lambda name: text.cycle(int(name)),
                               text.CYCLE_HELP))
judging = judges.choose(remembered.judges(store, run).again)
pairs = remembered.answers(store, run, cycle, judging)
if not pairs:
    showing.empty(text.NO_ANSWERS)
    st.stop()

metrics = answer_choice.metrics_of(pairs, run.config.headline) or [run.config.headline]
tiers = [ANYWHERE, *findings.in_order({pair.tier for pair in pairs})]
with second:
    default = run.config.headline if run.config.headline in metrics else metrics[0]
    metric = address.choose("Metric", "metric", metrics, default, text.metric, text.METRIC_HELP)
with third:
    tier = address.choose("Questions", "tier", tiers, ANYWHERE,
                          lambda name: "All questions" if name == ANYWHERE else text.tier(name), text.tier_help())
with fourth:
    topic = address.choose("Topic", "topic", [ANYWHERE, *sorted({pair.topic for pair in pairs})], ANYWHERE,
                           lambda slug: "All topics" if slug == ANYWHERE else text.topic(slug))
ratings = remembered.ratings(store, run)
if address.choose("What you do here", "doing", (READ, RATE), READ, DOING.__getitem__, buttons=True) == RATE:
    rate_blind(run, cycle, answer_choice.chosen(pairs, Choice(tier, topic), metric), ratings, metrics)
    st.stop()

labels = answer_list.labels(answer_choice.chosen(pairs, Choice(tier, topic), metric), metric)
with st.container(horizontal=True, vertical_alignment="center"):
    outcome = address.choose("Change", "outcome", OUTCOMES, ANYWHERE, labels.__getitem__, buttons=True)
    words = address.typed("Text contains", "words", "Search question, answers and reference", hidden=True)
shown = answer_choice.chosen(pairs, Choice(tier, topic, outcome, words), metric)
if not shown:
    showing.empty("No question fits these filters.")
    st.stop()

left, right = showing.halves()
with left:
    picked = answer_list.pick(shown, metric)
with right:
    differences(picked)
answer(picked)
arm_answers(store, run, picked)
with st.expander("Change of every question, sorted", icon=":material/bar_chart:"):
    showing.chart(per_question, "per question", "Change of each question, from the worst to the best", shown, metric)
showing.take_along(export.answer_rows(shown), f"answers-{run.id}-cycle-{cycle}", "answers")
