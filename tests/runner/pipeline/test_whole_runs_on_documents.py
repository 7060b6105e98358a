"""Whole runs from a folder of real prose to a verdict: a chat teacher in the documents' language, a judge model over
the wire, RAGAS's metrics, and a real student of a few thousand weights that is trained."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from knowledge.languages import is_english, language_of
from runner.pipeline.run_knowledge import open_domain
from runner.pipeline.worker import execute_claimed_run
from store import commands, queries
from store.database import Store
from store.event_log import leases
from store.event_log.journal import read_events
from store.events import AnswersScored, KnowledgeRead, QuestionsAsked, QuestionsRejected, ReferencesWritten
from store.metrics import ANSWER_METRICS
from store.paths import Paths
from store.presets import preset
from tests.knowledge.other_languages import FOLDERS
from tests.runner.fake_openai import FakeOpenAI
from tests.runner.foreign_teacher import speaking
from tests.runner.pipeline.test_own_knowledge import real_documentation
from tests.runner.tiny_models import llama_folder

TREES = {"usr/share/doc/git": 2_000, "usr/share/doc/sqlite3": 2_000, "usr/share/doc/python3.11/html": 5_000}
"""Folder of an unpacked Debian package -> passages that it has at least."""
REPLACED = ("asks the same", "leans on a text")
"""Why questions of this teacher, which quotes how a passage begins, are refused; it asks others instead."""
JUDGED = ("factual_correctness", "faithfulness")


def carried_out(fake: FakeOpenAI, store: Store, tmp_path: Path, folder: Path, language: str) -> queries.Run:
    """A run with eight taught facts and four that are not, at the fake endpoint, to its end."""
    fake.words = speaking(language)
    tiny = llama_folder(tmp_path / "tiny", context=2048)
    config = preset(
        "embedded", student=str(tiny), precision="fp32", teacher="gpt-4o-mini", teacher_base_url=fake.url,
        knowledge=str(folder), topics=(), questions=8, held_out=4, taught_questions=8, general=0, passes=None, steps=6,
        max_new_tokens=8, max_sequence_tokens=512, general_replay=0.0, headline="reference_nll", judge="gpt-4o-mini",
        judge_base_url=fake.url, judge_metrics=JUDGED)
    run = commands.launch_run(store, config, "test")
    claim = leases.claim_next(store, leases.owner_name())
    assert claim and execute_claimed_run(claim, Paths(tmp_path, store.url)) == 0
    found = queries.find_run(store, run)
    assert found and found.work == "finished", found and (found.error, found.trace)
    return found


def check_run(fake: FakeOpenAI, store: Store, tmp_path: Path, folder: Path,
              language: str) -> queries.Run:
    """Carry out a run, and check that everything of it was asked, answered, scored and decided in the language."""
    run = carried_out(fake, store, tmp_path, folder, language)
    events = [item.event for item in read_events(store, run.id)]
    passages = {one.id: one for one in open_domain(run.config).passages}
    asked = {one.question_id: one for event in events if isinstance(event, QuestionsAsked) for one in event.questions}
    assert len(asked) == 20 and {one.tier for one in asked.values()} == {"practice", "paraphrase", "held-out"}
    rejected = [one for event in events if isinstance(event, QuestionsRejected) for one in event.rejected]
    assert not [one for one in rejected if not one.reason.startswith(REPLACED)]
    references = [one for event in events if isinstance(event, ReferencesWritten) for one in event.references]
    assert len(references) == 20 and all(one.text and not one.missing and len(one.foils) == 3 for one in references)
    texts = [*(one.text for one in asked.values()), *(one.text or "" for one in references),
             *(foil for one in references for foil in one.foils)]
    assert [text for text in texts if is_english(text)] == [] if language != "en" else True
    assert {language_of(one.text or "") for one in references} <= {language, "und"}
    scored = [score for event in events if isinstance(event, AnswersScored) for score in event.scores]
    for metric in (*ANSWER_METRICS, *JUDGED):
        values = [score.value for score in scored if score.metric == metric and score.value is not None]
        wanting = {score.missing for score in scored if score.metric == metric and score.value is None}
        assert len(values) >= 20, (metric, wanting)
        assert all(0 <= value <= 1 for value in values)
    assert all(passages[one.passage_id].key_terms for one in asked.values()) or language == "en"
    (verdict,) = [change for change in queries.changes_of(store, run.id)
                  if (change.tier, change.metric, change.topic) == ("paraphrase", "reference_nll", "")]
    assert verdict.scored == 8 and verdict.verdict in ("improved", "worse", "no relevant change", "inconclusive")
    return run


@pytest.mark.slow
@pytest.mark.parametrize("language", ["de", "ja"])
def test_a_folder_in_another_language_runs_to_a_verdict(fake: FakeOpenAI, store: Store, tmp_path: Path,
                                                        language: str) -> None:
    check_run(fake, store, tmp_path, FOLDERS / language, language)


@pytest.mark.slow
def test_the_documentation_of_a_python_package_runs_to_a_verdict(fake: FakeOpenAI, store: Store,
                                                                 tmp_path: Path) -> None:
    check_run(fake, store, tmp_path, real_documentation(), "en")


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "passages"), TREES.items())
def test_a_real_tree_of_debian_runs_to_a_verdict(fake: FakeOpenAI, store: Store, tmp_path: Path, folder: str,
                                                 passages: int) -> None:
    """The trees of `tests/knowledge/questions_checked`, which names their packages, versions and hashes."""
    tree = Path(os.environ.get("DOCUMENT_TREES", "/")) / folder
    if not tree.is_dir():
        pytest.skip(f"no {folder}: unpack its Debian package somewhere and name that place in DOCUMENT_TREES")
    run = check_run(fake, store, tmp_path, tree, "en")
    (read,) = [item.event for item in read_events(store, run.id) if isinstance(item.event, KnowledgeRead)]
    assert read.passages >= passages
