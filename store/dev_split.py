"""The development split: questions beside the locked test that a run chooses its cycle on. Pure.

With one, the test is answered once, at the end of the run, by the chosen cycle's student alone. The test's score of a
cycle that was chosen by that very score looks better than it is; that of a cycle chosen on other questions does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.run_config import RunConfig

DEV = "dev"
"""Stored name of the tier."""


def dev_errors(config: RunConfig) -> list[str]:
    """Return what a configuration with a development split cannot have, a sentence each."""
    if not config.dev_questions:
        return ["hold_test without dev_questions: nothing would choose the settings that answer the test"] \
            if config.hold_test else []
    errors = []
    if config.arms or config.learning_curve:
        errors.append("dev_questions with control arms or the learning curve: these ask the test more than once; run "
                      "them without dev_questions")
    if config.paraphrases:
        errors.append("dev_questions with paraphrases, which test every cycle: use taught_questions")
    if not config.fine_tune:
        errors.append("dev_questions without fine-tuning: there is no cycle to choose")
    return errors
