"""Get a shared test set that a run at another host has written: all runs of a group answer one test."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from runner.artifact_store.artifact_store import ArtifactStore
from runner.artifact_store.errors import UnusableObject
from runner.pipeline import held_out_sets
from runner.pipeline.run_files import read_list
from store.database import Store
from store.events import FilesStored
from store.paths import Paths
from store.queries.stored_files import stored_file_lists


def get_test_set(artifacts: ArtifactStore, store: Store, paths: Paths, name: str) -> bool:
    """Lay down the set of this name, unless it is here; return whether it was got.

    Raises:
        ArtifactStoreError: the artifact store does not answer.
    """
    path = held_out_sets.path_of(paths.data, name)
    if path.exists():
        return False
    for history in stored_file_lists(store).values():
        stored = history[-1].event
        assert isinstance(stored, FilesStored)
        with contextlib.suppress(UnusableObject):
            shared = read_list(artifacts, stored.sha256).test_set
            if shared and shared.path == str(path.relative_to(paths.data)):
                return _lay_down(artifacts, shared.sha256, path)
    return False


def _lay_down(artifacts: ArtifactStore, digest: str, path: Path) -> bool:
    """Write the set, unless a run of this host has written it meanwhile; see `held_out_sets.freeze`."""
    own = path.with_name(f".{path.stem}-{os.getpid()}.json")
    artifacts.fetch(digest, own)
    try:
        os.link(own, path)
    except FileExistsError:
        return False
    finally:
        own.unlink()
    return True
