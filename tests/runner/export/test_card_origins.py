"""The model card says who wrote what the student was trained on and tested by, and how much of it people edited."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from runner.export.model_card import model_card
from store import commands, queries
from store.commands import review
from store.commands.review import Decision
from store.database import Store
from store.dataset_items import REJECTED
from store.paths import Paths
from store.queries.data_origin import origins_of
from tests.runner.pipeline import test_given_questions as given
from tests.runner.pipeline import test_review as reviewed


def card_of(store: Store, run: str, teacher: str = "") -> str:
    found = queries.find_run(store, run)
    assert found and found.work == "finished", found
    if teacher:
        found = dataclasses.replace(found, config=dataclasses.replace(found.config, teacher=teacher))
    return model_card(found, queries.cycles_of(store, run)[-1], (), None, "adapter", "fp32",
                      origins=origins_of(store, run))


def test_what_rules_wrote_and_people_edited_and_rejected_is_in_the_card(store: Store, paths: Paths) -> None:
    run = commands.launch_run(store, reviewed.config(cycles=1), "test")
    assert reviewed.step(store, paths, run) == "waiting-for-review"
    train = reviewed.of_part(store, run, "train")
    review.decide(store, run, [Decision(train[0].question_id, answer=reviewed.EDITED_ANSWER)], reviewed.ANN)
    review.decide(store, run, [Decision(train[1].question_id, REJECTED)], reviewed.ANN, "dull")
    reviewed.approved(store, run)
    assert reviewed.step(store, paths, run) == "finished"
    card = card_of(store, run)
    assert ("- Training: 4 questions and 4 references, written by rules, from the passages' own words; 1 edited by "
            "people; 1 rejected by people") in card
    assert "- Test: 6 questions and 6 references, written by rules" in card
    assert "trained on quotations of the documents, whose own terms apply." in card
    assert "The references are quotations from the documents" in card and "the 6 held-out ones" in card


def test_what_people_brought_is_not_said_to_be_of_the_teacher(store: Store, paths: Paths, tmp_path: Path) -> None:
    chosen = given.config(given.write(tmp_path / "p.csv", given.FACTS), given.test_file(tmp_path / "t.csv"), cycles=1,
                          questions=8)
    card = card_of(store, given.executed(store, paths, chosen), "gpt-4o-mini")
    assert "- Training: 8 questions and 8 references, written by people (p.csv)." in card
    assert "- Test: 8 questions and 8 references, written by people (t.csv)." in card
    assert "trained on questions and answers that people wrote, whose own terms apply." in card
    assert "questions like the 8 of the test, which people wrote" in card
    assert not any(text in card for text in ("gpt-4o-mini, whose", "quotations", "held-out ones"))
