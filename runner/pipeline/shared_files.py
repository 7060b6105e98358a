"""Share a run's files with other hosts: get them when the run is taken over, and store them while it goes on.

Without an artifact store nothing happens here: files are in the data folder alone.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from runner.artifact_store import open_artifact_store
from runner.artifact_store.artifact_store import ArtifactStore
from runner.artifact_store.errors import UnusableObject
from runner.pipeline import held_out_sets
from runner.pipeline.resume import missing_checkpoints
from runner.pipeline.run_files import RunFiles, lay_down, read_list
from runner.pipeline.shared_test_set import get_test_set
from store.database import Store
from store.event_log.journal import Journal, LeaseLost
from store.event_log.leases import owner_device
from store.events import Event, FilesStored, Recorded, RunStarted
from store.paths import Paths

STORE_SECONDS = 60.0
"""How often the results of an unfinished stage are stored: as much work a host that is lost takes along."""


class SharedFiles:
    """A run's folder, and its copy in the artifact store. Thread-safe."""

    def __init__(self, artifacts: ArtifactStore, folder: Path, journal: Journal, test_set: Path | None = None) -> None:
        """Args:
            test_set: the file of the shared test set that the run answers, if it does.
        """
        self._files = RunFiles(artifacts, folder, test_set)
        self._journal = journal
        self._lock = threading.Lock()
        self._recorded = ""

    def get(self, history: Sequence[Recorded]) -> list[str]:
        """Lay down what the latest list of the run's files names; return why files of it cannot be used.

        Raises:
            ArtifactStoreError: the artifact store does not answer.
        """
        stored = latest_stored(history)
        if stored is None:
            return []
        artifacts, folder = self._files.artifacts, self._files.folder
        try:
            files = read_list(artifacts, stored.sha256)
        except UnusableObject as error:
            return [str(error)]
        faults = lay_down(artifacts, files.files, folder, keep_progress=_was_here(history, folder))
        if not faults:
            artifacts.assume_stored(files.hashes)
            self._recorded = stored.sha256
        return faults

    def store(self) -> Sequence[Event]:
        """Store the folder as it is now; return the event that says so, or none if an event says it already."""
        with self._lock:
            files = self._files.store()
            if files.sha256 == self._recorded:
                return ()
            self._recorded = files.sha256
            return (FilesStored(files.sha256, len(files.files), files.size_bytes),)

    def store_progress(self) -> None:
        """Store and record what an unfinished stage has so far; where that fails, the next time may do.

        Raises:
            LeaseLost: passed on from the journal.
        """
        try:
            if events := self.store():
                self._journal.append(*events)
        except (OSError, SQLAlchemyError) as error:
            self._recorded = ""
            print(f"the run's files were not stored this time: {error}", file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def storing(self, seconds: float | None = None) -> Iterator[None]:
        """Store progress every so often in a background thread while the block runs, and when it was interrupted."""
        over, every = threading.Event(), STORE_SECONDS if seconds is None else seconds

        def work() -> None:
            with contextlib.suppress(LeaseLost):  # the heartbeat ends this process then
                while not over.wait(every):
                    self.store_progress()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            if (error := sys.exception()) and not isinstance(error, LeaseLost):
                self.store_progress()

    def get_test_set(self, store: Store, paths: Paths, name: str) -> None:
        """Get the shared test set that the run answers, if a run at another host has written it.

        Raises:
            ArtifactStoreError: the artifact store does not answer.
        """
        get_test_set(self._files.artifacts, store, paths, name)


def open_shared_files(paths: Paths, journal: Journal, test_set: str = "") -> SharedFiles | None:
    """Open the shared files of the journal's run; None without an artifact store.

    Args:
        test_set: name of the shared test set that the run answers; empty if it has a test of its own.

    Raises:
        InvalidAddress: the artifact store's address cannot be used, or there are no credentials for it.
    """
    artifacts = open_artifact_store(paths.artifacts)
    shared = held_out_sets.path_of(paths.data, test_set) if test_set else None
    return SharedFiles(artifacts, paths.run(journal.claim.run), journal, shared) if artifacts else None


def get_missing_files(history: Sequence[Recorded], paths: Paths, run: str) -> list[str]:
    """Get files of a run that are stored and not here, to read them; return why some of them cannot be used.

    Files that are here stay as they are: a worker may be writing them.

    Raises:
        ArtifactStoreError: the artifact store does not answer.
        InvalidAddress: its address cannot be used, or there are no credentials for it.
    """
    artifacts, stored, folder = open_artifact_store(paths.artifacts), latest_stored(history), paths.run(run)
    if artifacts is None or stored is None:
        return []
    try:
        files = read_list(artifacts, stored.sha256).files
    except UnusableObject as error:
        return [str(error)]
    return lay_down(artifacts, [file for file in files if not (folder / file.path).exists()], folder, True)


def checkpoints_gone(history: Sequence[Recorded], paths: Paths, run: str) -> str | None:
    """Describe the finished stages without a checkpoint here; None if there are none, or if the worker gets them."""
    if paths.artifacts and latest_stored(history):
        return None
    return missing_checkpoints(history, paths.run(run))


def latest_stored(history: Sequence[Recorded]) -> FilesStored | None:
    """Return which files of a run were stored last; None if none were."""
    return next((item.event for item in reversed(history) if isinstance(item.event, FilesStored)), None)


def _was_here(history: Sequence[Recorded], folder: Path) -> bool:
    """Return whether the attempt before this one worked in this folder of this host."""
    started = [item.event for item in history if isinstance(item.event, RunStarted)]
    if len(started) < 2:
        return True
    before = started[-2]
    return before.folder == str(folder) and owner_device(before.owner).partition("/")[0] == socket.gethostname()
