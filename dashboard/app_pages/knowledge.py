"""What is taught: topics, passages and questions of the built-in knowledge or of a folder, and how much was asked."""

from __future__ import annotations

import streamlit as st

from dashboard import address, coverage, export, knowledge_source, opening, remembered, showing
from dashboard.coverage import ANY, SIDES, Choice
from dashboard.knowledge_source import CannotOpen
from dashboard.panels import knowledge_view

st.title("Knowledge")
typed = address.typed("Folder of documents", "knowledge", "empty: the built-in Kubernetes v1.28",
                      "A folder of Markdown, text, HTML or PDF on the machine that this dashboard runs on.")
try:
    knowledge = remembered.knowledge(knowledge_source.place_of(typed))
except CannotOpen as error:
    st.error("This knowledge cannot be opened:", icon=":material/folder_off:")
    showing.plain(str(error))
    st.stop()

store = opening.reading_if_usable()
domain, names = knowledge.domain, knowledge.domain.topic_names
asked = coverage.asked_of(remembered.asked(store)) if store else {}
sides = coverage.sides_of(domain)
rows = coverage.by_topic(domain, sides, asked)
knowledge_view.summary(knowledge, rows)
knowledge_view.folder_report(knowledge)

st.subheader("Topics")
knowledge_view.topic_table(rows)
showing.take_along(export.topic_rows(rows), "topics", "topics")

st.subheader("Passages")
left, middle, right = st.columns([2, 1, 2])
with left:
    topic = address.choose("Topic", "topic", [ANY, *domain.topics], ANY,
                           lambda slug: "All topics" if slug == ANY else names[slug])
with middle:
    side = address.choose("Side of the split", "side", [ANY, *SIDES], ANY, knowledge_view.side,
                          "Practice passages may be trained on, held-out ones are only tested with; no run changes it.")
with right:
    words = st.text_input("Text contains", key="passage words", placeholder="any word of a passage",
                          help="Searches titles, texts, key terms and questions.")
shown = coverage.chosen(domain.passages, sides, Choice(topic, side, words))
if not shown:
    showing.empty("No passage fits these filters.")
    st.stop()

passage = knowledge_view.pick(shown, names, sides, asked)
knowledge_view.passage_card(passage, names[passage.topic], sides[passage.id], asked.get(passage.id, 0))
showing.take_along(export.passage_rows(shown, sides), "passages", "passages")
