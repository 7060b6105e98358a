"""Load the knowledge that a run is configured with: the built-in domain or a folder of documents."""

from __future__ import annotations

from pathlib import Path

from knowledge.documents import domain_of_folder
from knowledge.documents.ingest import project_name
from knowledge.domain import Domain, kubernetes
from knowledge.kubernetes.topics import BUILT_IN, BUILT_IN_NAME


def open_knowledge(knowledge: str, name: str = "") -> Domain:
    """Load the domain that a configuration names.

    Raises:
        NoSuchFolder, NothingReadable: the folder does not exist or has no usable passage.
        MalformedNote, ApiReferenceMissing: the built-in domain cannot be read.
    """
    if knowledge == BUILT_IN:
        return kubernetes()
    return domain_of_folder(Path(knowledge).expanduser(), name or None)


def name_of(knowledge: str, name: str = "") -> str:
    """The display name of the configured domain; reads no documents."""
    if knowledge == BUILT_IN:
        return BUILT_IN_NAME
    return name or project_name(Path(knowledge).expanduser())
