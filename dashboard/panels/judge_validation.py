"""Judge reliability: the judge of each metric, the result of its audit, and later rescorings of stored answers."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.style import labels
from dashboard.view_models import export_rows
from dashboard.widgets import elements
from store.formatting import escape_invisible
from store.queries import ORIGINAL_JUDGING, Audit, ChangeRow, Judging, Truncated

_KINDS = {"right": "correct", "short": "correct, short", "negated": "negated", "foreign": "off-topic answer",
          "echo": "echo", "no answer": "\"I do not know.\"", "padded": "verbose"}
"""Kind of planted answer, as recorded -> its column."""


def headline_warning(audits: Sequence[Audit], headline: str) -> None:
    """Draw a warning if the metric that decides the verdict failed its audit."""
    for audit in audits:
        if audit.metric == headline and not audit.passed:
            st.warning(f"The verdict is based on {labels.metric_within(headline)}, which failed its audit in "
                       "this run: see Judges below.", icon=":material/gavel:")


def judge_validation(audits: Sequence[Audit]) -> None:
    """Draw every audited metric with its mean score for each kind of planted answer."""
    if not audits:
        return
    st.subheader("Judge reliability")
    st.caption(labels.AUDIT_NOTE)
    _table(audits, "trials")
    failed = [audit for audit in audits if not audit.passed]
    if failed:
        with st.expander("Failed discriminations", icon=":material/gavel:"):
            for audit in failed:
                elements.plain_text(f"{labels.metric_short(audit.metric)}, by {audit.judge}:\n"
                                    + "\n".join(f"• {reason}" for reason in audit.reasons))


def _table(audits: Sequence[Audit], key: str) -> None:
    rows = [_row(audit) for audit in audits]
    elements.table(rows, "judge-audits", key,
                   [{**row, "reasons": "\n".join(audit.reasons)} for row, audit in zip(rows, audits, strict=True)],
                   numbers={**dict.fromkeys(_KINDS.values(), 2), "retest noise": 3})


def _row(audit: Audit) -> dict[str, object]:
    outcome = "✓ passed" if audit.passed else "✗ failed" if audit.questions else "– not audited"
    return {"metric": labels.metric_short(audit.metric), "audit": outcome,
            **{title: audit.means.get(kind) for kind, title in _KINDS.items()},
            "retest noise": audit.noise, "judge": labels.judge(audit.judge)}


def choose(again: Sequence[tuple[Judging, Sequence[ChangeRow], Sequence[Audit]]]) -> int:
    """Select which scores a page shows: the original ones (0) or a rescoring; no field if there is no rescoring."""
    if not again:
        return ORIGINAL_JUDGING
    names = {ORIGINAL_JUDGING: "original scores (used for the verdict)"}
    names |= {one.judging: f"rescoring {one.judging}, by {one.judge or 'no model'}" for one, _, _ in again}
    chosen = st.selectbox("Scores", list(names), format_func=lambda one: escape_invisible(names[one]), key="judging",
                          help="Stored answers can be rescored by other metrics or judges; the verdict does not "
                          "change.")
    return int(chosen or ORIGINAL_JUDGING)


def rejudged(judging: Judging, changes: Sequence[ChangeRow], of_record: Sequence[ChangeRow],
             audits: Sequence[Audit]) -> None:
    """Draw the changes by one rescoring next to the original ones of the same metric; the verdict does not change."""
    with st.expander(f"Rescoring {judging.judging} ({judging.work})", icon=":material/replay:"):
        elements.plain_text(f"By {judging.judge or 'the metrics that need no judge model'}.")
        st.caption(f"{elements.local_time(judging.started_at)}. Stored answers, rescored; the verdict is still based "
                   "on the original scores.")
        own = {(row.cycle, row.tier, row.metric): row for row in of_record if not row.topic}
        elements.table([_comparison_row(row, own.get((row.cycle, row.tier, row.metric)))
                        for row in changes if not row.topic],
                       f"judged-again-{judging.judging}", f"judged again {judging.judging}",
                       export_rows.change_rows(changes))
        _table(audits, f"trials {judging.judging}")


def _comparison_row(row: ChangeRow, own: ChangeRow | None) -> dict[str, object]:
    return {"cycle": row.cycle, "questions": labels.tier_short(row.tier), "metric": labels.metric_short(row.metric),
            "before": labels.number(row.baseline), "after": labels.number(row.tuned),
            "change": labels.change(row.change),
            "95% interval": labels.change_interval(row, row.metric), "pairs": labels.coverage(row.scored, row.asked),
            "original change": labels.change(own.change) if own else labels.DASH}


def cut_off_note(found: Truncated) -> list[str]:
    """Say how many of a tier's answers were truncated; empty if none were."""
    return [f"Truncated answers: {found.baseline:,} of {found.asked:,} before training, {found.tuned:,} of "
            f"{found.asked:,} after. {labels.CUT_OFF_NOTE}"] if found.baseline or found.tuned else []
