"""Results of the control arms as rows and lines for pages and figures. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.style import labels
from dashboard.view_models import run_selection
from store.control_arms import ARMS, BASELINE, RETRIEVAL, TUNED, TUNED_RETRIEVAL
from store.queries import ArmChange, ArmPrompt, Gap

AGAINST_UNTRAINED, TUNED_AGAINST = "vs. the untrained student", "the fine-tuned student vs."
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Comparison:
    """One line of the forest plot; the sign of a gain is set so that more is better."""

    group: str
    label: str
    row: ArmChange
    gain: float | None
    low: float | None
    high: float | None


def comparisons(changes: Sequence[ArmChange], metric: str) -> list[Comparison]:
    """The lines of one metric: each arm against the untrained student, then the fine-tuned student against each arm."""
    at = {(row.arm, row.against): row for row in changes if row.metric == metric}
    first = [(AGAINST_UNTRAINED, name_of(arm), at.get((arm, BASELINE))) for arm in (TUNED, *ARMS)]
    then = [(TUNED_AGAINST, name_of(arm), at.get((TUNED, arm))) for arm in ARMS]
    return [_comparison(group, label, row) for group, label, row in (*first, *then) if row]


def name_of(arm: str) -> str:
    """Display name of an arm."""
    return ARMS[arm].title if arm in ARMS else "Fine-tuned" if arm == TUNED else arm


def table(changes: Sequence[ArmChange], metric: str) -> list[dict[str, str]]:
    """One row per arm: how it answers, its change against both students, and the interpretation."""
    at = {(row.arm, row.against): row for row in changes if row.metric == metric}
    return [{"control": arm.title, "how it answers": arm.how,
             "control vs. untrained": _change_text(at.get((arm.name, BASELINE))),
             "fine-tuned vs. control": _change_text(at.get((TUNED, arm.name))), "interpretation": arm.description}
            for arm in ARMS.values() if (arm.name, BASELINE) in at]


def gap_rows(gaps: Sequence[Gap]) -> list[dict[str, str]]:
    """One row per metric with the gap closed, or the reason why there is none."""
    return [{"metric": labels.metric_short(gap.metric), "untrained": labels.number(gap.baseline),
             "fine-tuned": labels.number(gap.tuned), "teacher": labels.number(gap.teacher),
             "gap closed": labels.number(gap.closed), "95% interval": labels.interval(gap.low, gap.high),
             "pairs": labels.coverage(gap.scored, gap.asked), "note": _note(gap)} for gap in gaps]


def prompt_lines(prompts: Sequence[ArmPrompt], offline: bool) -> list[str]:
    """Sentences on the arms' prompts: retrieval recall, and how many prompts were shortened to the context length.

    Args:
        offline: the references are verbatim sentences of the passages.
    """
    lines = []
    retrieved = [prompt for prompt in prompts if prompt.arm == RETRIEVAL] or \
        [prompt for prompt in prompts if prompt.arm == TUNED_RETRIEVAL]
    if retrieved:
        lines.append(f"Retrieval found the source passage for "
                     f"{sum(prompt.own_passage for prompt in retrieved)} of {len(retrieved)} questions."
                     + (" In these cases the prompt contained the reference itself: the offline teacher's references "
                        "are verbatim sentences of the passages." if offline else ""))
    short = [prompt for prompt in prompts if prompt.left_out or prompt.cut]
    if short:
        lines.append(f"{labels.count(len(short), 'prompt')} of {len(prompts)} exceeded the student's context length: "
                     f"the lowest-ranked passages or examples were left out.")
    return lines


def by_arm(prompts: Sequence[ArmPrompt], question: str) -> Mapping[str, ArmPrompt]:
    """The prompts of one question by arm."""
    return {prompt.arm: prompt for prompt in prompts if prompt.question == question}


def _comparison(group: str, label: str, row: ArmChange) -> Comparison:
    def gain(value: float | None) -> float | None:
        return None if value is None else run_selection.signed_gain(row.metric, value)
    ends = sorted(value for value in (gain(row.low), gain(row.high)) if value is not None)
    low, high = ends if len(ends) == 2 else (None, None)
    return Comparison(group, label, row, gain(row.change), low, high)


def _change_text(row: ArmChange | None) -> str:
    if row is None or row.change is None:
        return NOT_MEASURED
    style = labels.verdict(row.verdict)
    return f"{style.sign} {labels.change(row.change)} ({labels.interval(row.low, row.high)})"


def _note(gap: Gap) -> str:
    if gap.missing:
        return gap.missing
    return "the teacher's answer is the reference itself: 1 by construction" if gap.by_construction else ""
