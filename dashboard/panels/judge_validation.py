"""Which judge gave the scores, whether it passed its trial, and what came of judging stored answers again."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.style import labels
from dashboard.view_models import export_rows
from dashboard.widgets import elements
from store.formatting import escape_invisible
from store.queries import ORIGINAL_JUDGING, AnswerPair, Audit, ChangeRow, Judging

_KINDS = {"right": "right", "short": "true, short", "negated": "negated", "foreign": "other answer",
          "echo": "echo", "no answer": "\"I do not know.\"", "padded": "padded"}


def headline_warning(audits: Sequence[Audit], headline: str) -> None:
    """Beside the verdict: the metric that decides it did not pass."""
    for audit in audits:
        if audit.metric == headline and not audit.passed:
            st.warning(f"The verdict rests on {labels.metric_within(headline)}, which did not pass its trial in "
                       "this run: see below.", icon=":material/gavel:")


def judge_validation(audits: Sequence[Audit]) -> None:
    """Every audited metric with the mean score of each kind of planted answer."""
    if not audits:
        return
    st.subheader("Can the judges be believed?")
    st.caption(labels.TRIAL_NOTE)
    _table(audits, "trials")
    failed = [audit for audit in audits if not audit.passed]
    if failed:
        with st.expander("What they did not tell apart", icon=":material/gavel:"):
            for audit in failed:
                elements.plain_text(f"{labels.metric_short(audit.metric)}, by {audit.judge}:\n"
                                    + "\n".join(f"• {reason}" for reason in audit.reasons))


def _table(audits: Sequence[Audit], key: str) -> None:
    number = st.column_config.NumberColumn(format="%.2f")
    rows = [_row(audit) for audit in audits]
    elements.table(rows, "judges-on-trial", key,
                   [{**row, "reasons": "\n".join(audit.reasons)} for row, audit in zip(rows, audits, strict=True)],
                   column_config=dict.fromkeys(_KINDS.values(), number)
                   | {"retest noise": st.column_config.NumberColumn(format="%.3f")})


def _row(audit: Audit) -> dict[str, object]:
    outcome = "✓ passed" if audit.passed else "✗ not passed" if audit.questions else "– not tried"
    return {"metric": labels.metric_short(audit.metric), "trial": outcome,
            **{title: audit.means.get(kind) for kind, title in _KINDS.items()},
            "retest noise": audit.noise, "judge": audit.judge}


def choose(again: Sequence[tuple[Judging, Sequence[ChangeRow], Sequence[Audit]]]) -> int:
    """Whose scores a page shows: the run's own (0), or a later judging's; asked only where there is one."""
    if not again:
        return ORIGINAL_JUDGING
    names = {ORIGINAL_JUDGING: "the run's own, which its verdict rests on"}
    names |= {one.judging: f"judging {one.judging}, by {one.judge or 'no model'}" for one, _, _ in again}
    chosen = st.selectbox("Scores", list(names), format_func=lambda one: escape_invisible(names[one]), key="judging",
                          help="Stored answers can be scored again by other metrics or judges; the verdict stays.")
    return int(chosen or ORIGINAL_JUDGING)


def rejudged(judging: Judging, changes: Sequence[ChangeRow], of_record: Sequence[ChangeRow],
             audits: Sequence[Audit]) -> None:
    """One judging's changes beside the run's own by the same metric; the verdict stays the run's."""
    with st.expander(f"Judged again, {judging.judging} ({judging.work})", icon=":material/replay:"):
        elements.plain_text(f"By {judging.judge or 'the metrics that need no judge model'}.")
        st.caption(f"{elements.local_time(judging.started_at)}. Stored answers, scored again "
                   "beside the run's own scores; "
                   "the verdict stays with those of the run.")
        own = {(row.cycle, row.tier, row.metric): row for row in of_record if not row.topic}
        elements.table([_beside(row, own.get((row.cycle, row.tier, row.metric))) for row in changes if not row.topic],
                       f"judged-again-{judging.judging}", f"judged again {judging.judging}",
                       export_rows.change_rows(changes))
        _table(audits, f"trials {judging.judging}")


def _beside(row: ChangeRow, own: ChangeRow | None) -> dict[str, object]:
    return {"cycle": row.cycle, "questions": labels.tier_short(row.tier), "metric": labels.metric_short(row.metric),
            "before": labels.number(row.baseline), "after": labels.number(row.tuned),
            "change": labels.change(row.change),
            "95% interval": labels.interval(row.low, row.high), "pairs": labels.coverage(row.scored, row.asked),
            "the run's own change": labels.change(own.change) if own else labels.DASH}


def cut_off_line(pairs: Sequence[AnswerPair], tier: str) -> None:
    """How many answers of a tier ended at the token limit: they are scored as they stand."""
    asked = [pair for pair in pairs if pair.tier == tier]
    before, after = sum(pair.baseline_cut_off for pair in asked), sum(pair.tuned_cut_off for pair in asked)
    if before or after:
        st.caption(f"Cut off before they ended: {before} of {len(asked)} answers before training, {after} of "
                   f"{len(asked)} after. {labels.CUT_OFF_NOTE}")
