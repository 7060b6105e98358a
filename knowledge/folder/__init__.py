"""A team's own domain: a folder of Markdown, reStructuredText, plain text, HTML or PDF becomes passages.

`walking` finds the files, `decoding` and the `*_pages` modules turn each into blocks, `sections` cuts blocks into
passages' texts, `repeats` drops what pages share, `sorting` gives topics, `asking` writes questions,
`reading` does it all in order and `teaching` makes a `Domain` of the result. Knows no subject at all.
"""

from knowledge.folder.reading import FolderReading, NoSuchFolder, NothingReadable, read_folder
from knowledge.folder.teaching import domain_of_folder
from knowledge.folder.walking import Skipped

__all__ = ["FolderReading", "NoSuchFolder", "NothingReadable", "Skipped", "domain_of_folder", "read_folder"]
