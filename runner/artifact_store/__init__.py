"""Files of runs where other hosts find them: in a folder that they share, or in an S3 bucket.

An object is named by the SHA-256 of its content and never gets another one, so a worker that lost its claim can upload
here without harm: a file counts only if an event of the run names it, and events have fencing tokens.
"""

from __future__ import annotations

from runner.artifact_store.artifact_store import ArtifactStore
from runner.artifact_store.addresses import open_objects


def open_artifact_store(address: str) -> ArtifactStore | None:
    """Open the artifact store at an address; None for the empty one: files are in the data folder alone.

    Raises:
        InvalidAddress: the address cannot be used, or there are no credentials for it.
    """
    return ArtifactStore(open_objects(address)) if address else None


def check_artifact_store(address: str) -> None:
    """Write an object to the artifact store at an address, and read it back; does nothing for the empty address.

    Raises:
        InvalidAddress: the address cannot be used, or there are no credentials for it.
        ArtifactStoreError: it does not answer, or may not be written.
        OSError: a folder cannot be written.
    """
    if artifacts := open_artifact_store(address):
        artifacts.check()
