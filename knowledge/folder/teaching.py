"""Makes a `Domain` of a folder: what a run is given to teach."""

from __future__ import annotations

from pathlib import Path

from knowledge.domain import Domain, domain_of
from knowledge.folder.reading import project_name, read_folder


def domain_of_folder(folder: Path, name: str | None = None) -> Domain:
    """The domain of a folder of documents, called by its folder where no name is given.

    Raises:
        NoSuchFolder: there is none, or it is a file.
        NothingReadable: no document in it holds a passage.
    """
    called = name or project_name(folder)
    reading = read_folder(folder, called)
    return domain_of(called, reading.passages, reading.topic_names)
