"""What follows from questions that people brought: the numbers of a run's settings, errors, and what to know before."""

from __future__ import annotations

from collections import Counter
from typing import Any

from knowledge.domain import Domain
from knowledge.given_questions import ANSWER_ALONE, PEOPLE
from knowledge.questions import HELD_OUT, PARAPHRASE, PRACTICE
from knowledge.split import overlapping_passages, practice_passages
from runner.pipeline.run_knowledge import without_documents
from store.config_metadata import settings_of
from store.control_arms import RETRIEVAL, TUNED_RETRIEVAL
from store.run_config import RANGES, TAUGHT, RunConfig

FEWEST_ANSWERS = 3
"""Different answers that a question with two distractors from others needs at least."""
_SHOWN_ROWS = 10


def implied_settings(domain: Domain, cycles: int) -> dict[str, Any]:
    """Return the settings that the files decide: how many questions there are, and which of them decide the verdict."""
    of_tier = Counter(one.tier for one in domain.given)
    implied: dict[str, Any] = {}
    if of_tier[PRACTICE]:
        per_cycle = -(-of_tier[PRACTICE] // max(1, cycles))
        implied |= {"questions": min(per_cycle, int(RANGES["questions"][1])), "taught_questions": 0,
                    "headline_tier": HELD_OUT}
    if of_tier[HELD_OUT] or of_tier[PARAPHRASE]:
        implied |= {"held_out": of_tier[HELD_OUT], "taught_questions": of_tier[PARAPHRASE],
                    "headline_tier": TAUGHT if of_tier[PARAPHRASE] > of_tier[HELD_OUT] else HELD_OUT}
    return implied


def given_errors(config: RunConfig, domain: Domain) -> list[str]:
    """Return one sentence for each thing that the brought questions cannot give."""
    of_tier = Counter(one.tier for one in domain.given)
    tested = of_tier[HELD_OUT] + of_tier[PARAPHRASE]
    errors = []
    if of_tier[PRACTICE] and not tested and without_documents(config):
        errors.append(f"practice {config.practice!r} comes without a test: add --test FILE, write test in the column "
                      "split of some rows, or add --knowledge DIR, from which the teacher writes one")
    if of_tier[PRACTICE] and not tested and (config.taught_questions or config.headline_tier == TAUGHT):
        errors.append("the facts of a practice set of your own are only asked in a test of your own: add --test FILE, "
                      "or use --headline-tier held-out with --taught-questions 0")
    if tested and not of_tier[config.headline_tier]:
        other = PARAPHRASE if config.headline_tier == HELD_OUT else HELD_OUT
        errors.append(f"headline_tier {config.headline_tier!r} has no question in the test file, and {other!r} has "
                      f"{of_tier[other]}: use --headline-tier {other}")
    answers = {one.answer.casefold() for one in domain.given}
    if without_documents(config) and len(answers) < FEWEST_ANSWERS:
        errors.append(f"the files have {len(answers)} different answers: {FEWEST_ANSWERS} are needed at least, because "
                      "the others' answers are the wrong choices of each question")
    if all(passage.source == ANSWER_ALONE for passage in domain.passages) and \
            {RETRIEVAL, TUNED_RETRIEVAL} & set(config.arms):
        errors.append("retrieval without passages: no row has one; fill the column passage, add --knowledge DIR, or "
                      "leave the retrieval arms and the reading share out")
    return errors


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
