"""The practice set and the test that a person uploaded for the next launch, in the launch form."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.access import cached_queries
from dashboard.access.knowledge_loader import KnowledgeError
from dashboard.widgets import elements
from knowledge.kubernetes.topics import BUILT_IN
from knowledge.question_sets import FaultyQuestions, QuestionSets, open_question_sets, with_question_sets
from store.question_set_settings import given_errors, implied_settings
from store.run_config import RunConfig

CHOSEN = "launch own questions"
"""Session key of the paths by setting (`practice`, `test`); the form's draft keeps it."""


def use(files: Mapping[str, str]) -> None:
    """Let the next launch use these files; called before the form is drawn again."""
    st.session_state[CHOSEN] = dict(files)


def note() -> None:
    """Draw which files the next run uses, with a button that takes them out."""
    if not (files := _files()):
        return
    named = {"practice": "own practice set", "test": "own test"}
    elements.plain_text(f"Uses {' and '.join(f'{named[role]} {Path(path).name}' for role, path in files.items())}.")
    st.button("Without own questions", icon=":material/close:", key="without own questions", on_click=use, args=({},))


def settings(source: str, cycles: int) -> tuple[dict[str, Any], list[str]]:
    """Return the settings that the files decide, and what is wrong with them; both empty without files.

    Args:
        source: the documents that the form is about.
        cycles: of the run.
    """
    files = _files()
    if not files:
        return {}, []
    try:
        sets = _sets(files.get("practice", ""), files.get("test", ""))
        alone = "practice" in files and source == BUILT_IN
        domain = with_question_sets(None if alone else cached_queries.knowledge(source).domain, sets)
    except FaultyQuestions as error:
        return {}, error.errors
    except KnowledgeError as error:
        return {}, [str(error)]
    topics = {"topics": ()} if "practice" in files else {}
    values = topics | implied_settings(domain, cycles) | files
    return values, given_errors(RunConfig(**{**values, "knowledge": source}), domain)


@st.cache_resource(max_entries=4, show_spinner=False)
def _sets(practice: str, test: str) -> QuestionSets:
    """The rows of kept files, which never change: their names have their hash."""
    return open_question_sets(practice, test)


def _files() -> dict[str, str]:
    return {role: path for role, path in (st.session_state.get(CHOSEN) or {}).items() if path}
