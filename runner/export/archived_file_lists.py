"""What a backup holds of the artifact store: files that are only there, and the lists that events name.

A restore stores them again, so that runs go on from an artifact store that was lost, or from another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runner.artifact_store import open_artifact_store
from runner.artifact_store.artifact_store import ArtifactStore
from runner.artifact_store.errors import UnusableObject
from runner.pipeline.run_files import FileList, StoredFile, read_list
from runner.pipeline.shared_files import latest_stored
from store.database import Store
from store.files import sha256_of_file
from store.paths import Paths
from store.queries.stored_files import stored_file_lists

LISTS = "file-lists"
"""Folder of the lists in an archive; each is named by its hash."""


def files_to_archive(store: Store, paths: Paths, work: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name in the archive and the path of each list, and of each file that is not in the data folder.

    Args:
        store: a copy of the store, which names the lists.
        paths: the data folder, and the artifact store.
        work: a folder for what is fetched.

    Raises:
        ArtifactStoreError: it does not answer.
        InvalidAddress: its address cannot be used, or there are no credentials for it.
    """
    artifacts = open_artifact_store(paths.artifacts)
    if artifacts is None:
        return
    done: set[str] = set()
    for run, history in stored_file_lists(store).items():
        stored = latest_stored(history)
        found = _usable_list(artifacts, stored.sha256) if stored else None
        if found is None:
            continue
        names = {f"{LISTS}/{found.sha256}.json": found.sha256}
        names |= {str(path.relative_to(paths.data)): file.sha256 for file, path in _places(found, run, paths)
                  if not path.exists()}
        names = {name: digest for name, digest in names.items() if name not in done}
        done |= names.keys()
        for name, digest in names.items():
            try:
                artifacts.fetch(digest, work / name)
            except UnusableObject:  # a resumed run repeats what it belongs to
                continue
            yield name, work / name
            (work / name).unlink()


def store_again(store: Store, paths: Paths, lists: Path) -> None:
    """Store the files of restored runs under the hashes that events name.

    Args:
        store: the restored store.
        paths: the restored data folder, and the artifact store.
        lists: folder of the lists.

    Raises:
        ArtifactStoreError: it does not answer.
    """
    artifacts = open_artifact_store(paths.artifacts)
    if artifacts is None:
        return
    for run, history in stored_file_lists(store).items():
        stored = latest_stored(history)
        path = lists / f"{stored.sha256}.json" if stored else None
        if stored is None or path is None or not path.exists():
            continue
        artifacts.store_file(path)
        for file, here in _places(read_list(artifacts, stored.sha256), run, paths):
            if here.is_file() and sha256_of_file(here) == file.sha256:
                artifacts.store_file(here)


def _places(files: FileList, run: str, paths: Paths) -> list[tuple[StoredFile, Path]]:
    """Return each file of a list with its path in the data folder."""
    shared = [(files.test_set, paths.data / files.test_set.path)] if files.test_set else []
    return [(file, paths.run(run) / file.path) for file in files.files] + shared


def _usable_list(artifacts: ArtifactStore, digest: str) -> FileList | None:
    try:
        return read_list(artifacts, digest)
    except UnusableObject:
        return None
