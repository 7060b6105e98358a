"""The verdict of a run and its evidence: headline numbers, evidence pack, all metrics, caveats."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import Literal

import streamlit as st

from dashboard.panels.required_sample_size import larger_test_panel
from dashboard.style import labels
from dashboard.view_models import run_selection
from dashboard.widgets import elements
from store.analysis.required_sample_size import LargerTest
from store.database import Store
from store.metrics import METRICS
from store.queries import AnswerPair, ChangeRow, Cycle, Run, TeacherUsage
from store.run_config import OFFLINE_TEACHER
from store.statistics import IMPROVED, LOSSES


def verdict_card(run: Run, cycles: list[Cycle], decides: ChangeRow | None, used: TeacherUsage | None = None,
                 larger: LargerTest | None = None) -> None:
    """Draw the verdict with its sentence, its numbers, the setup and the teacher usage.

    Args:
        run: the run.
        cycles: its cycles.
        decides: the change that the verdict is based on, of the last compared cycle.
        used: what its teacher used; None without calls.
        larger: the test that would decide an inconclusive verdict.
    """
    judged = next((cycle for cycle in reversed(cycles) if cycle.sentence), None)
    name = run.verdict or (judged.verdict if judged else None)
    style = labels.verdict(name)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            answer = labels.ANSWERS.get(name or "", style.label)
            st.subheader(f"{style.sign} {'No verdict' if name is None and run.ended_at else answer}", width="content")
            elements.badge(labels.work(run.work))
            if run.work != "finished" and judged:
                st.caption(f"So far: cycle {judged.cycle} of {run.config.cycles}.", width="content")
        elements.plain_text(run_selection.headline_of(run, run.sentence or (judged.sentence if judged else None)))
        if larger:
            larger_test_panel(larger)
        if decides and decides.change is not None:
            _numbers(decides)
            if measure := METRICS.get(decides.metric):
                st.caption(f"{measure.title}: {measure.description[0].lower()}{measure.description[1:]}")
        elements.plain_text(_setup(run))
        if used:
            elements.plain_text(f"Teacher usage: {labels.usage_sentence(used, run.config.max_cost_usd)}.")


def _numbers(row: ChangeRow) -> None:
    """Draw the numbers that a verdict is based on."""
    tiles = [("Before", labels.number(row.baseline), "Mean score of the untrained student on the test."),
             ("After", labels.number(row.tuned), "Mean score of the fine-tuned student on the same questions."),
             ("Change", labels.change(row.change), "After minus before"
              + (": below 0 is better." if run_selection.signed_gain(row.metric, 1.0) < 0 else ".")),
             ("95% interval", labels.change_interval(row, row.metric), "Confidence interval of the change over "
              "questions of this kind. If it includes 0, the change may be due to chance."),
             ("Questions", f"{row.scored}" + (f" of {row.asked}" if row.scored < row.asked else ""),
              "Held-out test questions, never trained on, that were scored before and after.")]
    with st.grid(5, gap="small", min_column_width=135):
        for label, value, help_text in tiles:
            st.metric(label, value, help=help_text)


def _setup(run: Run) -> str:
    config = run.config
    name = f"{run.name} · " if run.name else ""
    return (f"{name}{labels.knowledge(config)} · teacher: {labels.teacher(config.teacher)} · student: "
            f"{labels.student(config.student)}{'' if config.fine_tune else ', not fine-tuned'} · "
            f"{labels.count(config.cycles, 'cycle')} of {labels.count(config.questions, 'training question')}")


def evidence_pack(store: Store, run: Run) -> None:
    """Draw the download buttons of the evidence pack (HTML or JSON), which is generated on click."""
    def written(ending: str) -> Callable[[], bytes]:
        def write() -> bytes:
            from store import report  # late: the first page needs no templates

            found = report.gather(store, run.id)
            return (report.as_html if ending == "html" else report.as_json)(found).encode() if found else b""
        return write

    with st.popover("Evidence pack", icon=":material/verified:"):
        st.caption("The verdict with its intervals, question tiers, worst cases, configuration, hashes and the command "
                   "that repeats the run, in one self-contained file.")
        for ending, mime in (("html", "text/html"), ("json", "application/json")):
            st.download_button(f"Evidence as {ending.upper()}", written(ending), f"evidence-{run.id}.{ending}", mime,
                               icon=":material/download:", key=f"evidence {ending}", on_click="ignore")


def key_numbers(changes: list[ChangeRow], metrics: list[str], tier: str, failed_audit: Collection[str] = ()) -> None:
    """Draw one tile per metric of the last cycle: score after training, change, score before.

    Args:
        failed_audit: metrics whose judge failed its audit in this run, which their tiles say.
    """
    with st.grid(4, gap="small", min_column_width=205):
        for metric in metrics:
            row = run_selection.latest(changes, metric, tier)
            if row is None:
                continue
            st.metric(
                labels.metric_short(metric), labels.number(row.tuned), labels.change(row.change),
                delta_color=_delta_color(row), delta_arrow=_arrow(row),
                delta_description=f"was {labels.number(row.baseline)}", border=True, height="stretch",
                icon=":material/gavel:" if metric in failed_audit else None,
                help=f"{labels.metric(metric)}: {labels.coverage(row.scored, row.asked)}; 95% interval of the change "
                     f"{labels.change_interval(row, row.metric)}. {labels.verdict(row.verdict).label}."
                     + (f" {labels.AUDIT_FAILED}" if metric in failed_audit else ""))
    shown = [row for metric in metrics if (row := run_selection.latest(changes, metric, tier))]
    if shown:
        st.caption(f"Cycle {shown[0].cycle}. {run_selection.coverage_of(shown)}")
    if failed := [labels.metric_within(row.metric) for row in shown if row.metric in failed_audit]:
        st.caption(f":material/gavel: Audit failed: {', '.join(failed)} (see Judges).")


def coverage_line(changes: list[ChangeRow], metrics: list[str], tier: str) -> None:
    """Draw the table of scores, intervals, sample sizes and significance tests of the last cycle."""
    rows = [row for metric in metrics if (row := run_selection.latest(changes, metric, tier))]
    elements.data_table(
        [{"metric": labels.metric(row.metric), "before": row.baseline, "after": row.tuned, "change": row.change,
          "95% interval": labels.change_interval(row, row.metric), "pairs": labels.coverage(row.scored, row.asked),
          "better / worse / same": labels.wins(row), "sign test p": row.p_value, "Wilcoxon p": row.wilcoxon_p,
          "effect size (g)": labels.effect(row.effect, row.effect_low, row.effect_high),
          "bootstrap interval": labels.interval(row.bootstrap_low, row.bootstrap_high), "passages": row.clusters,
          "verdict": f"{labels.verdict(row.verdict).sign} {labels.verdict(row.verdict).label}"} for row in rows],
        signed={"change": 3}, numbers=dict.fromkeys(("before", "after", "sign test p", "Wilcoxon p"), 3))


def not_tuned(pairs: list[AnswerPair], tiers: list[str]) -> None:
    """Draw the untrained student's scores, for runs without scores of a fine-tuned student."""
    elements.empty_state(labels.NOT_TUNED)
    for tier in tiers:
        means = run_selection.baseline_means(pairs, tier)
        st.markdown(f"**{labels.tier(tier)}**")
        with st.grid(4, gap="small", min_column_width=190):
            for metric, (mean, scored, asked) in means.items():
                st.metric(labels.metric_short(metric), labels.number(mean), border=True, height="stretch",
                          help=labels.coverage(scored, asked))


def cycle_notes(cycles: list[Cycle]) -> None:
    """Draw a warning for each cycle without an adapter, whose fine-tuned scores are missing."""
    for cycle in cycles:
        if cycle.work in ("no adapter", "not tuned"):
            st.warning(f"Cycle {cycle.cycle}: {labels.CYCLE_WORK[cycle.work]}; its fine-tuned scores are missing.",
                       icon=":material/model_training:")


def notes(run: Run) -> list[str]:
    """The limitations of the scores."""
    return [labels.SIMILARITY_NOTE, *([labels.OFFLINE_NOTE] if run.config.teacher == OFFLINE_TEACHER else [])]


def caveats(lines: Sequence[str]) -> None:
    """Draw what else to keep in mind, folded, with its number."""
    with st.expander(f"Caveats ({len(lines)})", icon=":material/info:"):
        for line in lines:
            st.caption(line)


def memorisation(changes: list[ChangeRow], tier: str) -> None:
    """Draw the generalization gap by metric; nothing if training or test questions were not compared."""
    found = run_selection.memorisation(changes, tier)
    if found:
        st.markdown("**Generalization gap**")
        st.caption(labels.MEMORISATION_NOTE)
        elements.table([{"metric": labels.metric_short(item.metric), "train gain": labels.change(item.practice),
                         "test gain": labels.change(item.held_out), "gap": labels.change(item.distance),
                         "95% interval": labels.interval(item.low, item.high)}
                        for item in found], "memorisation", "memorisation",
                       [dataclasses.asdict(item) for item in found])


def _delta_color(row: ChangeRow) -> Literal["green", "red", "off"]:
    """Colour for significant changes only: green for better, red for worse as in the charts, grey for the rest."""
    return "green" if row.verdict == IMPROVED else "red" if row.verdict in LOSSES else "off"


def _arrow(row: ChangeRow) -> Literal["up", "down", "off"]:
    return "off" if not row.change else "up" if row.change > 0 else "down"
