"""All questions of a run with references, evidence and key terms: people review, correct, flag and discuss them."""

from __future__ import annotations

from functools import partial

import streamlit as st

from dashboard.access import cached_queries, store_access
from dashboard.panels import dataset_items, review_actions
from dashboard.panels.bring_back import bring_back
from dashboard.panels.item_flags import item_flags
from dashboard.panels.item_review import item_review
from dashboard.panels.take_along import take_along
from dashboard.panels.upload import bring_your_own
from dashboard.session import url_state
from dashboard.view_models import dataset_rows, run_selection
from dashboard.view_models.dataset_rows import ALL, DRAFTS, ShownItems
from dashboard.widgets import elements
from store.queries.dataset_items import PARTS

elements.page_title("Dataset",
                    "What the student is taught and tested by: every question with its reference, and who wrote it.")
bring_your_own()
store, runs = store_access.runs_or_stop()
run = url_state.choose_run(runs, run_selection.newest_to_review(runs))
flags, sets = cached_queries.flags(store, run), cached_queries.unchanged_sets(store, run)
content = partial(cached_queries.dataset_content, store, run)  # with many questions, what is not shown is not read
review = None if sets else content().review
drafts = sets.drafts if sets else content().drafts
if not drafts and not (sets.count() if sets else content().review.items):
    elements.empty_state("No question of this run is written yet.")
    st.stop()
if review:
    review_actions.review_state(run, review)
is_open = review is not None and review.open
overview = cached_queries.dataset_overview(store, run)
for sentence in overview.sentences:
    elements.plain_text(sentence)
if sets.has_references if sets else any(item.answer is not None for item in content().review.items):
    take_along(run, content)
bring_back(run, is_open, lambda: content().review)
part = url_state.choose("Set", "part", list(overview.counts), ALL, overview.counts.__getitem__, buttons=True)
words = url_state.text_input("Text contains", "words", "Search question, reference and topic", hidden=True)
if part == DRAFTS:
    rows = dataset_rows.draft_rows(drafts, words)
    if rows:
        elements.table(rows, f"rejected-{run.id}", "rejected drafts")
    else:
        elements.empty_state("No draft matches these filters.")
    st.stop()
if sets and part in (ALL, *PARTS.values()) and not words.strip():
    of_part = sets.of("" if part == ALL else part)
    shown = ShownItems(sum(one.questions for one in of_part),
                       partial(cached_queries.items_between, store, run, of_part),
                       lambda: dataset_rows.filtered(content().review.items, flags, part, words))
else:
    shown = dataset_rows.shown_of(dataset_rows.filtered(content().review.items, flags, part, words))
if not shown.count:
    elements.empty_state("No question matches these filters.")
    st.stop()
picked, selected = dataset_items.item_list(shown, flags, review is not None and (review.drafted or any(
    version > 1 for version in review.versions.values())))
if selected or is_open:
    review_actions.bulk_decisions(run, selected or shown.whole(), by_filter=not selected)
dataset_items.item_detail(picked)
item_review(run, is_open, picked, cached_queries.item_entries(store, run))
item_flags(run, picked.question_id, flags)
elements.export_buttons(lambda: dataset_rows.exported(shown.whole(), flags), f"dataset-{run.id}", "dataset")
