"""What the control arms say, as values that pages show: pure, read models in, values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.style import labels
from dashboard.view_models import run_selection
from store.control_arms import ARMS, BASELINE, RETRIEVAL, TUNED, TUNED_RETRIEVAL
from store.queries import ArmChange, ArmPrompt, Gap

AGAINST_UNTRAINED, TUNED_AGAINST = "against the untrained student", "the tuned student against"
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Comparison:
    """One line of the forest; gains are turned so that more is better."""

    group: str
    label: str
    row: ArmChange
    gain: float | None
    low: float | None
    high: float | None


def comparisons(changes: Sequence[ArmChange], metric: str) -> list[Comparison]:
    """The lines of one metric: every arm against the untrained student, then tuned against every arm."""
    at = {(row.arm, row.against): row for row in changes if row.metric == metric}
    first = [(AGAINST_UNTRAINED, name_of(arm), at.get((arm, BASELINE))) for arm in (TUNED, *ARMS)]
    then = [(TUNED_AGAINST, name_of(arm), at.get((TUNED, arm))) for arm in ARMS]
    return [_comparison(group, label, row) for group, label, row in (*first, *then) if row]


def name_of(arm: str) -> str:
    """An arm as people read it."""
    return ARMS[arm].title if arm in ARMS else "Tuned" if arm == TUNED else arm


def table(changes: Sequence[ArmChange], metric: str) -> list[dict[str, str]]:
    """A row an arm: how it answers, how it stands to both students, and what that tells."""
    at = {(row.arm, row.against): row for row in changes if row.metric == metric}
    return [{"arm": arm.title, "how it answers": arm.how, "against untrained": _words(at.get((arm.name, BASELINE))),
             "tuned against it": _words(at.get((TUNED, arm.name))), "what it tells": arm.description}
            for arm in ARMS.values() if (arm.name, BASELINE) in at]


def gap_rows(gaps: Sequence[Gap]) -> list[dict[str, str]]:
    """Gap closed by metric, or why there is none."""
    return [{"metric": labels.metric_short(gap.metric), "untrained": labels.number(gap.baseline),
             "tuned": labels.number(gap.tuned), "teacher": labels.number(gap.teacher),
             "gap closed": labels.number(gap.closed), "95% interval": labels.interval(gap.low, gap.high),
             "pairs": labels.coverage(gap.scored, gap.asked), "note": _note(gap)} for gap in gaps]


def prompt_lines(prompts: Sequence[ArmPrompt], offline: bool) -> list[str]:
    """What a reader must know of the prompts: how often the right passage was found, and what did not fit.

    Args:
        offline: the references are the passages' own words.
    """
    lines = []
    found = [prompt for prompt in prompts if prompt.arm == RETRIEVAL] or \
        [prompt for prompt in prompts if prompt.arm == TUNED_RETRIEVAL]
    if found:
        lines.append(f"The passage behind the question was among those found for "
                     f"{sum(prompt.own_passage for prompt in found)} of {len(found)} questions."
                     + (" There the prompt held the reference itself: the offline teacher's references are the "
                        "passages' own words." if offline else ""))
    short = [prompt for prompt in prompts if prompt.left_out or prompt.cut]
    if short:
        lines.append(f"{labels.count(len(short), 'prompt')} of {len(prompts)} did not fit into the student's context "
                     f"whole: the weakest passages or examples were left out first.")
    return lines


def by_arm(prompts: Sequence[ArmPrompt], question: str) -> Mapping[str, ArmPrompt]:
    """What each arm was shown with one question."""
    return {prompt.arm: prompt for prompt in prompts if prompt.question == question}


def _comparison(group: str, label: str, row: ArmChange) -> Comparison:
    def gain(value: float | None) -> float | None:
        return None if value is None else run_selection.signed_gain(row.metric, value)
    ends = sorted(value for value in (gain(row.low), gain(row.high)) if value is not None)
    low, high = ends if len(ends) == 2 else (None, None)
    return Comparison(group, label, row, gain(row.change), low, high)


def _words(row: ArmChange | None) -> str:
    if row is None or row.change is None:
        return NOT_MEASURED
    look = labels.verdict(row.verdict)
    return f"{look.sign} {labels.change(row.change)} ({labels.interval(row.low, row.high)})"


def _note(gap: Gap) -> str:
    if gap.missing:
        return gap.missing
    return "the teacher's answer is the reference itself: 1 by construction" if gap.by_construction else ""
