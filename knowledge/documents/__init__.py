"""Turn a folder of documents, of the kinds in `file_discovery`, into a domain of passages and questions.

`ingest` runs the steps: `file_discovery` finds the files, `file_reading` turns each into headings and
paragraphs with one of the `*_parser` modules, `boilerplate` drops what pages share, `chunking` cuts passages,
`topic_assignment` gives topics, `question_generator` writes questions, `passage_key_terms` chooses key terms. Works
for any subject.
"""

from knowledge.documents.file_discovery import SkippedFile
from knowledge.documents.ingest import (
    IngestResult, NoSuchFolder, NothingReadable, ReadingProgress, domain_of_folder, read_folder,
)

__all__ = ["IngestResult", "NoSuchFolder", "NothingReadable", "ReadingProgress", "SkippedFile", "domain_of_folder",
           "read_folder"]
