"""The launch form's fields that depend on the chosen knowledge: folder, topics, budget, unseen topics."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard.access import cached_queries, knowledge_loader
from dashboard.access.knowledge_loader import KnowledgeError
from dashboard.panels.setting_field import setting_field
from dashboard.style import labels
from dashboard.view_models.launch_request import field_key
from dashboard.widgets import elements
from knowledge.kubernetes.topics import BUILT_IN, TOPICS
from knowledge.sources import short_name
from store.config_metadata import Setting
from store.formatting import escape_invisible
from store.run_config import OFFLINE_TEACHER, RunConfig

FOLDER = "launch knowledge"
"""Session key of the folder's text field; the page Documents sets it."""
_NEW_TOPIC_QUESTIONS = 10


@dataclass(frozen=True)
class KnowledgeChoice:
    """The knowledge that the form is about: its topics by slug, or the reason why it cannot be opened."""

    source: str
    topics: Mapping[str, str]
    fault: str | None = None


@dataclass(frozen=True)
class FormContext:
    """What a field can depend on: the preset, the chosen knowledge, and the values of the fields above it."""

    start: RunConfig
    about: KnowledgeChoice
    values: Mapping[str, Any]
    drawn: bool = True
    """Whether the field is drawn; else it gives the value that the form has."""


def set_knowledge(source: str) -> None:
    """Set the form's folder; called before the form is drawn again."""
    st.session_state[FOLDER] = source


def uses(source: str) -> bool:
    """Whether the form is about this folder."""
    return knowledge_loader.normalize_path(st.session_state.get(FOLDER) or "") == source


def selected_knowledge() -> KnowledgeChoice:
    """Return the knowledge that the form is about. The built-in topics are known without reading files."""
    source = knowledge_loader.normalize_path(st.session_state.get(FOLDER) or "")
    if source == BUILT_IN:
        return KnowledgeChoice(source, {topic.slug: topic.name for topic in TOPICS})
    try:
        return KnowledgeChoice(source, cached_queries.knowledge(source).domain.topic_names)
    except KnowledgeError as error:
        return KnowledgeChoice(source, {}, str(error))


def show_errors(about: KnowledgeChoice) -> None:
    """Show at the top of the form which folder is used, or why it cannot be."""
    if about.fault:
        st.warning("The folder under Advanced cannot be used:", icon=":material/folder_off:")
        elements.plain_text(about.fault)
    elif about.source != BUILT_IN:
        elements.plain_text(f"Uses the folder {short_name(about.source)} "
                            f"({labels.count(len(about.topics), 'topic')}).")


def is_drawn(setting: Setting, context: FormContext) -> bool:
    """Whether the form has a field for the setting: two of them depend on other fields."""
    if setting.name == "knowledge_name":
        return context.about.source != BUILT_IN
    return setting.name != "new_topic_questions" or bool(context.values.get("new_topics"))


def topics_field(setting: Setting, context: FormContext) -> list[str]:
    """Draw the choice of topics that are trained on; none chosen of a folder means all of them."""
    about, start = context.about, context.start
    built_in, key = about.source == BUILT_IN, field_key(start.preset, setting.name)
    key, default = (key, list(start.topics)) if built_in else (f"{key} {about.source}", None)
    chosen = st.session_state.get(key, default)
    count = len(chosen or ()) if chosen or built_in else "all"
    return st.multiselect(
        f"{setting.label} ({count} of {len(about.topics)})", list(about.topics), default,
        format_func=lambda slug: escape_invisible(about.topics[slug]), key=key, wrap=False,
        placeholder="Choose topics" if built_in else f"{setting.empty[:1].upper()}{setting.empty[1:]}",
        help=setting.help)


def knowledge_field(setting: Setting, context: FormContext) -> str:
    """Draw the folder of documents; its value was read before the form was drawn, because topics depend on it."""
    if context.drawn:
        st.text_input(setting.label, key=FOLDER, max_chars=setting.max_chars, placeholder=setting.empty,
                      help=setting.help)
    return context.about.source


def knowledge_name_field(setting: Setting, context: FormContext) -> str:
    """Draw the name of the folder's domain; the built-in domain has its own name."""
    return "" if context.about.source == BUILT_IN else setting_field(setting, context.start, drawn=context.drawn)


def max_cost_field(setting: Setting, context: FormContext) -> float | None:
    """Draw the teacher's budget; disabled for the offline teacher, which costs nothing."""
    offline = context.values["teacher"].strip() == OFFLINE_TEACHER
    budget = setting_field(setting, context.start, disabled=offline, drawn=context.drawn)
    return None if offline else budget


def new_topics_field(setting: Setting, context: FormContext) -> list[str]:
    """Draw the choice of unseen topics among those that are not trained on."""
    about, key = context.about, field_key(context.start.preset, setting.name)
    free = [slug for slug in about.topics if slug not in context.values["topics"]]
    # A topic that is trained on now, or is of another folder, is not unseen any more.
    chosen = [slug for slug in st.session_state.get(key, context.start.new_topics) if slug in free]
    st.session_state[key] = chosen
    if not context.drawn:
        return chosen
    return st.multiselect(setting.label, free, format_func=lambda slug: escape_invisible(about.topics[slug]), key=key,
                          wrap=False, placeholder=setting.empty if free else "deselect a topic first",
                          help=setting.help)


def new_topic_questions_field(setting: Setting, context: FormContext) -> int:
    """Draw the number of questions on unseen topics, if there are any such topics."""
    if not context.values["new_topics"]:
        return 0
    count = context.start.new_topic_questions or _NEW_TOPIC_QUESTIONS
    start = dataclasses.replace(context.start, new_topic_questions=count)
    return int(setting_field(setting, start, drawn=context.drawn))
