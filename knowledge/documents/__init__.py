"""Turn a folder of Markdown, reStructuredText, plain text, HTML or PDF files into a domain of passages and questions.

`ingest` runs the steps: `file_discovery` finds the files, `text_decoding` and the `*_parser` modules turn each into
headings and paragraphs, `boilerplate` drops what pages share, `chunking` cuts passages, `topic_assignment` gives
topics, `question_generator` writes questions, `passage_key_terms` chooses key terms. Works for any subject.
"""

from knowledge.documents.file_discovery import SkippedFile
from knowledge.documents.ingest import IngestResult, NoSuchFolder, NothingReadable, domain_of_folder, read_folder

__all__ = ["IngestResult", "NoSuchFolder", "NothingReadable", "SkippedFile", "domain_of_folder", "read_folder"]
