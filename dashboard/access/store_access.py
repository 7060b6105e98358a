"""The one door to the store: opened once per process for reading; for writing only when somebody asks something."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from dashboard.session import url_state
from dashboard.style import labels
from dashboard.widgets import elements
from store import queries
from store.database import SchemaTooOld, Store, StoreError, StoreNotFound, open_for_reading, open_store
from store.paths import default_paths
from store.queries import Run

_SQLITE = "sqlite:///"


def read_store() -> Store | None:
    """The store for reading, or None where there is none yet.

    Raises:
        StoreError: there is one that cannot be read.
    """
    url = default_paths().store_url
    try:
        return _reader(url, _identity(url))
    except StoreNotFound:
        return None


def require_read_store() -> Store:
    """The store for reading; where there is none yet the page shows its empty state and ends here."""
    store = read_store()
    if store is None:
        elements.empty_state(labels.NO_STORE)
        st.stop()
    return store


def runs_or_stop() -> tuple[Store, list[Run]]:
    """The store and the runs to choose from, newest first: many, and those that the address names, however old.

    Where there is none yet the page shows its empty state and ends here.
    """
    store = require_read_store()
    runs = queries.all_runs(store)
    if not runs:
        elements.empty_state(labels.NO_STORE)
        st.stop()
    there = {run.id for run in runs}
    older = (queries.find_run(store, named) for named in url_state.named_runs() if named not in there)
    return store, [*runs, *filter(None, older)]


def write_store() -> Store:
    """The store for writing; made where there is none.

    Raises:
        StoreError: it cannot be opened, with what to do about it.
    """
    url = default_paths().store_url
    if read_store() is None:  # which refuses an older store: a click on a page changes no tables
        # The first launch makes the file, and with it the identity under which it is kept open.
        open_store(url).close()
    return _writer(url, _identity(url))


def reading_if_usable() -> Store | None:
    """The store for reading, for a page that has more to show than the store: what is wrong with it is said, once."""
    with store_errors_shown():
        return read_store()
    return None


@contextlib.contextmanager
def store_errors_shown() -> Iterator[None]:
    """Turn a store that cannot be used into one clear sentence. Fragments need their own: they run without the page."""
    try:
        yield
    except (StoreError, SQLAlchemyError) as error:
        st.error("The store cannot be read, so there is nothing to show. The data itself was not touched.",
                 icon=":material/database_off:")
        said = str(getattr(error, "orig", None) or error)
        elements.plain_text(said[:1000] if isinstance(error, StoreError) else said.partition("\n")[0][:500])
        if isinstance(error, SchemaTooOld):
            st.code(error.command, language=None)


@st.cache_resource(max_entries=4, show_spinner=False)
def _reader(url: str, identity: str) -> Store:
    return open_for_reading(url)


@st.cache_resource(max_entries=4, show_spinner=False)
def _writer(url: str, identity: str) -> Store:
    return open_store(url)


def _identity(url: str) -> str:
    """Tells a database file from a later one at the same place: an engine would go on reading the deleted one."""
    if not url.startswith(_SQLITE):
        return url
    try:
        found = Path(url.removeprefix(_SQLITE)).stat()
    except OSError:
        return ""
    return f"{found.st_dev}:{found.st_ino}"
