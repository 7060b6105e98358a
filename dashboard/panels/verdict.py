"""What the result of a run says, in the words that a stakeholder reads first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Literal

import streamlit as st

from dashboard.style import labels
from dashboard.view_models import run_selection
from dashboard.widgets import elements
from store.config import OFFLINE_TEACHER
from store.database import Store
from store.metrics import METRICS
from store.queries import AnswerPair, ChangeRow, Cycle, Run, TeacherUsage


def verdict_card(run: Run, cycles: list[Cycle], decides: ChangeRow | None, used: TeacherUsage | None = None) -> None:
    """Does it work, how much better, how sure, on what: the verdict, its numbers, and what ran.

    Args:
        decides: the change that the verdict goes by, of the latest cycle that was compared.
    """
    spoken = next((cycle for cycle in reversed(cycles) if cycle.sentence), None)
    name = run.verdict or (spoken.verdict if spoken else None)
    look = labels.verdict(name)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            said = labels.ANSWERS.get(name or "", look.word)
            st.subheader(f"{look.sign} {'No verdict' if name is None and run.ended_at else said}", width="content")
            elements.badge(labels.work(run.work))
            if run.work != "finished" and spoken:
                st.caption(f"So far: cycle {spoken.cycle} of {run.config.cycles}.", width="content")
        elements.plain_text(run_selection.headline_of(run, run.sentence or (spoken.sentence if spoken else None)))
        if decides and decides.change is not None:
            _numbers(decides)
            if measure := METRICS.get(decides.metric):
                st.caption(f"{measure.title}: {measure.description[0].lower()}{measure.description[1:]}")
        elements.plain_text(_what_ran(run))
        if used:
            elements.plain_text(f"The teacher took {labels.usage_sentence(used, run.config.max_cost_usd)}.")


def _numbers(row: ChangeRow) -> None:
    """The four numbers that a verdict rests on."""
    tiles = [("Before", labels.number(row.baseline), "Mean score of the untrained student on the test."),
             ("After", labels.number(row.tuned), "Mean score of the tuned student on the same questions."),
             ("Change", labels.change(row.change), "After minus before"
              + (": below 0 is better." if run_selection.signed_gain(row.metric, 1.0) < 0 else ".")),
             ("95% interval", labels.interval(row.low, row.high), "Where the true change most likely lies, were other "
              "questions of this kind asked. While it includes 0, the change may be chance."),
             ("Questions", f"{row.scored}" + (f" of {row.asked}" if row.scored < row.asked else ""),
              "Held-out questions, never trained on, that were scored before and after.")]
    with st.grid(5, gap="small", min_column_width=135):
        for label, value, help_text in tiles:
            st.metric(label, value, help=help_text)


def _what_ran(run: Run) -> str:
    config = run.config
    return (f"{labels.knowledge(config)} · teacher: {labels.teacher(config.teacher)} · student: "
            f"{labels.student(config.student)}{'' if config.fine_tune else ', not fine-tuned'} · "
            f"{labels.count(config.cycles, 'cycle')} of {labels.count(config.questions, 'practice question')}")


def evidence_pack(store: Store, run: Run) -> None:
    """Everything that bears on the verdict, as one offline page or as data; made when somebody asks for it."""
    def written(ending: str) -> Callable[[], bytes]:
        def write() -> bytes:
            from store import report  # late: the first page needs no templates

            found = report.gather(store, run.id)
            return (report.as_html if ending == "html" else report.as_json)(found).encode() if found else b""
        return write

    with st.popover("Evidence pack", icon=":material/verified:"):
        st.caption("The verdict with its intervals, tiers, worst cases, configuration, hashes and the command that "
                   "repeats the run, in one file that needs no network.")
        for ending, mime in (("html", "text/html"), ("json", "application/json")):
            st.download_button(f"Evidence as {ending.upper()}", written(ending), f"evidence-{run.id}.{ending}", mime,
                               icon=":material/download:", key=f"evidence {ending}", on_click="ignore")


def key_numbers(changes: list[ChangeRow], metrics: list[str], tier: str) -> None:
    """One number a metric of the last cycle: after, change, before, and how many pairs it rests on."""
    with st.grid(4, gap="small", min_column_width=190):
        for metric in metrics:
            row = run_selection.latest(changes, metric, tier)
            if row is None:
                continue
            st.metric(
                labels.metric_short(metric), labels.number(row.tuned), labels.change(row.change),
                delta_color=_delta_color(row), delta_arrow=_arrow(row),
                delta_description=f"was {labels.number(row.baseline)}", border=True, height="stretch",
                help=f"{labels.metric(metric)}: {labels.coverage(row.scored, row.asked)}; 95% interval of the change "
                     f"{labels.interval(row.low, row.high)}. {labels.verdict(row.verdict).word}.")
    shown = [row for metric in metrics if (row := run_selection.latest(changes, metric, tier))]
    if shown:
        st.caption(f"Cycle {shown[0].cycle}: after, change, before. {run_selection.coverage_of(shown)}")


def coverage_line(changes: list[ChangeRow], metrics: list[str], tier: str) -> None:
    """On how many pairs each number rests, and how sure it is."""
    rows = [row for metric in metrics if (row := run_selection.latest(changes, metric, tier))]
    elements.data_table(
        [{"metric": labels.metric(row.metric), "before": row.baseline, "after": row.tuned, "change": row.change,
          "95% interval": labels.interval(row.low, row.high), "pairs": labels.coverage(row.scored, row.asked),
          "better / worse / same": labels.wins(row), "sign test p": row.p_value, "Wilcoxon p": row.wilcoxon_p,
          "effect size (g)": labels.effect(row.effect, row.effect_low, row.effect_high),
          "bootstrap check": labels.interval(row.bootstrap_low, row.bootstrap_high), "passages": row.clusters,
          "verdict": f"{labels.verdict(row.verdict).sign} {labels.verdict(row.verdict).word}"} for row in rows],
        column_config={"before": st.column_config.NumberColumn(format="%.3f"),
                       "after": st.column_config.NumberColumn(format="%.3f"),
                       "change": st.column_config.NumberColumn(format="%+.3f"),
                       "sign test p": st.column_config.NumberColumn(format="%.3f"),
                       "Wilcoxon p": st.column_config.NumberColumn(format="%.3f")})


def not_tuned(pairs: list[AnswerPair], tiers: list[str]) -> None:
    """What stands in place of the comparison where no tuned answer was scored."""
    elements.empty_state(labels.NOT_TUNED)
    for tier in tiers:
        means = run_selection.baseline_means(pairs, tier)
        st.markdown(f"**{labels.tier(tier)}**")
        with st.grid(4, gap="small", min_column_width=190):
            for metric, (mean, scored, asked) in means.items():
                st.metric(labels.metric_short(metric), labels.number(mean), border=True, height="stretch",
                          help=labels.coverage(scored, asked))


def cycle_notes(cycles: list[Cycle]) -> None:
    """Cycles that left no adapter say so: their tuned scores are missing."""
    for cycle in cycles:
        if cycle.work in ("no adapter", "not tuned"):
            st.warning(f"Cycle {cycle.cycle}: {labels.CYCLE_WORK[cycle.work]}; its tuned scores are missing.",
                       icon=":material/model_training:")


def notes(run: Run) -> None:
    """What the numbers cannot say."""
    st.caption(f":material/info: {labels.SIMILARITY_NOTE}")
    if run.config.teacher == OFFLINE_TEACHER:
        st.caption(f":material/wifi_off: {labels.OFFLINE_NOTE}")


def memorisation(changes: list[ChangeRow]) -> None:
    """How much more was gained on what was trained on; nothing where one side was not compared."""
    found = run_selection.memorisation(changes)
    if found:
        st.markdown("**Memorisation**")
        st.caption(labels.MEMORISATION_NOTE)
        elements.table([{"metric": labels.metric_short(item.metric), "gain on practice": labels.change(item.practice),
                       "gain on held-out": labels.change(item.held_out), "distance": labels.change(item.distance),
                         "95% interval": labels.interval(item.low, item.high)}
                        for item in found], "memorisation", "memorisation",
                       [dataclasses.asdict(item) for item in found])


def _delta_color(row: ChangeRow) -> Literal["orange", "blue", "off"]:
    """Colour only for what is certain: orange for better, blue for worse as in the charts, grey for the rest."""
    return "orange" if row.verdict == "improved" else "blue" if row.verdict == "regressed" else "off"


def _arrow(row: ChangeRow) -> Literal["up", "down", "off"]:
    return "off" if not row.change else "up" if row.change > 0 else "down"
