"""The control arms, as a table: other ways to an answer, and what fine-tuning is worth beside each.

They answer the held-out test once a run, after its last cycle, and are scored by the same judges.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

FEW_SHOT, RETRIEVAL, TUNED_RETRIEVAL = "few-shot", "retrieval", "tuned+retrieval"
PLACEBO, TEACHER = "placebo", "teacher"
BASELINE, TUNED = "baseline", "tuned"
CONTEXT_ITEMS = 3
"""So many practice pairs, or passages, are put before the student."""


@dataclass(frozen=True)
class ControlArm:
    """One arm: how it answers, and what the comparison with it says."""

    name: str
    title: str
    flag: str
    """Its switch on the command line, without the dashes."""
    how: str
    description: str


ARMS: dict[str, ControlArm] = {
    arm.name: arm
    for arm in (
        ControlArm(FEW_SHOT, "Few-shot", "few-shot",
                   f"The untrained student with {CONTEXT_ITEMS} practice questions and their references in the prompt.",
                   "What showing a few examples does without any training. Where tuned is not above it, the training "
                   "taught little more than the form of an answer."),
        ControlArm(RETRIEVAL, "Retrieval", "retrieval",
                   f"The untrained student with the {CONTEXT_ITEMS} best passages of the whole domain in the prompt, "
                    "those "
                   "behind the test among them, as a real retrieval system would have them.",
                   "What looking things up does without any training. Where tuned is below it, the knowledge is "
                   "better looked up than trained in."),
        ControlArm(TUNED_RETRIEVAL, "Tuned + retrieval", "tuned-retrieval",
                   "The tuned student with the same passages in the prompt.",
                   "Whether training and looking things up add up."),
        ControlArm(PLACEBO, "Placebo", "placebo",
                   "An adapter trained as long, on the same questions with the references of others: right in "
                   "style, wrong in content.",
                   "A gain that the placebo has too is style and no knowledge. Wrong references can also do harm: "
                   "tuned minus placebo may say more than was learned."),
        ControlArm(TEACHER, "Teacher", "teacher-ceiling",
                   "The teacher's own answer to the test question, without the passage in sight.",
                   "The ceiling: what the student could reach if it had all of its teacher's knowledge."),
    )
}


def ordered_arms(names: Iterable[str]) -> tuple[str, ...]:
    """Arms in the order of the table, each once."""
    names = set(names)
    return tuple(name for name in ARMS if name in names)
