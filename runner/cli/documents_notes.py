"""Say before a launch what of the documents is left out, and where there are fewer facts than questions."""

from __future__ import annotations

from knowledge.documents import IngestResult
from knowledge.domain import Domain
from knowledge.languages import is_english
from knowledge.split import held_out_passages, practice_passages
from runner.pipeline.documents_reader import DocumentsReader
from runner.pipeline.earlier_documents import apart_from_earlier_runs
from runner.pipeline.given_settings import given_notes
from store.database import Store
from store.paths import default_paths
from store.queries import all_runs
from store.run_config import OFFLINE_TEACHER, RunConfig

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
        return facts_notes(config, found.domain)
    domain, changes = compared_with_earlier(found.domain, config, store)
    return [*_reading_notes(config, found.reading), *changes, *facts_notes(config, domain)]


def compared_with_earlier(domain: Domain, config: RunConfig, store: Store | None) -> tuple[Domain, list[str]]:
    """The domain without use of what would change sides, and a sentence about what changed since an earlier run."""
    if store is None:
        return domain, []
    found, comparison, run = apart_from_earlier_runs(domain, config, all_runs(store), default_paths())
    return found, [comparison.sentence(f"run {run}")] if comparison else []


def _reading_notes(config: RunConfig, reading: IngestResult) -> list[str]:
    from runner.cli.knowledge import left_out_lines

    notes = left_out_lines(reading, NAMED_FILES) if reading.skipped or reading.passed_over else []
    foreign = sum(not is_english(passage.text) for passage in reading.passages)
    if foreign and config.teacher == OFFLINE_TEACHER:
        notes.append(f"Note: the offline teacher asks in English only, and {foreign} of {len(reading.passages)} "
                     "passages are in another language: choose a chat teacher (--teacher), which asks in theirs.")
    return notes


def facts_notes(config: RunConfig, domain: Domain) -> list[str]:
    """Both numbers, where more questions are asked for than there are passages on that side of the split.

    The offline teacher asks about a part of them only; then that part counts.
    """
    chosen, offline = set(config.topics or domain.topics), config.teacher == OFFLINE_TEACHER
    sides = (("training", config.questions * config.cycles, practice_passages(domain)),
             ("held-out", config.held_out, held_out_passages(domain)))
    which = " that the offline teacher asks about" if offline else ""
    return [f"Note: {asked:,} {side} questions are asked for, and the chosen topics have {found:,} {side} "
            f"passages{which}: some are asked about more than once, or there are fewer questions."
            for side, asked, passages in sides
            if asked > (found := sum(passage.topic in chosen and (not offline or bool(passage.questions))
                                     for passage in passages))]
