"""What follows from questions that people brought: the numbers of a run's settings, and errors. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Any

from knowledge.domain import Domain
from knowledge.given_questions import ANSWER_ALONE
from knowledge.kubernetes.topics import BUILT_IN
from knowledge.questions import HELD_OUT, PARAPHRASE, PRACTICE
from store.control_arms import RETRIEVAL, TUNED_RETRIEVAL
from store.run_config import RANGES, TAUGHT, RunConfig

FEWEST_ANSWERS = 3
"""Different answers that a question with two distractors from others needs at least."""


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


def without_documents(config: RunConfig) -> bool:
    """Return whether people's questions are all there is: beside their practice set, nothing built in is used."""
    return bool(config.practice) and config.knowledge == BUILT_IN
