"""The evidence pack and the model card say what people changed of a run's questions, and how far they agreed."""

from __future__ import annotations

import json

import pytest

from store.analysis.review_agreement import review_agreement
from store.commands import review
from store.commands.review import Decision, Person
from store.database import Store
from store.dataset_items import REJECTED
from store.events import ItemCommented
from store.queries.data_origin import origins_of
from store.queries.dataset_items import dataset_items, item_entries
from store.report import as_html, as_json, gather
from store.data_origin import origin_sentences
from tests.store.made_review import approve, asked_run, record, waiting_run

ANN, BEN = Person("ann"), Person("ben")


def test_every_edit_stands_in_the_pack_and_bulk_approvals_are_counted(store: Store) -> None:
    run = waiting_run(store)
    items = dataset_items(store, run)
    review.decide(store, run, [Decision(items[0].question_id, answer="It holds <b>9</b> bar.")], ANN,
                  "the plate says 9")
    review.decide(store, run, [Decision(items[1].question_id, REJECTED)], BEN, "dull")
    review.decide(store, run, [Decision(one.question_id) for one in items[2:]], ANN, bulk=True)
    assert "Training: 5 questions and 5 references, written by the teacher (gpt-4o-mini); 1 edited by people; 1 " \
        "rejected by people; 1 drafts rejected." in origin_sentences(origins_of(store, run))
    evidence = gather(store, run)
    assert evidence
    page, pack = as_html(evidence), json.loads(as_json(evidence))
    assert "What people changed in the questions" in page and "the plate says 9" in page and "dull" in page
    assert "&lt;b&gt;9&lt;/b&gt;" in page and record(0).passage in page and "8 approvals of a whole filter" in page
    assert [one["what"] for one in pack["edits"]] == ["edited", "rejected", *["approved"] * 8]
    assert pack["edits"][0]["answer_before"] == record(0).passage and pack["reviewers"] is None


def test_agreement_is_over_questions_that_two_people_looked_at(store: Store) -> None:
    run = waiting_run(store)
    ids = [one.question_id for one in dataset_items(store, run)][:4]
    assert review_agreement(item_entries(store, run)) is None
    review.decide(store, run, [Decision(ids[0])], ANN)
    review.decide(store, run, [Decision(ids[1], REJECTED)], ANN, "dull")
    review.decide(store, run, [Decision(ids[2], answer="It holds 9 bar.")], ANN)
    review.decide(store, run, [Decision(ids[3])], ANN, bulk=True)
    review.comment(store, run, ItemCommented(ids[0], "", "keep", "rita"))
    review.comment(store, run, ItemCommented(ids[1], "dull", "change", "rita"))
    review.comment(store, run, ItemCommented(ids[2], "", "keep", "rita"))
    review.comment(store, run, ItemCommented(ids[3], "", "keep", "rita"))
    found = review_agreement(item_entries(store, run))
    assert found and (found.questions, found.people, found.pairs, found.equal) == (3, 2, 3, 2)
    assert found.kappa.value == pytest.approx(0.4) and "agreed in 2 of 3 pairs of opinions" in found.sentence


def test_corrections_are_told_from_what_the_run_used(store: Store) -> None:
    run = asked_run(store)
    review.decide(store, run, [Decision(record(0).question_id, answer="It holds 9 bar.")], ANN)
    assert not any(one.edited for one in origins_of(store, run))
    approved = waiting_run(store)
    approve(store, approved, (record(0), record(1)))
    approve(store, approved, (record(0, "held-out"),), "test")
    assert [(one.part, one.questions) for one in origins_of(store, approved)] == [("training", 2), ("test", 1)]
