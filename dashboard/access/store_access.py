"""Open the store: once per process for reading, and for writing when the first command is executed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from dashboard.session import url_state
from dashboard.style import labels
from dashboard.widgets import elements
from store import queries
from store.database import SchemaTooOld, Store, StoreError, StoreNotFound, open_for_reading, open_store
from store.paths import default_paths, sqlite_file
from store.queries import Run



def read_store() -> Store | None:
    """The store for reading, or None if there is none yet.

    Raises:
        StoreError: the store exists but cannot be read.
    """
    url = default_paths().store_url
    try:
        return _reader(url, _identity(url))
    except StoreNotFound:
        return None


def require_read_store(page: str = "") -> Store:
    """The store for reading; without one, draw the empty state of the page and stop it."""
    store = read_store()
    if store is None:
        no_runs(page)
        st.stop()
    return store


def no_runs(page: str) -> None:
    """Draw what the page would show if there was a run, with a link to launch one."""
    elements.empty_state(labels.NO_RUNS.get(page, labels.NO_STORE), "new_run")


def runs_or_stop(page: str = "") -> tuple[Store, list[Run]]:
    """The store and the selectable runs, newest first, including older runs named in the URL.

    Without any run, draw the empty state of the page and stop it.
    """
    store = require_read_store(page)
    runs = queries.all_runs(store)
    if not runs:
        no_runs(page)
        st.stop()
    listed = {run.id for run in runs}
    older = (queries.find_run(store, named) for named in url_state.named_runs() if named not in listed)
    return store, [*runs, *filter(None, older)]


def write_store() -> Store:
    """The store for writing; created if there is none.

    Raises:
        StoreError: it cannot be opened; the message says what to do.
    """
    url = default_paths().store_url
    if read_store() is None:  # raises for an older schema: a click on a page must not migrate the store
        # The first launch creates the file, and with it the identity that is part of the cache key.
        open_store(url).close()
    return _writer(url, _identity(url))


def reading_if_usable() -> Store | None:
    """The store for reading, for pages that work without one; if it cannot be read, draw the error and return None."""
    with store_errors_shown():
        return read_store()
    return None


@contextlib.contextmanager
def store_errors_shown() -> Iterator[None]:
    """Draw store errors as one sentence. Fragments need their own, because they rerun without the page."""
    try:
        yield
    except (StoreError, SQLAlchemyError) as error:
        st.error("The store cannot be read. Its data was not changed.", icon=":material/database_off:")
        message = str(getattr(error, "orig", None) or error)
        elements.plain_text(message[:1000] if isinstance(error, StoreError) else message.partition("\n")[0][:500])
        if isinstance(error, SchemaTooOld):
            st.code(error.command, language=None)


@st.cache_resource(max_entries=4, show_spinner=False)
def _reader(url: str, identity: str) -> Store:
    return open_for_reading(url)


@st.cache_resource(max_entries=4, show_spinner=False)
def _writer(url: str, identity: str) -> Store:
    return open_store(url)


def _identity(url: str) -> str:
    """Device and inode of a database file, so that a recreated file is opened anew: engines keep the deleted one."""
    file = sqlite_file(url)
    if file is None:
        return url
    try:
        found = file.stat()
    except OSError:
        return ""
    return f"{found.st_dev}:{found.st_ino}"
