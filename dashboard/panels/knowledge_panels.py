"""Panels of the page Documents: corpus statistics, skipped files of a folder, one passage in full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from functools import partial

import streamlit as st

from dashboard.access.knowledge_loader import Knowledge
from dashboard.panels import knowledge_fields
from dashboard.session import url_state
from dashboard.style import labels
from dashboard.view_models import topic_coverage
from dashboard.view_models.topic_coverage import TopicCoverage
from dashboard.widgets import elements
from knowledge.passages import Passage

_SOURCES = {"notes": "notes", "api": "API", "folder": "documents"}
_SIDES = {topic_coverage.PRACTICE: "Train", topic_coverage.HELD_OUT: "Test", topic_coverage.NEITHER: "Excluded"}


def side(name: str) -> str:
    """Label of a side of the split."""
    return _SIDES.get(name, "All passages")


def summary(knowledge: Knowledge, rows: Sequence[TopicCoverage], kept_apart: Set[str], changes: str) -> None:
    """Draw name, dataset fingerprint and size of the corpus, with warnings if it has no test or no questions.

    Args:
        knowledge: the documents.
        rows: their topics.
        kept_apart: ids of the passages that an earlier run had on the other side of the split.
        changes: what changed since that run, in words; empty where there was none.
    """
    with st.container(border=True):
        elements.plain_text(f"{knowledge.domain.name}" + ("" if knowledge.built_in else f"\n{knowledge.source}"))
        st.caption(f"Dataset fingerprint: `{knowledge.domain.hash}`. Runs with the same fingerprint used the same "
                   "passages.")
    passages = sum(row.passages for row in rows)
    numbers = {"Topics": len(rows), "Passages": passages, "Questions": sum(row.questions for row in rows),
               "Train": sum(row.practice for row in rows),
               "Test": sum(row.held_out for row in rows),
               "Passages used": sum(row.passages_asked for row in rows)}
    with st.grid(6, gap="small", min_column_width=115):
        for label, number in numbers.items():
            st.metric(label, f"{number:,}", border=True)
    st.caption("Train and Test count passages: those that may be trained on, and those that are held out. Passages "
               "used have at least one question in any run of this store.")
    if not numbers["Test"]:
        st.warning("No passage can be held out, so a run on these documents has no test and no verdict. Add more "
                   "documents.", icon=":material/quiz:")
    if not numbers["Questions"]:
        st.warning("The offline teacher can generate no question from these documents. Add longer documents, or use a "
                   "chat model as the teacher.", icon=":material/quiz:")
    if changes:
        st.info(changes, icon=":material/difference:")
    excluded = passages - numbers["Train"] - numbers["Test"] - len(kept_apart)
    if excluded:
        st.caption(f"{labels.count(excluded, 'passage')} excluded as near-duplicates: held out, but too similar to a "
                   "train passage to be a fair test.")


def topic_table(rows: Sequence[TopicCoverage]) -> None:
    """Draw one row per topic; counts, not percentages, because topics of a small folder have few passages."""
    sources = list(dict.fromkeys(source for row in rows for source in row.by_source))
    shown = [{"topic": row.name, "passages": row.passages,
              **({_SOURCES.get(source, source): row.by_source.get(source, 0) for source in sources}
                 if len(sources) > 1 else {}),
              "questions": row.questions, "train": row.practice, "test": row.held_out,
              "questions used": row.asked, "passages used": row.passages_asked} for row in rows]
    counts = [name for row in shown[:1] for name in row if name != "topic"]
    elements.data_table(shown, height=min(780, 35 * len(rows) + 38), counts=counts, column_config={
        "topic": st.column_config.TextColumn(width=245),
        "train": st.column_config.NumberColumn(help="Passages that may be trained on."),
        "test": st.column_config.NumberColumn(help="Held-out passages, used for tests only."),
        "questions used": st.column_config.NumberColumn(help="Questions of all runs of this store."),
        "passages used": st.column_config.NumberColumn(help="Passages with a question in any run.")})


def folder_report(knowledge: Knowledge) -> None:
    """Draw the skipped files of a folder with their reasons, and a button that sets the folder in the launch form."""
    if knowledge.built_in:
        return
    if knowledge_fields.uses(knowledge.source):
        st.success("The launch form uses this folder.", icon=":material/check:")
    else:
        st.button("Use this folder in the launch form", icon=":material/rocket_launch:", key="use folder",
                  on_click=knowledge_fields.set_knowledge, args=(knowledge.source,))
    left_out = [{"path": item.path, "reason": item.reason} for item in knowledge.skipped]
    remarks = [{"path": item.path, "remark": item.reason} for item in knowledge.remarks]
    with st.expander(f"{labels.count(knowledge.documents, 'document')} read, {len(left_out)} skipped",
                     icon=":material/folder_open:"):
        if left_out:
            st.caption("Skipped files")
            elements.data_table(left_out)
        else:
            st.caption("No file was skipped.")
        if remarks:
            st.caption("Read with changes")
            elements.table(remarks, "remarks", "remarks")
        elements.export_buttons(left_out, "skipped", "skipped")
    _report_buttons(knowledge)


def _report_buttons(knowledge: Knowledge) -> None:
    """Draw the downloads of the reading report, which is made when one is pressed."""
    st.caption("The reading report is for the owner of the documents: files, passages and near-duplicates, and the "
               "sentences left out by each rule, with examples.")
    with st.container(horizontal=True):
        for kind, media in (("html", "text/html"), ("json", "application/json")):
            st.download_button(f"Reading report ({kind.upper()})", partial(_report, knowledge, kind),
                               f"reading-report.{kind}", media, icon=":material/download:", on_click="ignore",
                               key=f"reading report {kind}")


def _report(knowledge: Knowledge, kind: str) -> bytes:
    from store.report.reading_html import reading_html  # late: seldom asked for
    from store.report.reading_report import reading_json, reading_report

    assert knowledge.reading is not None
    render = {"html": reading_html, "json": reading_json}[kind]
    return render(reading_report(knowledge.reading, knowledge.domain, knowledge.source)).encode()


def passage_picker(passages: Sequence[Passage], names: Mapping[str, str], sides: Mapping[str, str],
                   asked: Mapping[str, int]) -> Passage:
    """Draw the passages as a table; returns the selected one, by default the first."""
    rows = [{"title": passage.title[:200], "topic": names[passage.topic],
             "source": _SOURCES.get(passage.source, passage.source), "split": side(sides[passage.id]).lower(),
             "questions used": asked.get(passage.id, 0), "text": passage.text[:300]} for passage in passages]
    ids = [passage.id for passage in passages]
    url_state.mark_in_view("passage", ids, "passage list", "title")
    table = elements.data_table(rows, key="passage list", **elements.SELECTS_ROW,
                                height=min(300, 36 * len(rows) + 40), column_config={
                                    "title": st.column_config.TextColumn(width="medium"),
                                    "topic": st.column_config.TextColumn(width=170),
                                    "source": st.column_config.TextColumn(width=100),
                                    "text": st.column_config.TextColumn(width="large")})
    at = url_state.browse("passage", ids, elements.selected_row(table, len(ids)))
    url_state.step_buttons("passage", ids, at, "Passage")
    return passages[at]


def passage_card(passage: Passage, topic: str, on_side: str, asked: int) -> None:
    """Draw one passage in full: text, key terms, questions and address, none of it as markup."""
    with st.container(border=True):
        elements.plain_text(passage.title)
        elements.plain_text(f"{topic} · {side(on_side).lower()} · {labels.count(asked, 'question')} used so far\n"
                            f"{passage.address}")
    left, right = st.columns([3, 2])
    with left:
        st.markdown("**Text**")
        elements.verbatim(passage.text)
        st.markdown("**Questions**")
        elements.verbatim("\n\n".join(passage.questions) or None, "none could be generated")
    with right:
        st.markdown("**Expected key terms**")
        elements.verbatim("\n".join(passage.key_terms) or None, "none")
