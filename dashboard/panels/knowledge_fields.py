"""The fields of the launch form that say what is taught and what it is tested with. Knows folders, not presets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import streamlit as st

from dashboard.access import cached_queries, knowledge_loader
from dashboard.access.knowledge_loader import KnowledgeError
from dashboard.style import labels
from dashboard.widgets import elements
from knowledge.kubernetes.topics import BUILT_IN, TOPICS
from store.config import OFFLINE_TEACHER, RANGES, RunConfig
from store.formatting import escape_invisible

FOLDER = "launch knowledge"
"""Key of the field; the page Knowledge fills it in."""
_NEW_TOPIC_QUESTIONS = 10


@dataclass(frozen=True)
class KnowledgeChoice:
    """The knowledge that the form is about: its topics by slug, or why it cannot be opened."""

    place: str
    topics: Mapping[str, str]
    fault: str | None = None


def set_knowledge(place: str) -> None:
    """Put a folder into the form; called before the form is drawn again."""
    st.session_state[FOLDER] = place


def uses(place: str) -> bool:
    """Whether the form is about this folder."""
    return knowledge_loader.normalize_path(st.session_state.get(FOLDER) or "") == place


def taught() -> KnowledgeChoice:
    """What the form is about. The built-in topics are known without reading anything."""
    place = knowledge_loader.normalize_path(st.session_state.get(FOLDER) or "")
    if place == BUILT_IN:
        return KnowledgeChoice(place, {topic.slug: topic.name for topic in TOPICS})
    try:
        return KnowledgeChoice(place, cached_queries.knowledge(place).domain.topic_names)
    except KnowledgeError as error:
        return KnowledgeChoice(place, {}, str(error))


def show_errors(about: KnowledgeChoice) -> None:
    """At the head of the form: which folder is taught, or why it cannot be."""
    if about.fault:
        st.warning("The folder under Advanced cannot be taught:", icon=":material/folder_off:")
        elements.plain_text(about.fault)
    elif about.place != BUILT_IN:
        elements.plain_text(f"Teaches the folder {PurePath(about.place).name} "
                            f"({labels.count(len(about.topics), 'topic')}).")


def topics(about: KnowledgeChoice, start: RunConfig) -> list[str]:
    """What is trained; nothing chosen of a folder means all of it."""
    built_in = about.place == BUILT_IN
    key = f"launch {start.preset} topics" if built_in else f"launch {start.preset} topics {about.place}"
    return st.multiselect(
        "Topics", list(about.topics), list(start.topics) if built_in else None,
        format_func=lambda slug: escape_invisible(about.topics[slug]), key=key, wrap=False,
        placeholder="Choose topics" if built_in else "All topics of the folder",
        help="What is asked about. All topics of the knowledge base unless you take some away." if built_in else
             "What is asked about. Leave this empty for all topics of the folder.")


def fields(about: KnowledgeChoice, chosen: Sequence[str], start: RunConfig) -> dict[str, Any]:
    """Folder and name, a shared test, paraphrases, and topics that are only tested."""
    def key(field: str) -> str:
        return f"launch {start.preset} {field}"
    st.text_input("Folder of documents", key=FOLDER, max_chars=1000, placeholder="the built-in Kubernetes v1.28",
                  help="Markdown, text, HTML or PDF on this machine. The page Knowledge shows what is in it.")
    named = about.place != BUILT_IN and st.text_input("Name of this knowledge", start.knowledge_name, max_chars=80,
                                                      key=key("knowledge_name"), placeholder="the folder's name",
                                                      help="What prompts and pages call it.")
    return {
        "knowledge": about.place, "knowledge_name": named or "",
        "held_out_set": st.text_input("Held-out set", start.held_out_set, key=key("held_out_set"),
                                      placeholder="its own", max_chars=64, help="A name that several runs share to be "
                                      "tested with the same questions; the first run that names it draws them."),
        "paraphrases": st.number_input("Paraphrases per cycle", *_limits("paraphrases"), start.paraphrases,
                                       key=key("paraphrases"), help="Practised facts asked again in other words, "
                                       "which are never trained on."),
        **_new_topics(about, chosen, start),
        "general": st.number_input("Everyday questions", *_limits("general"), start.general, key=key("general"),
                                   help="The project's own, about no domain and never trained on: they show whether "
                                   "the student forgot what it knew before."),
    }


def most_cost(teacher: str, start: RunConfig) -> float | None:
    """The most that the teacher may cost; None is no limit, and all that means something offline."""
    offline = teacher.strip() == OFFLINE_TEACHER
    most = st.number_input("Teacher budget, USD", 0.0, None, start.max_cost_usd, step=0.1,
                           format="%.2f", key=f"launch {start.preset} max_cost_usd", placeholder="no limit",
                           disabled=offline, help="At list prices; then asking ends, and the run goes on with what it "
                           "has. Empty: no limit. The offline teacher costs nothing.")
    return None if offline else most


def _new_topics(about: KnowledgeChoice, chosen: Sequence[str], start: RunConfig) -> dict[str, Any]:
    key, free = f"launch {start.preset} new_topics", [slug for slug in about.topics if slug not in chosen]
    # A topic that is trained by now, or belongs to another folder, is no new one any more.
    st.session_state[key] = [slug for slug in st.session_state.get(key, start.new_topics) if slug in free]
    new = st.multiselect("New topics", free, format_func=lambda slug: escape_invisible(about.topics[slug]), key=key,
                         wrap=False,
                         placeholder="none" if free else "take topics away above first",
                         help="Tested and never trained: shows what carries over. Topics that are chosen above cannot "
                              "be new.")
    count = st.number_input("Questions on new topics", *_limits("new_topic_questions"),
                            start.new_topic_questions or _NEW_TOPIC_QUESTIONS,
                            key=f"launch {start.preset} new_topic_questions",
                            help="For all new topics together; the test grows by as many.") if new else 0
    return {"new_topics": new, "new_topic_questions": count}


def _limits(field: str) -> tuple[int, int]:
    low, high = RANGES[field]
    return int(low), int(high)
