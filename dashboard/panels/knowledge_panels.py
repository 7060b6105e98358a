"""Parts of the page Knowledge: what is there in numbers, what of a folder was left out, one passage whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard.access.knowledge_loader import Knowledge
from dashboard.panels import knowledge_fields
from dashboard.style import labels
from dashboard.view_models import topic_coverage
from dashboard.view_models.topic_coverage import TopicCoverage
from dashboard.widgets import elements
from knowledge.passages import Passage

_SOURCES = {"notes": "notes", "api": "API", "folder": "documents"}
_SIDES = {topic_coverage.PRACTICE: "Practice", topic_coverage.HELD_OUT: "Held-out", topic_coverage.NEITHER: "Neither"}


def side(name: str) -> str:
    """A side in words."""
    return _SIDES.get(name, "All passages")


def summary(knowledge: Knowledge, rows: Sequence[TopicCoverage]) -> None:
    """What it is, its hash, and its size."""
    with st.container(border=True):
        elements.plain_text(f"{knowledge.domain.name}" + ("" if knowledge.built_in else f"\n{knowledge.place}"))
        st.caption(f"Hash of the knowledge: `{knowledge.domain.hash}`. Runs with this hash were taught the same.")
    passages = sum(row.passages for row in rows)
    numbers = {"Topics": len(rows), "Passages": passages, "Questions": sum(row.questions for row in rows),
               "Practice": sum(row.practice for row in rows),
               "Held-out": sum(row.held_out for row in rows),
               "Passages asked": sum(row.passages_asked for row in rows)}
    with st.grid(6, gap="small", min_column_width=115):
        for label, number in numbers.items():
            st.metric(label, f"{number:,}", border=True)
    st.caption("Practice and held-out count passages too: those that may be trained on, and those that are only tested "
               "with. Passages asked are those that any run of this store has asked about.")
    if not numbers["Held-out"]:
        st.warning("No passage can be held out, so a run on this knowledge has no test and no verdict. More documents "
                   "help.", icon=":material/quiz:")
    if not numbers["Questions"]:
        st.warning("The offline teacher can write no question on this knowledge. Longer documents help, or a chat "
                   "model as the teacher.", icon=":material/quiz:")
    left_out = passages - numbers["Practice"] - numbers["Held-out"]
    if left_out:
        st.caption(f"{labels.count(left_out, 'passage')} on neither side: held back, but a practice passage "
                   "says nearly "
                   "the same, so testing with them would test memory.")


def topic_table(rows: Sequence[TopicCoverage]) -> None:
    """One row a topic; counts and no percentages, because topics of a small folder have few passages."""
    sources = list(dict.fromkeys(source for row in rows for source in row.by_source))
    shown = [{"topic": row.name, "passages": row.passages,
              **({_SOURCES.get(source, source): row.by_source.get(source, 0) for source in sources}
                 if len(sources) > 1 else {}),
              "questions": row.questions, "practice": row.practice, "held-out": row.held_out,
              "asked": row.asked, "passages asked": row.passages_asked} for row in rows]
    elements.data_table(shown, height=min(780, 35 * len(rows) + 38), column_config={
        "topic": st.column_config.TextColumn(width=230),
        "practice": st.column_config.NumberColumn(help="Passages that may be trained on."),
        "held-out": st.column_config.NumberColumn(help="Passages that are only tested with."),
        "asked": st.column_config.NumberColumn(help="Questions asked so far, in all runs of this store."),
        "passages asked": st.column_config.NumberColumn(help="Passages that any run has asked about.")})


def folder_report(knowledge: Knowledge) -> None:
    """What of a folder was read and what was not, each with its reason; and the way into the launch form."""
    if knowledge.built_in:
        return
    if knowledge_fields.uses(knowledge.place):
        st.success("The launch form teaches this folder.", icon=":material/check:")
    else:
        st.button("Use this folder in the launch form", icon=":material/rocket_launch:", key="use folder",
                  on_click=knowledge_fields.set_knowledge, args=(knowledge.place,))
    left_out = [{"path": item.path, "reason": item.reason} for item in knowledge.skipped]
    remarks = [{"path": item.path, "remark": item.reason} for item in knowledge.remarks]
    with st.expander(f"{labels.count(knowledge.documents, 'document')} read, {len(left_out)} skipped",
                     icon=":material/folder_open:"):
        if left_out:
            st.caption("Skipped, and why")
            elements.data_table(left_out)
        else:
            st.caption("Nothing was skipped.")
        if remarks:
            st.caption("Read, but not as they stand")
            elements.table(remarks, "remarks", "remarks")
        elements.export_buttons(left_out, "skipped", "skipped")


def passage_picker(passages: Sequence[Passage], names: Mapping[str, str], sides: Mapping[str, str],
                   asked: Mapping[str, int]) -> Passage:
    """The passages as a table; returns the selected one, the first where none is selected."""
    rows = [{"title": passage.title[:200], "topic": names[passage.topic],
             "source": _SOURCES.get(passage.source, passage.source), "side": side(sides[passage.id]).lower(),
             "asked": asked.get(passage.id, 0), "text": passage.text[:300]} for passage in passages]
    selection = elements.data_table(rows, key="passage list", on_select="rerun", selection_mode="single-row",
                                    height=min(300, 36 * len(rows) + 40), column_config={
                                  "title": st.column_config.TextColumn(width="medium"),
                                  "topic": st.column_config.TextColumn(width=170),
                                  "text": st.column_config.TextColumn(width="large")})
    picked = selection.selection.rows if selection else []
    at = picked[0] if picked and picked[0] < len(passages) else 0
    st.caption(f"Passage {at + 1} of {len(passages)}. Select a row to read it.")
    return passages[at]


def passage_card(passage: Passage, topic: str, on_side: str, asked: int) -> None:
    """One passage whole: text, key terms, questions and where it stands; nothing of it is markup."""
    with st.container(border=True):
        elements.plain_text(passage.title)
        elements.plain_text(f"{topic} · {side(on_side).lower()} · {labels.count(asked, 'question')} asked so far\n"
                            f"{passage.address}")
    left, right = st.columns([3, 2])
    with left:
        st.markdown("**Text**")
        elements.verbatim(passage.text)
        st.markdown("**Questions that it answers**")
        elements.verbatim("\n\n".join(passage.questions) or None, "none could be written")
    with right:
        st.markdown("**Key terms of a right answer**")
        elements.verbatim("\n".join(passage.key_terms) or None, "it has none")
