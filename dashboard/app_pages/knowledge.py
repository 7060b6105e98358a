"""Browse the corpus: topics, passages and questions of the built-in domain or a document folder, and their use."""

from __future__ import annotations

import streamlit as st

from dashboard.access import cached_queries, knowledge_loader, store_access
from dashboard.access.knowledge_loader import KnowledgeError
from dashboard.panels import knowledge_panels
from dashboard.session import url_state
from dashboard.view_models import export_rows, topic_coverage
from dashboard.view_models.topic_coverage import ANY, SIDES, PassageFilter
from dashboard.widgets import elements

elements.page_title("Documents",
                    "What is distilled: topics, passages and questions, and the side of the split of each.")
typed = url_state.text_input("Folder of documents", "knowledge", "empty: the built-in Kubernetes v1.28",
                             "A folder of documents on the machine that runs this dashboard.")
try:
    knowledge = cached_queries.knowledge(knowledge_loader.normalize_path(typed))
except KnowledgeError as error:
    st.error("These documents cannot be read:", icon=":material/folder_off:")
    elements.plain_text(str(error))
    st.stop()

store = store_access.reading_if_usable()
compared = cached_queries.compared_documents(store, knowledge.source)
domain, names = compared.domain, compared.domain.topic_names
asked = topic_coverage.asked_passages(cached_queries.asked(store)) if store else {}
sides = topic_coverage.split_of_passages(domain)
rows = topic_coverage.by_topic(domain, sides, asked)
knowledge_panels.summary(knowledge, rows, domain.excluded, compared.changes)
knowledge_panels.folder_report(knowledge)

st.subheader("Topics")
knowledge_panels.topic_table(rows)
elements.export_buttons(export_rows.topic_rows(rows), "topics", "topics")

st.subheader("Passages")
left, middle, right = st.columns([2, 1, 2])
with left:
    topic = url_state.choose("Topic", "topic", [ANY, *domain.topics], ANY,
                             lambda slug: "All topics" if slug == ANY else names[slug])
with middle:
    side = url_state.choose("Split", "side", [ANY, *SIDES], ANY, knowledge_panels.side,
                            "Train passages may be trained on; test passages are held out. The split is the same for "
                            "all runs.")
with right:
    words = st.text_input("Text contains", key="passage words", placeholder="any word of a passage",
                          help="Searches titles, texts, key terms and questions.")
shown = topic_coverage.filter_passages(domain.passages, sides, PassageFilter(topic, side, words))
if not shown:
    elements.empty_state("No passage matches these filters.")
    st.stop()

passage = knowledge_panels.passage_picker(shown, names, sides, asked)
knowledge_panels.passage_card(passage, names[passage.topic], sides[passage.id], asked.get(passage.id, 0))
elements.export_buttons(export_rows.passage_rows(shown, sides), "passages", "passages")
