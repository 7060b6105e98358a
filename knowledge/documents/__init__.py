"""A team's own domain: a folder of Markdown, reStructuredText, plain text, HTML or PDF becomes passages.

`walking` finds the files, `decoding` and the `*_pages` modules turn each into blocks, `sections` cuts blocks into
passages' texts, `repeats` drops what pages share, `sorting` gives topics, `asking` writes questions,
`reading` does it all in order and `teaching` makes a `Domain` of the result. Knows no subject at all.
"""

from knowledge.documents.file_discovery import SkippedFile
from knowledge.documents.ingest import IngestResult, NoSuchFolder, NothingReadable, domain_of_folder, read_folder

__all__ = ["IngestResult", "NoSuchFolder", "NothingReadable", "SkippedFile", "domain_of_folder", "read_folder"]
