"""Rows that people add to an exported set come back as questions of theirs: trained, tested, counted as such."""

from __future__ import annotations

import json
from pathlib import Path

from knowledge.question_sets import read_rows
from knowledge.questions import question_id
from store import commands, queries
from store.commands import review
from store.commands.review import Decision
from store.database import Store
from store.dataset_files import dataset_files
from store.dataset_import import decisions_of, import_difference
from store.dataset_items import APPROVED
from store.event_log.journal import read_events
from store.events import StageFailed, StudySetPrepared
from store.paths import Paths
from store.queries.data_origin import origins_of
from store.queries.dataset_items import dataset_content, dataset_items
from store.report import as_html, gather
from tests.runner.pipeline.test_review import ANN, config, step

NEW = (("How long does a pod of our own plant wait?", "A pod of our own plant waits for ninety seconds at night", ""),
       ("Which colour has the service of our plant?", "It is painted green.",
        "The service of the plant is old. It is painted green. Nobody knows why."))
NEW_TEST = (("Which paint was once given to what is old in the plant?", *NEW[1][1:]),
            ("Who repairs the big clock of the town hall?", "A smith of the next village repairs it in May", ""))


def test_rows_that_people_added_elsewhere_are_trained_and_tested_as_theirs(store: Store, paths: Paths,
                                                                          tmp_path: Path) -> None:
    run = commands.launch_run(store, config(arms=("placebo", "few-shot", "retrieval")), "test")
    assert step(store, paths, run) == "waiting-for-review"
    exported = dataset_files(_found(store, run), dataset_content(store, run)).contents
    rows = [json.loads(line) for part in ("train", "test") for line in exported[f"plain/{part}.jsonl"].splitlines()]
    rows += [{"question": question, "answer": answer, "passage": passage, "split": "practice", "topic": "plant"}
             for question, answer, passage in NEW]
    rows += [{"question": question, "answer": answer, "passage": passage, "split": "test", "topic": "plant"}
             for question, answer, passage in NEW_TEST]
    (tmp_path / "edited.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    items = dataset_items(store, run)
    found = import_difference(read_rows(tmp_path / "edited.jsonl"), items)
    assert len(found.added) == 4 and {one.decision.decision for one in found.changes} == {APPROVED}
    assert review.decide(store, run, decisions_of(found.changes), ANN, "", found.source, added=found.added) == \
        len(items) + 4
    assert import_difference(read_rows(tmp_path / "edited.jsonl"), dataset_items(store, run)).nothing
    edited = question_id(NEW[0][0])
    review.decide(store, run, [Decision(edited, answer="It waits for two minutes at night, and no longer")], ANN)
    review.finish_review(store, run, ANN)
    assert step(store, paths, run) == "finished"

    pairs = {pair.text: pair for cycle in (1, 2) for pair in queries.answers_of(store, run, cycle)}
    assert pairs[NEW[0][0]].reference == "It waits for two minutes at night, and no longer"
    assert (pairs[NEW[1][0]].passage, pairs[NEW[1][0]].evidence) == (NEW[1][2], NEW[1][1])
    tested = [pairs[question] for question, _, _ in NEW_TEST]
    assert [pair.tier for pair in tested] == ["paraphrase", "held-out"] and all(len(pair.foils) == 3 for pair in tested)
    prepared = next(one.event for one in read_events(store, run) if isinstance(one.event, StudySetPrepared))
    lines = [json.loads(line) for line in (paths.run(run) / prepared.file).read_text().splitlines()]
    assert any("two minutes" in one["answer"] for one in lines) and not any("ninety" in one["answer"] for one in lines)
    assert any(one["prompt"] == NEW[1][0] for one in lines) and \
        not any(question in one["prompt"] for one in lines for question, _, _ in NEW_TEST)
    assert {(one.part, one.kind): (one.questions, one.edited) for one in origins_of(store, run)} == {
        ("training", "rules"): (10, 0), ("training", "people"): (2, 1), ("test", "rules"): (6, 0),
        ("test", "people"): (2, 0)}
    evidence = gather(store, run)
    page = as_html(evidence) if evidence else ""
    assert "the knowledge base itself, offline) and of people." in page and "<td>added, from edited.jsonl" in page
    assert "Training: 2 questions and 2 references, written by people (edited.jsonl); 1 edited by people" in page
    assert not [one.event for one in read_events(store, run) if isinstance(one.event, StageFailed)]


def _found(store: Store, run: str) -> queries.Run:
    found = queries.find_run(store, run)
    assert found, run
    return found
