"""What to know before a run about the questions that people brought: what was read, what decides, what may leak."""

from __future__ import annotations

from collections import Counter

from knowledge.domain import Domain
from knowledge.given_questions import PEOPLE
from knowledge.questions import HELD_OUT, PARAPHRASE, PRACTICE
from knowledge.split import overlapping_passages, practice_passages
from store.config_metadata import settings_of
from store.question_set_settings import FEWEST_ANSWERS
from store.run_config import RunConfig

_SHOWN_ROWS = 10


def given_notes(config: RunConfig, domain: Domain) -> list[str]:
    """Return what was read, which questions decide, and what is left out or may leak, one sentence each."""
    notes = [f"{file.name} ({file.role}): {file.questions:,} questions that people wrote, {file.with_passage:,} with a "
             f"passage; SHA-256 {file.sha256[:16]}{f'; {file.remark}' if file.remark else ''}."
             for file in domain.given_in]
    of_tier = Counter(one.tier for one in domain.given)
    if of_tier[HELD_OUT] or of_tier[PARAPHRASE]:
        notes.append(f"Test: {of_tier[PARAPHRASE]} questions on facts that are practised (same passage or answer), "
                     f"{of_tier[HELD_OUT]} on others; {_label(config, 'headline_tier')} decide the verdict.")
    unused = of_tier[PRACTICE] - config.questions * config.cycles
    if unused > 0:
        notes.append(f"Note: {unused:,} of {of_tier[PRACTICE]:,} rows of the practice set are not used: ask for more "
                     "questions per cycle, or more cycles.")
    if rows := alike_rows(domain):
        notes.append(f"Note: what test rows {', '.join(map(str, rows[:_SHOWN_ROWS]))}"
                     f"{f' and {len(rows) - _SHOWN_ROWS} more' if len(rows) > _SHOWN_ROWS else ''} rest on is nearly "
                     "the same as a text that may be trained: they may test memory of it.")
    return notes


def alike_rows(domain: Domain) -> list[int]:
    """Return the rows of the test whose passage or answer nearly repeats a text of the practice side."""
    own = {one.passage_id: one.row for one in domain.given if one.tier == HELD_OUT}
    rests_on = [domain.passage(id) for id in own]
    found = overlapping_passages(rests_on, practice_passages(domain))
    return sorted(own[passage.id] for passage in rests_on if passage.id in found
                  and (passage.source == PEOPLE or len(passage.text.split()) > FEWEST_ANSWERS))


def _label(config: RunConfig, name: str) -> str:
    return next(item for item in settings_of(RunConfig) if item.name == name).choices[getattr(config, name)]
