"""Say before a launch what of the documents is left out, and where there are fewer facts than questions."""

from __future__ import annotations

from knowledge.documents import IngestResult
from knowledge.domain import Domain
from runner.pipeline.documents_reader import DocumentsReader
from runner.pipeline.given_settings import given_notes
from store.analysis.documents_notes import count_documents, facts_notes, language_note
from store.analysis.earlier_documents import apart_from_earlier_runs
from store.database import Store
from store.paths import default_paths
from store.queries import all_runs
from store.run_config import RunConfig

NAMED_FILES = 5
"""How many of the files that are left out are named before a run."""


def documents_notes(config: RunConfig, documents: DocumentsReader | None = None,
                    store: Store | None = None) -> list[str]:
    """What of a folder of documents is left out, what changed since an earlier run, in which language the offline
    teacher would ask about it, and where there are fewer facts than questions are asked for."""
    found = (documents or DocumentsReader()).read(config)
    if found.domain.given:
        return given_notes(config, found.domain)
    if not found.reading:
        return facts_notes(config, count_documents(found.domain))
    domain, changes = compared_with_earlier(found.domain, config, store)
    counts = count_documents(domain)
    language = language_note(config.teacher, counts)
    return [*_reading_notes(found.reading), *([language] if language else []), *changes, *facts_notes(config, counts)]


def compared_with_earlier(domain: Domain, config: RunConfig, store: Store | None) -> tuple[Domain, list[str]]:
    """The domain without use of what would change sides, and a sentence about what changed since an earlier run."""
    if store is None:
        return domain, []
    found, comparison, run = apart_from_earlier_runs(domain, config, all_runs(store), default_paths())
    return found, [comparison.sentence(f"run {run}")] if comparison else []


def _reading_notes(reading: IngestResult) -> list[str]:
    from runner.cli.knowledge import left_out_lines

    return left_out_lines(reading, NAMED_FILES) if reading.skipped or reading.passed_over else []
