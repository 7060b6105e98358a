"""Define the control arms (baselines): other ways to answer, against which fine-tuning is compared.

They answer the held-out test once per run, after its last cycle, and are scored by the same judges.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

FEW_SHOT, RETRIEVAL, TUNED_RETRIEVAL = "few-shot", "retrieval", "tuned+retrieval"
PLACEBO, TEACHER = "placebo", "teacher"
BASELINE, TUNED = "baseline", "tuned"
CONTEXT_ITEMS = 3
"""Number of practice pairs, or of passages, in a prompt."""


@dataclass(frozen=True)
class ControlArm:
    """One control arm: how it answers, and how to interpret the comparison with it."""

    name: str
    title: str
    flag: str
    """Its command-line flag, without the dashes."""
    how: str
    description: str


ARMS: dict[str, ControlArm] = {
    arm.name: arm
    for arm in (
        ControlArm(FEW_SHOT, "Few-shot", "few-shot",
                   f"The untrained student with {CONTEXT_ITEMS} practice questions and their references in the prompt.",
                   "The effect of a few examples without training. If tuned is not above it, training taught little "
                   "more than the form of an answer."),
        ControlArm(RETRIEVAL, "Retrieval", "retrieval",
                   f"The untrained student with the {CONTEXT_ITEMS} best passages of the whole domain in the prompt, "
                   "including those behind the test, as a real retrieval system would have them.",
                   "The effect of retrieval without training. If tuned is below it, retrieval serves this knowledge "
                   "better than training."),
        ControlArm(TUNED_RETRIEVAL, "Tuned + retrieval", "tuned-retrieval",
                   "The tuned student with the same passages in the prompt.",
                   "Whether the gains of training and retrieval add up."),
        ControlArm(PLACEBO, "Placebo", "placebo",
                   "An adapter trained for as long on the same questions with shuffled references: right in style, "
                   "wrong in content.",
                   "A gain that the placebo shares is style, not knowledge. Wrong references can also do harm, so "
                   "tuned minus placebo may overstate what was learned."),
        ControlArm(TEACHER, "Teacher ceiling", "teacher-ceiling",
                   "The teacher's own answer to the test question, without the passage.",
                   "The ceiling: what the student could reach with all of its teacher's knowledge."),
    )
}


def ordered_arms(names: Iterable[str]) -> tuple[str, ...]:
    """Return the control arms among `names`, in the order of ARMS, without duplicates."""
    names = set(names)
    return tuple(name for name in ARMS if name in names)
