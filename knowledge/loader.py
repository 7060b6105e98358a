"""Load the knowledge that a run is configured with: the built-in domain or a folder of documents."""

from __future__ import annotations

from pathlib import Path

from knowledge.documents import domain_of_folder
from knowledge.documents.ingest import OnProgress, project_name
from knowledge.documents.topic_assignment import readable
from knowledge.domain import Domain, kubernetes
from knowledge.kubernetes.topics import BUILT_IN, BUILT_IN_NAME
from knowledge.sources import Archive, GitRepository, NoSuchDocuments, folder_of, parse_address


def open_knowledge(knowledge: str, name: str = "", fetched: Path | None = None,
                   on_progress: OnProgress = lambda progress: None) -> Domain:
    """Load the domain that a configuration names.

    Args:
        knowledge: the built-in domain, a folder, or the address of a repository or an archive.
        name: the display name; by default that of the folder.
        fetched: the folder that keeps fetched documents; None where only folders are opened.
        on_progress: is called while a folder is read.

    Raises:
        NoSuchFolder, NothingReadable: the folder does not exist or has no usable passage.
        NoSuchDocuments: the repository or archive cannot be fetched.
        MalformedNote, ApiReferenceMissing: the built-in domain cannot be read.
    """
    if knowledge == BUILT_IN:
        return kubernetes()
    folder = Path(knowledge).expanduser() if fetched is None else folder_of(knowledge, fetched)
    return domain_of_folder(folder, name_of(knowledge, name), on_progress, knowledge)


def name_of(knowledge: str, name: str = "") -> str:
    """The display name of the configured domain; reads no documents."""
    if knowledge == BUILT_IN:
        return BUILT_IN_NAME
    return name or (readable(address.name) if (address := _address(knowledge)) else
                    project_name(Path(knowledge).expanduser()))


def _address(knowledge: str) -> GitRepository | Archive | None:
    try:
        return parse_address(knowledge)
    except NoSuchDocuments:
        return None
